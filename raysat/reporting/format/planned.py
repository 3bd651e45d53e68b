"""The contrasts that a study planned: their table, what was decided by looks, and sentences on both."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from raysat.formatting import NONE, one_line, plural
from raysat.metrics.spending import QUADRATIC_IN_WORDS
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.looks import Decision, Looked
from raysat.reporting.analysis.planned import PlannedDifference
from raysat.reporting.format.cells import N, difference_cell, p_cell, whole_cell, words
from raysat.reporting.format.numbers import format_estimate, p_value
from raysat.reporting.format.sentences import arm_label
from raysat.reporting.format.table import Cell, Heading, Table, make_table
from raysat.study.compare import known_metric

OVER_LOOKS: Final = (
    f"The error rate of 5 % holds over all looks ({QUADRATIC_IN_WORDS}); p-values and intervals that are not said to "
    "do so are those of one look at all seeds."
)
EXPLORATORY: Final = (
    "All other comparisons were not planned: they were found afterwards, are corrected as a family of their own, and "
    "are exploratory."
)


def planned_table(analysis: Analysis) -> Table:
    """A row per planned contrast: its difference with interval, p, and p after Holm over the planned ones alone."""
    differences = analysis.planned.differences if analysis.planned else ()
    estimates = [each.estimate for each in differences]
    return make_table(
        "planned",
        "Planned contrasts. Differences with 95 % intervals, bold where they exclude zero; Holm over these alone; "
        "n: pairs of seeds.",
        [
            (Heading(text="contrast", words=True), [_label(analysis, each.arm, each.to) for each in differences]),
            (Heading(text="metric", words=True), [words(analysis.board.full_label(e.metric)) for e in differences]),
            (
                Heading(text="difference"),
                [difference_cell(each.estimate, each.metric.digits) for each in differences],
            ),
            (Heading(text="p"), [p_cell(each.p if each else None) for each in estimates]),
            (Heading(text="p after Holm", short="p (Holm)"), [p_cell(e.p_holm if e else None) for e in estimates]),
            (N, [whole_cell(each.n if each else None) for each in estimates]),
        ],
    )


def looks_table(analysis: Analysis) -> Table:
    """A row per contrast that seeds were added for: what holds over all looks."""
    looked = analysis.planned.looked if analysis.planned else None
    decisions = looked.decisions if looked else ()
    return make_table(
        "looks",
        f"Adjusted for looks{_taken(looked)}: 95 % intervals hold over all of them, p-values whenever one stops.",
        [
            (
                Heading(text="contrast", words=True),
                [_label(analysis, each.contrast.arm, each.contrast.to) for each in decisions],
            ),
            (Heading(text="metric", words=True), [words(_metric(analysis, each)) for each in decisions]),
            (Heading(text="adjusted difference"), [difference_cell(adjusted(each), 4) for each in decisions]),
            (Heading(text="p over all looks", short="p"), [p_cell(each.p) for each in decisions]),
            (Heading(text="after Holm", short="p (Holm)"), [p_cell(each.p_holm) for each in decisions]),
            (Heading(text="decided", words=True), [Cell(text=verdict(each)) for each in decisions]),
            (N, [whole_cell(each.pairs) for each in decisions]),
        ],
    )


def planned_sentences(analysis: Analysis) -> Iterator[str]:
    """What became of the planned contrasts; empty where nothing was planned."""
    if (planned := analysis.planned) is None:
        return
    if planned.looked is not None:
        yield looks_sentence(planned.looked)
        yield from map(partial(_decided, analysis), planned.looked.decisions[:_NAMED])
        yield OVER_LOOKS
    else:
        shown = sum(each.shown for each in planned.differences)
        yield (
            f"Planned: {shown} of {plural(len(planned.differences), 'contrast')} "
            f"{'differs' if shown == 1 else 'differ'} at 5 % after Holm over the planned ones alone."
        )
        first = sorted(planned.differences, key=lambda each: not each.shown)  # those that differ
        yield from map(partial(_sentence, analysis), first[:_NAMED])
        if (more := len(first) - _NAMED) > 0:
            yield f"The table of planned contrasts has {more} more."
    yield EXPLORATORY


def looks_sentence(looked: Looked) -> str:
    """How many looks were taken, and what they decided."""
    decided = sum(each.decided for each in looked.decisions)
    state = (
        "until all were decided"
        if looked.all_decided
        else (f"up to the {looked.most} seeds that were allowed" if looked.ended else "so far")
    )
    return (
        f"Seeds were added in blocks {state}: {plural(len(looked.seeds), 'look')}, at {_numbers(looked)} seeds; "
        f"{decided} of {plural(len(looked.decisions), 'contrast')} decided."
    )


def adjusted(decision: Decision) -> Estimate:
    """The difference with the interval that holds over all looks."""
    return Estimate(
        value=decision.value,
        low=decision.low,
        high=decision.high,
        n=decision.pairs,
        p=decision.p,
        p_holm=decision.p_holm,
    )


def verdict(decision: Decision) -> str:
    """Whether a contrast is decided, and since when."""
    return "open" if decision.decided_at is None else f"at {decision.decided_at} seeds"


_NAMED: Final = 6  # contrasts that sentences name; the table has all


def _decided(analysis: Analysis, each: Decision) -> str:
    contrast = each.contrast
    what = f"{_arm(analysis, contrast.arm)} minus {_arm(analysis, contrast.to)}: {_metric(analysis, each)}"
    found = f"{format_estimate(adjusted(each), 4)} (n = {plural(each.pairs, 'pair')}; over all looks "
    return f"{what} {found}p = {p_value(each.p)}, after Holm {p_value(each.p_holm)}): {_verdict(each)}."


def _metric(analysis: Analysis, each: Decision) -> str:
    """How people call the metric of a contrast."""
    metric = known_metric(each.contrast.metric, analysis.board.classes)
    return each.contrast.metric if metric is None else analysis.board.full_label(metric)


def _verdict(each: Decision) -> str:
    return f"decided {verdict(each)}" if each.decided else "not decided"


def _sentence(analysis: Analysis, each: PlannedDifference) -> str:
    metric = each.metric
    what = f"{_arm(analysis, each.arm)} minus {_arm(analysis, each.to)}: {analysis.board.full_label(metric)}"
    if each.estimate is None:
        return f"{what} {NONE} (no seed in common)."
    tests = f"p = {p_value(each.estimate.p)}, after Holm {p_value(each.estimate.p_holm)}"
    return f"{what} {format_estimate(each.estimate, metric.digits)} (n = {plural(each.estimate.n, 'pair')}; {tests})."


def _label(analysis: Analysis, arm: str, to: str) -> Cell:
    return words(f"{_arm(analysis, arm)} minus {_arm(analysis, to)}")


def _arm(analysis: Analysis, name: str) -> str:
    known = {arm.name for arm in analysis.board.arms}
    return arm_label(analysis, name) if name in known else one_line(name)


def _taken(looked: Looked | None) -> str:
    return "" if looked is None else f" at {_numbers(looked)} of at most {looked.most} seeds"


def _numbers(looked: Looked) -> str:
    numbers = [str(number) for number in looked.seeds]
    return numbers[0] if len(numbers) == 1 else f"{', '.join(numbers[:-1])} and {numbers[-1]}"

"""Arms as tuned and as written: how hard each was tuned, both rankings, and what tuning changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from raysat.formatting import NONE, number, one_line, plural
from raysat.metrics.power import LEVEL
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.tuned import TunedAndWritten, TunedComparison
from raysat.reporting.format.cells import N, difference_cell, estimate_cell, p_cell, whole_cell, words
from raysat.reporting.format.numbers import format_estimate, p_value
from raysat.reporting.format.sentences import arm_label
from raysat.reporting.format.table import Cell, Heading, Table, make_table


def tuned_table(analysis: Analysis) -> Table:
    """A row per arm, best as tuned first: both ranks and means, the change, trials that tuned it, chosen settings."""
    arms, metric = analysis.tuned.arms if analysis.tuned else (), analysis.metric
    changes = [each.change.get(metric) for each in arms]
    written = [each.written_mean.get(metric) for each in arms]
    return make_table(
        "tuned",
        f"Arms as tuned and as written: {metric.label} with 95 % intervals, and the paired change, bold where its "
        "interval excludes zero; Holm over the changes alone. Trials: that tuned the arm, on val, with another seed.",
        [
            (Heading(text="rank", below="tuned"), [_rank(each.rank) for each in arms]),
            (Heading(text="rank", below="as written"), [_rank(each.written_rank) for each in arms]),
            (Heading(text="arm", words=True), [words(arm_label(analysis, each.arm)) for each in arms]),
            (Heading(text="tuned"), [estimate_cell(each.mean.get(metric), metric.digits) for each in arms]),
            (Heading(text="as written"), [estimate_cell(mean, metric.digits) for mean in written]),
            (Heading(text="change"), [difference_cell(change, metric.digits) for change in changes]),
            (
                Heading(text="p after Holm", short="p (Holm)"),
                [p_cell(each.p_holm if each else None) for each in changes],
            ),
            (Heading(text="trials"), [_tried(each) for each in arms]),
            (Heading(text="chosen", words=True), [words(_chosen(each)) for each in arms]),
            (N, [whole_cell(each.n if each else None) for each in changes]),
        ],
        row_heading=2,
    )


def tuned_sentences(analysis: Analysis) -> Iterator[str]:
    """How hard arms were tuned, whether that changed who comes first, and by how much arms differ then."""
    if (tuned := analysis.tuned) is None:
        return
    metric = analysis.metric
    had = _span(each.entry.tried for each in tuned.arms)
    stopped = _span(each.entry.stopped for each in tuned.arms)
    early = "" if stopped == "0" else f", {stopped} of them stopped after shorter trainings"
    yield f"Each arm was tuned by {had} trials on val{early}, before the seeds that compare them here were trained."
    first = next((each for each in tuned.arms if each.rank == 1), None)
    before = next((each for each in tuned.arms if each.written_rank == 1), None)
    if first is not None and before is not None:
        name = arm_label(analysis, first.arm)
        same = first.arm == before.arm
        yield f"As tuned {name} comes first, as written " + ("too." if same else f"{arm_label(analysis, before.arm)}.")
    yield from _changes(analysis, tuned)
    gap, written = (tuned.gap(metric, written=of) for of in (False, True))
    if gap is not None and written is not None:
        yield (
            f"From the worst arm to the best it is {number(gap, metric.digits)} in {metric.label} as tuned, "
            f"{number(written, metric.digits)} as written."
        )


def _changes(analysis: Analysis, tuned: TunedComparison) -> Iterator[str]:
    """How many arms tuning changed for sure, and the largest change."""
    metric = analysis.metric
    changed = [(each, change) for each in tuned.arms if (change := each.change.get(metric)) is not None]
    if not changed:
        return
    shown = sum(change.p_holm is not None and change.p_holm <= LEVEL for _, change in changed)
    kept = sum(not each.entry.chosen for each in tuned.arms)
    if kept == len(tuned.arms):
        yield "No arm scored higher on val with other settings than with those as written, which all keep."
        return
    largest, change = max(changed, key=lambda pair: abs(pair[1].value))
    stay = f"; {plural(kept, 'arm')} kept the settings as written" if kept else ""
    yield (
        f"Tuning changed {shown} of {plural(len(changed), 'arm')} at 5 % after Holm{stay}. Largest change: "
        f"{arm_label(analysis, largest.arm)}, {format_estimate(change, metric.digits)} "
        f"(n = {plural(change.n, 'pair')}; p = {p_value(change.p)}, after Holm {p_value(change.p_holm)})."
    )


def _rank(rank: int | None) -> Cell:
    return Cell(text=NONE if rank is None else str(rank), value=rank)


def _tried(arm: TunedAndWritten) -> Cell:
    entry = arm.entry
    ends = {"failed": entry.failed, "stopped": entry.stopped}
    below = ", ".join(f"{number} {how}" for how, number in ends.items() if number)
    return Cell(text=str(entry.tried), value=entry.tried, below=below)


def _span(numbers: Iterable[int]) -> str:
    """A number that all have, or the lowest and the highest."""
    low, *rest = sorted(set(numbers))
    return f"{low} to {rest[-1]}" if rest else f"{low}"


def _chosen(arm: TunedAndWritten) -> str:
    return one_line(", ".join(arm.entry.settings)) or "as written"

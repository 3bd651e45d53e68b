"""The tables of a paper: arms by metric with what a paired test cannot tell from the best in bold, and differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from raysat.errors import UsageError, suggest
from raysat.formatting import number, one_line, plural
from raysat.metrics.catalog import ACCURACY, CAN_RANK, FROM_CONFUSION, PRECISION, RANKING, RECALL, Metric
from raysat.metrics.power import LEVEL, name_of_test, seeds_needed
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.model import Arm, Leaderboard, MetricSummary
from raysat.reporting.analysis.top_group import TopGroup, top_group
from raysat.reporting.format.cells import arm_cell, p_cell
from raysat.reporting.format.justified import column_decimals
from raysat.reporting.format.numbers import format_difference, format_interval, format_spread
from raysat.reporting.format.places import resampled
from raysat.reporting.format.sentences import arm_label, measured_on
from raysat.reporting.format.table import Cell, Column, Emphasis, Heading, Table, make_table

_ARM: Final = Heading(text="Arm", words=True, key="arm")
MOST_ROWS: Final = 40  # that fill a page
_MOST_COMPARED: Final = 2  # metrics of the table of differences
_HALF_WIDTHS: Final = 1.959964  # standard errors in half a 95 % interval
_COLUMNS: Final = tuple(metric.name for metric in (*CAN_RANK, ACCURACY, RECALL, PRECISION))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """A table and the footnotes that stand below it."""

    table: Table
    notes: Sequence[str]


def check_columns(names: Sequence[str]) -> None:
    """Raise UsageError for a name that is no metric."""
    for name in names:
        if name not in _COLUMNS:
            raise UsageError(f"unknown metric {name!r} as a column", hint=suggest(name, _COLUMNS))


def paper_metrics(board: Leaderboard, names: Sequence[str], rank_by: Metric) -> tuple[Metric, ...]:
    """Return the metrics that are the columns of a paper's table.

    Args:
        board: the arms.
        names: as in files; ``recall`` and ``precision`` stand for those of every class. None: what ranks, and accuracy.
        rank_by: what ranks first.

    Raises:
        UsageError: an unknown name, or a metric that no arm has.
    """
    known = {metric.name: [metric] for metric in (*CAN_RANK, ACCURACY)}
    known |= {metric.name: list(board.by_class(metric)) for metric in (RECALL, PRECISION)}
    check_columns(names)
    for name in names:
        if not any(arm.metrics[metric].values for metric in known[name] for arm in board.ranked):
            raise UsageError(f"no arm has {known[name][0].label}", hint="leave it out of {--columns}")
    asked = names or [metric.name for metric in dict.fromkeys((rank_by, *RANKING, ACCURACY))]
    return tuple(dict.fromkeys(metric for name in asked for metric in known[name]))


def arms_by_metric(analysis: Analysis, metrics: Sequence[Metric]) -> PaperTable:
    """Every arm's means over seeds, each above its interval; best first.

    Args:
        analysis: of the report.
        metrics: the columns.
    """
    arms, board = _shown(analysis), analysis.board
    groups = [top_group(board, metric) for metric in metrics]
    baseline = analysis.baseline if len(analysis.ranked) > 1 else ""
    names = [_named(arm, analysis, baseline) for arm in arms]
    columns = [_means(analysis, arms, group) for group in groups]
    order = f", by {analysis.rank_by.label}" if len(arms) > 1 else ""
    caption = f"{one_line(board.study)}: means over seeds on the {measured_on(board)}; best first{order}."
    table = make_table("arms", caption, [(_ARM, names), *columns])
    return PaperTable(table=table, notes=[*_counted(analysis, arms), *_intervals(analysis), *_bold(groups)])


def differences_to_baseline(analysis: Analysis, metrics: Sequence[Metric]) -> PaperTable | None:
    """Every other arm minus the baseline, with intervals and p; None where nothing can be compared.

    Args:
        analysis: of the report.
        metrics: the columns of the first table; the first few that are resampled are compared.
    """
    compared = [metric for metric in metrics if metric in FROM_CONFUSION or metric.name == RECALL.name]
    compared = [metric for metric in compared if any(metric in of for of in analysis.to_baseline.values())]
    compared = [metric for metric in compared if metric != ACCURACY][:_MOST_COMPARED]
    if not compared:
        return None
    arms = [arm for arm in _shown(analysis) if arm.name in analysis.to_baseline]
    columns = [column for metric in compared for column in _differences(analysis, arms, metric)]
    to = arm_label(analysis, analysis.baseline)
    caption = f"{one_line(analysis.board.study)}: paired differences to the baseline, {one_line(to)}."
    table = make_table("differences", caption, [(_ARM, [_named(arm, analysis) for arm in arms]), *columns])
    return PaperTable(table=table, notes=list(_tested(analysis, arms, compared)))


def _shown(analysis: Analysis) -> list[Arm]:
    """The first arms, those without a result last; and the baseline if it is not among them."""
    return [arm for place, arm in enumerate(analysis.board.arms) if place < MOST_ROWS or arm.name == analysis.baseline]


def _named(arm: Arm, analysis: Analysis, baseline: str = "") -> Cell:
    """An arm; what it lacks is a footnote."""
    cell = arm_cell(arm, baseline=baseline)
    if arm.n == arm.n_planned:
        return cell
    failed = [f"{len(arm.failed)} failed ({_seeds([each.seed for each in arm.failed])})"] if arm.failed else []
    missing = [f"{len(arm.missing)} not trained ({_seeds(arm.missing)})"] if arm.missing else []
    short = ", and so never bold" if arm.short and len(analysis.ranked) > 1 else ""
    note = f"{arm.n} of {plural(arm.n_planned, 'seed')} finished: {', '.join([*failed, *missing])}{short}."
    return Cell(text=cell.text, below=cell.below, note=note)


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def _means(analysis: Analysis, arms: Sequence[Arm], group: TopGroup) -> Column:
    metric, board = group.metric, analysis.board
    of_class = metric.class_index is not None
    intervals = [ends for arm in arms if (ends := _ends(analysis, arm, metric)) is not None]
    digits = column_decimals(intervals, metric.digits + 1)
    cells = []
    for arm in arms:
        summary = arm.metrics.get(metric, MetricSummary(values=()))
        estimate = analysis.means.get(arm.name, {}).get(metric)
        below = format_interval(estimate, digits, difference=False) or format_spread(summary, digits)
        strong = Emphasis.STRONG if arm.name in group.arms else Emphasis.PLAIN
        cells.append(Cell(text=number(summary.mean, digits), value=summary.mean, below=below, emphasis=strong))
    alike = "No arm is told apart from the best here." if group.all_alike else ""
    arrow = "↓" if metric.lower_is_better else "↑"
    name = board.label(metric) if of_class else metric.short[:1].upper() + metric.short[1:]
    heading = Heading(
        text=f"{name} {arrow}", key=metric.name, group=f"{metric.label} of" if of_class else "", note=alike
    )
    return heading, cells


def _ends(analysis: Analysis, arm: Arm, metric: Metric) -> tuple[float, float] | None:
    """The interval of a mean; where it is not resampled that of the seeds alone, as a normal distribution has it."""
    estimate = analysis.means.get(arm.name, {}).get(metric)
    if estimate is not None and estimate.low is not None and estimate.high is not None:
        return estimate.low, estimate.high
    summary = arm.metrics.get(metric)
    if summary is None or summary.mean is None or not summary.sd:
        return None
    half = _HALF_WIDTHS * summary.sd / math.sqrt(len(summary.values))
    return summary.mean - half, summary.mean + half


def _differences(analysis: Analysis, arms: Sequence[Arm], metric: Metric) -> list[Column]:
    estimates = [analysis.to_baseline[arm.name].get(metric) for arm in arms]
    ends = [(e.low, e.high) for e in estimates if e is not None and e.low is not None and e.high is not None]
    digits = column_decimals(ends, metric.digits + 1)
    group = f"{analysis.board.full_label(metric)} {'↓' if metric.lower_is_better else '↑'}"
    cells = [
        Cell(
            text=format_difference(estimate.value if estimate else None, digits),
            value=estimate.value if estimate else None,
            below=format_interval(estimate, digits),
            emphasis=Emphasis.STRONG
            if estimate is not None and estimate.p_holm is not None and estimate.p_holm <= LEVEL
            else Emphasis.PLAIN,
        )
        for estimate in estimates
    ]
    return [
        (Heading(text="Difference", key=metric.name, group=group), cells),
        (Heading(text="p", group=group), [p_cell(estimate.p if estimate else None) for estimate in estimates]),
        (Heading(text="Holm", group=group), [p_cell(estimate.p_holm if estimate else None) for estimate in estimates]),
    ]


def _counted(analysis: Analysis, arms: Sequence[Arm]) -> Iterator[str]:
    """What the numbers are of."""
    board = analysis.board
    counts = sorted({arm.n for arm in arms if arm.n})
    n = plural(counts[-1], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    yield f"n = {n} an arm, {board.n_test or 0:,} {board.reported} patches{' (simulated)' * board.synthetic}."
    if len(arms) < len(board.arms):
        yield f"The first {MOST_ROWS} of {len(board.arms)} arms{' and the baseline' * (len(arms) > MOST_ROWS)}."


def _intervals(analysis: Analysis) -> Iterator[str]:
    if max(arm.n for arm in analysis.ranked) < 2:
        yield "One seed, so no interval and no test."
        return
    yield (
        "In brackets: 95 % intervals, seeds and test patches being random (bootstrap, "
        f"{analysis.n_resamples:,} resamples of {resampled(analysis)}; Student's t over seeds). "
        "After ±: standard deviation over seeds, where there is no interval. "
        "Decimals are those that the intervals justify."
    )


def _bold(groups: Sequence[TopGroup]) -> Iterator[str]:
    """The rule that sets numbers in bold, or why it sets none."""
    asked = [group for group in groups if group.best is not None]
    if not asked:
        return
    known = [group for group in asked if not group.too_few]
    never = " Accuracy is never bold: on imbalanced data its best is no merit." * any(
        group.metric == ACCURACY for group in groups
    )
    if not known:
        few = min(asked, key=lambda group: group.pairs)
        of = plural(few.competing - 1, "comparison")
        yield (
            f"Nothing is bold: with {plural(few.pairs, 'pair')} of seeds and {of} a column no difference can be "
            f"significant at 5 % after Holm, however large; {few.needed} seeds can show one.{never}"
        )
        return
    first = known[0]
    some = "" if len(known) == len(asked) else " Columns without bold have too few seeds for that test."
    yield (
        "Bold: the best of a column and every arm that a paired test does not tell apart from it (two-sided "
        f"{name_of_test(first.pairs)} over seeds, p > 0.05 after Holm for {plural(first.competing - 1, 'comparison')} "
        f"a column).{some}{never}"
    )


def _tested(analysis: Analysis, arms: Sequence[Arm], metrics: Sequence[Metric]) -> Iterator[str]:
    """What the differences are of, and when they are bold."""
    compared = [analysis.to_baseline[arm.name] for arm in arms]
    estimates = [of[metric] for of in compared for metric in metrics if metric in of]
    counts = sorted({estimate.n for estimate in estimates})
    pairs = f"{plural(counts[-1], 'pair')} of seeds"
    board = analysis.board
    yield (
        f"n = {pairs if len(counts) == 1 else f'{counts[0]} to {pairs}'}, {board.n_test or 0:,} {board.reported} "
        "patches, the same for both arms of a pair."
    )
    if counts[-1] < 2:
        yield "One pair of seeds, so no interval, and p can be no less than 1."
        return
    apart = " The contrasts that the study planned are corrected among themselves." * (analysis.planned is not None)
    comparisons = len(analysis.to_baseline)
    yield (
        f"In brackets: 95 % intervals of each difference alone. p: two-sided {name_of_test(counts[-1])} over seeds; "
        f"Holm: p corrected for the comparisons of a metric ({comparisons} here).{apart}"
    )
    if counts[-1] < (least := seeds_needed(comparisons)) and analysis.planned is None:
        yield (
            f"Nothing is bold: with {pairs} the smallest p after Holm is above 5 %, whatever the difference; "
            f"{least} seeds can show one."
        )
    else:
        yield "Bold: p at most 0.05 after Holm."

"""Tables with a row per arm: the leaderboard, each class, more metrics, cost, and what is unfinished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raysat.formatting import duration, one_line
from raysat.metrics.catalog import (
    ACCURACY,
    BALANCED_ACCURACY,
    FROM_CONFUSION,
    FROM_PREDICTIONS,
    ICV_ROOT,
    MACRO_F1,
    RANKING,
    RECALL,
    Metric,
)
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.replication import Replication
from raysat.reporting.format.cells import (
    ARM,
    N,
    arm_cell,
    difference_cell,
    mean_cell,
    n_cell,
    p_cell,
    rank_cell,
    whole_cell,
    words,
)
from raysat.reporting.format.numbers import format_estimate, printed
from raysat.reporting.format.sentences import spread_note
from raysat.reporting.format.table import Cell, Column, Heading, Table, make_table

MOST_CLASSES: Final = 6  # whose recalls a leaderboard shows; with more they are in a table of their own alone
# The room for names below which a narrow table leaves a column out.
_ROOM: Final = {ICV_ROOT: 40, ACCURACY: 30, MACRO_F1: 18}


def leaderboard(board: Leaderboard, replication: Replication | None = None, analysis: Analysis | None = None) -> Table:
    """Return all arms, best first; accuracy comes last, as it never ranks.

    Args:
        board: the arms.
        replication: published numbers beside ours, where they could be compared.
        analysis: intervals, differences to the best and marks, where they are known.
    """
    arms, several = board.arms, analysis is not None and len(analysis.ranked) > 1
    tied, pareto = (analysis.tied, analysis.pareto) if analysis else ((), ())
    baseline = analysis.baseline if analysis and several else ""
    metrics = [metric for metric in FROM_CONFUSION if metric != ACCURACY]
    leading = [analysis.rank_by] if analysis and analysis.rank_by not in RANKING else []
    recalls = board.by_class(RECALL) if len(board.classes) <= MOST_CLASSES else ()
    published = any(arm.published is not None for arm in arms)
    return make_table(
        "leaderboard",
        f"Means over n seeds {spread_note(analysis)}; bold: the best of a column, and differences whose interval "
        "excludes zero.",
        [
            (Heading(text="#", key="rank"), [rank_cell(arm, tied) for arm in arms]),
            (ARM, [arm_cell(arm, pareto=pareto, baseline=baseline) for arm in arms]),
            *(_metric(metric, board, analysis) for metric in (*leading, *metrics)),
            *(_to_best(analysis) if analysis and several else ()),
            *([_published(board, replication)] if published else ()),
            *(_metric(metric, board, analysis) for metric in (*recalls, ACCURACY)),
            (N, [n_cell(arm) for arm in arms]),
        ],
        row_heading=1,
    )


def _metric(metric: Metric, board: Leaderboard, analysis: Analysis | None) -> Column:
    of_class = metric.class_index is not None
    heading = Heading(
        text=board.label(metric),
        below=metric.label if of_class else "lower is better" * metric.lower_is_better,
        key=metric.name,
        short=board.label(metric) if of_class else metric.short,
        group=f"{metric.label} by class" if of_class else "",
        room=36 if of_class else _ROOM.get(metric, 0),
        inline=metric == BALANCED_ACCURACY,
    )
    return heading, _means(metric, board, board.arms, analysis)


def _means(metric: Metric, board: Leaderboard, arms: Sequence[Arm], analysis: Analysis | None) -> list[Cell]:
    intervals = {arm: means.get(metric) for arm, means in analysis.means.items()} if analysis else {}
    best = board.best(metric)
    return [mean_cell(arm.metrics[metric], metric, best=best, interval=intervals.get(arm.name)) for arm in arms]


def _to_best(analysis: Analysis) -> tuple[Column, Column]:
    metric = analysis.metric
    estimates = [analysis.to_best.get(arm.name, {}).get(metric) for arm in analysis.board.arms]
    return (
        (
            Heading(text="difference to the best", below=metric.label, short="to the best", key="to_best", room=44),
            [difference_cell(estimate, metric.digits) for estimate in estimates],
        ),
        (
            Heading(text="p after Holm", below=metric.label, short="p (Holm)", key="p_holm", room=46),
            [p_cell(estimate.p_holm if estimate else None) for estimate in estimates],
        ),
    )


def _published(board: Leaderboard, replication: Replication | None) -> Column:
    metric, cells = BALANCED_ACCURACY, []
    for arm in board.arms:
        value, difference = arm.published_value(metric), replication.of(arm.name, metric) if replication else None
        below = format_estimate(difference.estimate) if difference else ""
        cells.append(Cell(text=printed(value), value=value, below=below))
    text = f"published {metric.label}"
    return Heading(text=text, below="ours − published", short="published", key="published", room=42), cells


def class_table(board: Leaderboard, metric: Metric, analysis: Analysis | None = None) -> Table:
    """Return recall or precision of each class; without rows where no trial has finished.

    Args:
        board: the arms.
        metric: RECALL or PRECISION.
        analysis: intervals, where they are known.
    """
    arms = analysis.ranked if analysis else board.arms
    caption = (
        f"{metric.label.capitalize()} of each class: means over n seeds {spread_note(analysis)}; patches are those of "
        f"the {board.reported} split."
    )
    means = [_means(of_class, board, arms, analysis) for of_class in board.by_class(metric)]
    return _by_class(metric.name, caption, board, arms, means)


def area_table(analysis: Analysis, metric: Metric) -> Table:
    """AUROC or AVERAGE_PRECISION of each class against the rest."""
    arms = analysis.ranked
    areas = [[mean_cell(arm.metrics[of_class]) for arm in arms] for of_class in analysis.board.by_class(metric)]
    caption = f"{metric.label} of each class against the rest: means over n seeds ± standard deviation."
    return _by_class(metric.name, caption, analysis.board, arms, areas)


def _by_class(
    name: str, caption: str, board: Leaderboard, arms: Sequence[Arm], cells: Sequence[Sequence[Cell]]
) -> Table:
    if board.support is None:
        return Table(name=name, caption=caption, headings=[], rows=[])
    headings = [
        Heading(text=one_line(label), below=f"{patches:,} patches")
        for label, patches in zip(board.classes, board.support, strict=True)
    ]
    return _arm_table(name, caption, arms, list(zip(headings, cells, strict=True)))


def _arm_table(
    name: str, caption: str, arms: Sequence[Arm], columns: Sequence[Column], total: Sequence[Cell] = ()
) -> Table:
    first, last = (ARM, [arm_cell(arm) for arm in arms]), (N, [n_cell(arm) for arm in arms])
    return make_table(name, caption, [first, *columns, last], total=total)


def more_table(analysis: Analysis) -> Table:
    """Metrics that only predictions give; those that no arm has are left out."""
    arms = analysis.ranked
    columns = [
        (
            Heading(text=metric.label, below="lower is better" * metric.lower_is_better),
            _means(metric, analysis.board, arms, analysis),
        )
        for metric in FROM_PREDICTIONS
        if any(arm.metrics[metric].values for arm in arms)
    ]
    return _arm_table("more", f"Means over n seeds {spread_note(analysis)}; bold: the best of a column.", arms, columns)


def cost_table(analysis: Analysis) -> Table:
    """What each arm's trials took."""
    total = analysis.cost
    arms = [arm for arm in analysis.ranked if arm.name in total.arms]
    costs = [total.arms[arm.name] for arm in arms]
    n = whole_cell(analysis.board.finished)
    return _arm_table(
        "cost",
        "Over all n seeds of an arm, each trial counted as if it were trained alone.",
        arms,
        [
            (Heading(text="images"), [whole_cell(cost.images) for cost in costs]),
            (Heading(text="time"), [_seconds(cost.seconds) for cost in costs]),
            (Heading(text="parameters"), [whole_cell(cost.parameters) for cost in costs]),
            (Heading(text="epochs"), [whole_cell(cost.epochs) for cost in costs]),
        ],
        [words("all"), whole_cell(total.images), _seconds(total.seconds), words(""), words(""), n],
    )


def _seconds(value: float) -> Cell:
    return Cell(text=duration(value), value=value)


def unfinished_table(board: Leaderboard) -> Table:
    """Every trial without a result, in the board's order."""
    rows = []
    for arm in board.arms:
        rows += [(arm.label, str(trial.seed), f"failed: {trial.error}") for trial in arm.failed]
        if arm.missing:
            rows.append((arm.label, ", ".join(map(str, arm.missing)), "missing: not trained yet"))
    return Table(
        name="unfinished",
        caption="Trials without a result; they take no part in any number.",
        headings=[Heading(text=text, words=True) for text in ("arm", "seeds", "what happened")],
        rows=[[words(text) for text in row] for row in rows],
    )

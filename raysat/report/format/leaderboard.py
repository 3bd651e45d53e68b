"""Tables with a row per arm: the leaderboard, each class, more metrics, cost, and what is unfinished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raysat.formatting import duration
from raysat.report.analysis.collect import Arm, Leaderboard, one_line
from raysat.report.analysis.columns import MOST_CLASSES, class_columns, columns, leading_columns
from raysat.report.analysis.columns import Column as Metric
from raysat.report.analysis.findings import Findings
from raysat.report.analysis.ranking import EXTRA, LABELS, LOWER_IS_BETTER, RULE
from raysat.report.analysis.replication import Replication
from raysat.report.format.cells import (
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
from raysat.report.format.numbers import format_estimate, printed
from raysat.report.format.sentences import measure_label, spread_note
from raysat.report.format.table import Cell, Column, Heading, Table, make_table

# Short headings, and the room for names below which a narrow table leaves a column out.
_SHORT: Final = {"balanced_accuracy": "balanced acc.", "macro_f1": "F1", "accuracy": "acc."}
_ROOM: Final = {"icv_root": 40, "accuracy": 30, "macro_f1": 16}
_AREAS: Final = {"auroc": "AUROC", "average_precision": "Average precision"}


def leaderboard(board: Leaderboard, replication: Replication | None = None, findings: Findings | None = None) -> Table:
    """All arms, best first; accuracy comes last, as it never ranks.

    Args:
        board: the arms.
        replication: published numbers beside ours, where they could be compared.
        findings: intervals, differences to the best and marks, where they are known.

    Returns:
        The table.
    """
    arms, several = board.arms, findings is not None and len(findings.ranked) > 1
    tied, pareto = (findings.tied, findings.pareto) if findings else ((), ())
    baseline = findings.baseline if findings and several else ""
    metrics = {metric.metric: metric for metric in columns(board) if metric.position is None}
    accuracy = metrics.pop("accuracy")
    leading = leading_columns(findings.rank_by if findings else RULE[0])
    recalls = class_columns(board, "recall") if len(board.classes) <= MOST_CLASSES else []
    published = any(accuracy.published(arm) is not None for arm in arms)
    return make_table(
        "leaderboard",
        f"Means over n seeds {spread_note(findings)}; bold: the best of a column, and differences whose interval "
        "excludes zero.",
        [
            (Heading(text="#", key="rank"), [rank_cell(arm, tied) for arm in arms]),
            (ARM, [arm_cell(arm, pareto=pareto, baseline=baseline) for arm in arms]),
            *(_metric(metric, board, findings) for metric in (*leading, *metrics.values())),
            *(_to_best(findings) if findings and several else ()),
            *([_published(metrics["balanced_accuracy"], board, replication)] if published else ()),
            *(_metric(metric, board, findings) for metric in (*recalls, accuracy)),
            (N, [n_cell(arm) for arm in arms]),
        ],
        row_heading=1,
    )


def _metric(metric: Metric, board: Leaderboard, findings: Findings | None) -> Column:
    of_class = metric.position is not None
    heading = Heading(
        text=metric.label,
        below=metric.metric if of_class else "lower is better" * (metric.metric in LOWER_IS_BETTER),
        key=metric.metric,
        short=_SHORT.get(metric.metric, metric.label),
        group=f"{metric.metric} by class" if of_class else "",
        room=36 if of_class else _ROOM.get(metric.metric, 0),
        inline=metric.metric == "balanced_accuracy",
    )
    return heading, _means(metric, board, board.arms, findings)


def _means(metric: Metric, board: Leaderboard, arms: Sequence[Arm], findings: Findings | None) -> list[Cell]:
    measure = metric.metric if metric.position is None else f"{metric.metric}_{metric.position}"
    intervals = {arm: means.get(measure) for arm, means in findings.means.items()} if findings else {}
    best = metric.best(board)
    return [mean_cell(metric.ours(arm), metric.metric, best=best, interval=intervals.get(arm.name)) for arm in arms]


def _to_best(findings: Findings) -> tuple[Column, Column]:
    measure, label = findings.measure, measure_label(findings.board, findings.measure)
    estimates = [findings.to_best.get(arm.name, {}).get(measure) for arm in findings.board.arms]
    return (
        (
            Heading(text="difference to the best", below=label, short="to the best", key="to_best", room=44),
            [difference_cell(estimate, measure) for estimate in estimates],
        ),
        (
            Heading(text="p after Holm", below=label, short="p (Holm)", key="p_holm", room=46),
            [p_cell(estimate.p_holm if estimate else None) for estimate in estimates],
        ),
    )


def _published(metric: Metric, board: Leaderboard, replication: Replication | None) -> Column:
    cells = []
    for arm in board.arms:
        value, difference = metric.published(arm), replication.of(arm.name, metric.key) if replication else None
        below = format_estimate(difference.estimate) if difference else ""
        cells.append(Cell(text=printed(value), value=value, below=below))
    text = f"published {metric.label}"
    return Heading(text=text, below="ours − published", short="published", key="published", room=42), cells


def class_table(board: Leaderboard, metric: str, findings: Findings | None = None) -> Table:
    """Recall or precision of each class.

    Args:
        board: the arms.
        metric: ``recall`` or ``precision``.
        findings: intervals, where they are known.

    Returns:
        The table; without rows where no trial has finished.
    """
    caption = f"{metric.capitalize()} of each class: means over n seeds {spread_note(findings)}; patches are those of "
    arms = findings.ranked if findings else board.arms
    means = [_means(column, board, arms, findings) for column in class_columns(board, metric)]
    return _by_class(metric, f"{caption}the {board.reported} split.", board, arms, means)


def area_table(findings: Findings, name: str) -> Table:
    """``auroc`` or ``average_precision`` of each class against the rest."""
    arms = findings.ranked
    areas = [[mean_cell(summary) for summary in getattr(findings.cells, name)(arm.name)] for arm in arms]
    caption = f"{_AREAS[name]} of each class against the rest: means over n seeds ± standard deviation."
    return _by_class(name, caption, findings.board, arms, list(zip(*areas, strict=True)))


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
    name: str, caption: str, arms: Sequence[Arm], shown: Sequence[Column], total: Sequence[Cell] = ()
) -> Table:
    first, last = (ARM, [arm_cell(arm) for arm in arms]), (N, [n_cell(arm) for arm in arms])
    return make_table(name, caption, [first, *shown, last], total=total)


def more_table(findings: Findings) -> Table:
    """Metrics that only predictions give; those that no arm has are left out."""
    arms = findings.ranked
    shown = []
    for name in EXTRA:
        if any(arm.metrics[name].values for arm in arms):
            heading = Heading(text=LABELS[name], below="lower is better" * (name in LOWER_IS_BETTER))
            metric = Metric(metric=name, label=LABELS[name])
            shown.append((heading, _means(metric, findings.board, arms, findings)))
    return _arm_table("more", f"Means over n seeds {spread_note(findings)}; bold: the best of a column.", arms, shown)


def cost_table(findings: Findings) -> Table:
    """What each arm's trials took."""
    total = findings.cost
    arms = [arm for arm in findings.ranked if arm.name in total.arms]
    costs = [total.arms[arm.name] for arm in arms]
    n = whole_cell(findings.board.finished)
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

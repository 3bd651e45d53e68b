"""The tables of a page that record: more metrics, generated patches, failures and cost."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from raysat.formatting import duration
from raysat.report.analysis.collect import one_line
from raysat.report.analysis.columns import Column
from raysat.report.analysis.findings import Findings
from raysat.report.analysis.generators import QUALITY, YARDSTICK, Generator, figure_text
from raysat.report.analysis.ranking import EXTRA, LABELS, LOWER_IS_BETTER
from raysat.report.format.cells import (
    Cell,
    Heading,
    Table,
    arm_cell,
    column_cell,
    n_cell,
    number_cell,
    spread,
    whole_cell,
)
from raysat.report.format.text import unfinished

_AREAS: Final = {"auroc": "AUROC", "average_precision": "Average precision"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Generated patches of a class as a picture."""

    name: str
    source: str  # a data: URI; empty where there is no picture
    note: str


def more_table(findings: Findings) -> Table:
    """Metrics that only predictions give; those that no arm has are left out."""
    shown = [
        Column(metric=metric, label=LABELS[metric])
        for metric in EXTRA
        if any(arm.metrics[metric].values for arm in findings.ranked)
    ]
    return Table(
        caption="Means over n seeds ± standard deviation; bold: the best of a column.",
        headings=[
            Heading(text="arm", words=True),
            *(Heading(text=each.label, below="lower is better" * (each.metric in LOWER_IS_BETTER)) for each in shown),
            Heading(text="n"),
        ],
        rows=[
            [arm_cell(findings, arm), *(column_cell(each, findings, arm) for each in shown), n_cell(arm)]
            for arm in findings.ranked
        ],
    )


def area_table(findings: Findings, name: str) -> Table:
    """AUROC or average precision of each class against the rest."""
    board = findings.board
    by_arm = [(arm, getattr(findings.cells, name)(arm.name)) for arm in findings.ranked]
    return Table(
        caption=f"{_AREAS[name]} of each class against the rest: means over n seeds ± standard deviation.",
        headings=[
            Heading(text="arm", words=True),
            *(
                Heading(text=one_line(each), below=f"{n:,} patches")
                for each, n in zip(board.classes, board.support or (), strict=True)
            ),
            Heading(text="n"),
        ],
        rows=[
            [
                arm_cell(findings, arm),
                *(number_cell(each.mean, below=spread(each)) for each in summaries),
                n_cell(arm),
            ]
            for arm, summaries in by_arm
        ],
    )


def generated_table(generators: Sequence[Generator]) -> Table | None:
    """How good generated patches are, each figure above that of real held-out patches."""
    return (
        Table(
            caption=f"Below each figure: the same of real held-out patches, the yardstick. {YARDSTICK}",
            headings=[
                Heading(text="class", words=True),
                Heading(text="real", below="patches"),
                Heading(text="made", below="patches"),
                *(Heading(text=label) for label in QUALITY.values()),
                Heading(text="seconds"),
                Heading(text="verdict", words=True),
            ],
            rows=[_generated(each) for each in generators],
        )
        if generators
        else None
    )


def _generated(generator: Generator) -> list[Cell]:
    record = generator.record
    return [
        Cell(text=one_line(record.class_name), below=one_line(generator.index)),
        whole_cell(record.real),
        whole_cell(record.patches),
        *(
            Cell(text=figure_text(own), value=own, below=figure_text(real))
            for own, real in map(generator.figures, QUALITY)
        ),
        Cell(text=f"{record.seconds:,.0f}", value=record.seconds),
        Cell(text=generator.verdict, below=one_line(record.note)),
    ]


def sheet(generator: Generator) -> Sheet:
    """The last picture of a generator's patches beside real ones."""
    record, picture = generator.record, generator.picture
    source = f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else ""
    return Sheet(name=one_line(record.class_name), source=source, note=one_line(record.note))


def unfinished_table(findings: Findings) -> Table | None:
    """Every cell without a result; None where all have finished."""
    rows = [
        [Cell(text=arm.label), Cell(text=seeds), Cell(text=one_line(reason), look="reason")]
        for arm, seeds, reason in unfinished(findings.board)
    ]
    headings = [Heading(text=text, words=True) for text in ("arm", "seeds", "what happened")]
    return (
        Table(caption="Cells without a result. They take no part in any number.", headings=headings, rows=rows)
        if rows
        else None
    )


def cost_table(findings: Findings) -> Table:
    """What each arm's trials took."""
    cost = findings.cost
    arms = {arm.name: arm for arm in findings.ranked}

    def time(seconds: float) -> Cell:
        return Cell(text=duration(seconds), value=seconds)

    return Table(
        caption="Over all n seeds of an arm, each trial counted as if it were trained alone.",
        headings=[
            Heading(text="arm", words=True),
            Heading(text="images"),
            Heading(text="time"),
            Heading(text="parameters"),
            Heading(text="epochs"),
            Heading(text="n"),
        ],
        rows=[
            [
                arm_cell(findings, arms[name]),
                whole_cell(each.images),
                time(each.seconds),
                whole_cell(each.parameters),
                whole_cell(each.epochs),
                n_cell(arms[name]),
            ]
            for name, each in cost.arms.items()
            if name in arms
        ],
        total=[
            Cell(text="all"),
            whole_cell(cost.images),
            time(cost.seconds),
            Cell(text=""),
            Cell(text=""),
            whole_cell(findings.board.finished),
        ],
    )

"""The tables of a page that rank and compare: leaderboard, differences, classes and effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raysat.formatting import NONE
from raysat.report.analysis.collect import one_line
from raysat.report.analysis.columns import MOST_CLASSES, Column, class_columns, columns, leading_columns
from raysat.report.analysis.effects import Effect, Together
from raysat.report.analysis.findings import Estimates, Findings
from raysat.report.analysis.ranking import LABELS, LOWER_IS_BETTER
from raysat.report.format.cells import (
    Cell,
    Heading,
    Table,
    arm_cell,
    column_cell,
    estimate_cell,
    n_cell,
    number_cell,
    p_cell,
    published_cell,
    rank_cell,
    whole_cell,
)
from raysat.report.format.sentences import MAIN, called, measure_label, together_note


def leaderboard(findings: Findings) -> Table:
    """All arms, best first: accuracy comes last, as it never ranks."""
    board, measure = findings.board, findings.measure
    first = leading_columns(findings.rank_by)
    elsewhere = ("recall", "precision", "accuracy", *(column.metric for column in first))
    shown = [*first, *(column for column in columns(board) if column.metric not in elsewhere)]
    recalls = class_columns(board, "recall") if len(board.classes) <= MOST_CLASSES else []
    accuracy = Column(metric="accuracy", label=LABELS["accuracy"])
    several = len(findings.ranked) > 1
    published = findings.replication is not None and bool(findings.replication.differences)
    differences = [Heading(text="to the best", below=measure_label(findings, measure)), Heading(text="p", below="Holm")]
    rows = []
    for arm in board.arms:
        difference = findings.to_best.get(arm.name, {}).get(measure)
        muted = column_cell(accuracy, findings, arm)
        rows.append(
            [
                rank_cell(findings, arm),
                arm_cell(findings, arm),
                *(column_cell(column, findings, arm) for column in shown),
                *(
                    [estimate_cell(difference, measure), p_cell(difference.p_holm if difference else None)]
                    if several
                    else []
                ),
                *([published_cell(findings, arm)] if published else []),
                *(number_cell(column.ours(arm).mean, best=column.best(board)) for column in recalls),
                Cell(text=muted.text, value=muted.value, below=muted.below, look="muted"),
                n_cell(arm),
            ]
        )
    return Table(
        caption="Means over seeds with 95 % intervals; ± is the standard deviation over seeds where there is none. "
        "Bold: the best of a column, and differences whose interval leaves zero out. n: seeds finished.",
        headings=[
            Heading(text="rank"),
            Heading(text="arm", words=True),
            *(Heading(text=column.label, below="lower" * (column.metric in LOWER_IS_BETTER)) for column in shown),
            *(differences if several else []),
            *([Heading(text="published", below="ours − published")] if published else []),
            *(Heading(text=column.label, below="recall") for column in recalls),
            Heading(text="accuracy"),
            Heading(text="n"),
        ],
        rows=rows,
        name=1,
        sorted_by=0,
    )


def _estimates(caption: str, what: str, rows: Sequence[tuple[Cell, Estimates]], measures: Mapping[str, str]) -> Table:
    """A row per comparison and, for every measure, its estimate and p after Holm; n is that of the first."""
    first = next(iter(measures))

    def cells(each: Estimates) -> list[Cell]:
        found = [each.get(measure) for measure in measures]
        pairs = zip(measures, found, strict=True)
        return [
            *(
                cell
                for m, e in pairs
                for cell in (estimate_cell(e, m), p_cell(e.p if e else None), p_cell(e.p_holm if e else None))
            ),
            whole_cell(each[first].n if first in each else None),
        ]

    return Table(
        caption=caption,
        headings=[
            Heading(text=what, words=True),
            *(
                head
                for label in measures.values()
                for head in (Heading(text=label), Heading(text="p"), Heading(text="p", below="Holm"))
            ),
            Heading(text="n"),
        ],
        rows=[[name, *cells(each)] for name, each in rows],
    )


def _main_labels() -> dict[str, str]:
    return {measure: LABELS[measure] for measure in MAIN}


def compared(findings: Findings) -> list[Table]:
    """Differences to the baseline, then to the best: of each the main measures, then the recall of each class."""
    if len(findings.ranked) < 2:
        return []
    to_baseline = _compared(findings, f"the baseline, {called(findings, findings.baseline)}", findings.to_baseline)
    return to_baseline + _compared(findings, f"the best, {called(findings, findings.best)}", findings.to_best)


def _compared(findings: Findings, one: str, to_one: Mapping[str, Estimates]) -> list[Table]:
    others = [arm for arm in findings.ranked if arm.name in to_one]
    rows = [(arm_cell(findings, arm), to_one[arm.name]) for arm in others]
    names = {f"recall_{k}": one_line(name) for k, name in enumerate(findings.board.classes)}
    told = "Mean differences over n pairs of seeds with 95 % intervals; bold where they leave zero out."
    return [
        _estimates(f"Each arm minus {one}. {told}", "arm", rows, _main_labels()),
        _estimates(f"Recall of each class, each arm minus {one}. {told}", "arm", rows, names),
    ]


def class_table(findings: Findings, metric: str) -> Table:
    """Recall or precision of each class."""
    board = findings.board
    shown = class_columns(board, metric)
    support = [f"{n:,} patches" for n in board.support or ()] or [""] * len(shown)
    return Table(
        caption=f"{metric.capitalize()} of each class: means over n seeds"
        f" with 95 % intervals; patches are those of the {board.reported} split.",
        headings=[
            Heading(text="arm", words=True),
            *(Heading(text=column.label, below=n) for column, n in zip(shown, support, strict=True)),
            Heading(text="n"),
        ],
        rows=[
            [arm_cell(findings, arm), *(column_cell(column, findings, arm) for column in shown), n_cell(arm)]
            for arm in findings.ranked
        ],
    )


def effect_table(caption: str, effects: Sequence[Effect]) -> Table | None:
    """Main effects or interactions; what the arms cannot tell apart has no number."""
    rows = [(Cell(text=one_line(effect.label)), effect.estimates) for effect in effects]
    told = "95 % intervals; bold where they leave zero out; n: seeds."
    return _estimates(f"{caption}. {told}", "effect", rows, _main_labels()) if rows else None


def together_table(found: Together) -> Table:
    """A combination's parts: what each reaches and what the whole gains over it; then the synergy."""
    measure = MAIN[0]
    rows = []
    for part in found.subsets:
        gain = part.gain.get(measure)
        mean = part.mean.get(measure)
        rows.append(
            [
                Cell(text=one_line(part.label)),
                estimate_cell(mean, difference=False),
                estimate_cell(gain),
                p_cell(gain.p if gain else None),
                p_cell(gain.p_holm if gain else None),
                whole_cell(mean.n if mean else None),
            ]
        )
    synergy = found.synergy.get(measure)
    total = [
        Cell(text="synergy: beyond the sum of its parts"),
        Cell(text=""),
        estimate_cell(synergy),
        p_cell(synergy.p if synergy else None),
        Cell(text=NONE),
        whole_cell(synergy.n if synergy else None),
    ]
    return Table(
        caption=f"{one_line(found.label)} and its parts, {LABELS[measure]} ({together_note(found)}). 95 % intervals; "
        "n: seeds.",
        headings=[
            Heading(text="part", words=True),
            Heading(text="mean"),
            Heading(text="gain of the whole over it"),
            Heading(text="p"),
            Heading(text="p", below="Holm"),
            Heading(text="n"),
        ],
        rows=rows,
        total=total,
    )


def variance_table(findings: Findings) -> Table | None:
    """Shares of variance; None where the grid is not balanced."""
    effects = findings.effects
    if effects is None or not effects.shares:
        return None

    def percent(share: float | None) -> Cell:
        return Cell(text=NONE if share is None else f"{100 * share:.1f}", value=share)

    return Table(
        caption=f"Shares of the variance of {LABELS[MAIN[0]]} over {len(effects.design.arms)} arms × n = "
        f"{len(effects.seeds)} seeds, in per cent.",
        headings=[
            Heading(text="source", words=True),
            Heading(text="of all cells"),
            Heading(text="of the arms' means"),
            Heading(text="degrees of freedom"),
        ],
        rows=[
            [Cell(text=one_line(each.source)), percent(each.of_all), percent(each.of_arms), whole_cell(each.degrees)]
            for each in effects.shares
        ],
    )

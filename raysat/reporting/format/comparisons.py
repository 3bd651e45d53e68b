"""Tables of paired differences: of arms, of effects and of combinations; and the shares of variance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from raysat.formatting import NONE, one_line
from raysat.metrics.catalog import RECALL, Metric
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.combination import Combination
from raysat.reporting.analysis.effects import Effect, Effects
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.format.cells import (
    N,
    arm_cell,
    difference_cell,
    estimate_cell,
    p_cell,
    percent_cell,
    whole_cell,
    words,
)
from raysat.reporting.format.sentences import INTERVALS, MAIN, arm_label, combination_note
from raysat.reporting.format.table import Cell, Column, Heading, Table, make_table

MAIN_LABELS: Final = {metric: metric.label for metric in MAIN}


def difference_columns(labels: Mapping[Metric, str], rows: Sequence[Estimates]) -> list[Column]:
    """For every metric its estimate and both p-values; a narrow table keeps those of the first metric longest."""
    columns: list[Column] = []
    for k, (metric, label) in enumerate(labels.items()):
        estimates = [row.get(metric) for row in rows]
        p = [p_cell(estimate.p if estimate else None) for estimate in estimates]
        holm = [p_cell(estimate.p_holm if estimate else None) for estimate in estimates]
        columns += [
            (Heading(text=label, room=20 * k), [difference_cell(estimate, metric.digits) for estimate in estimates]),
            (Heading(text="p", below=label, short="p", room=70 + k), p),
            (Heading(text="p after Holm", below=label, short="p (Holm)", room=16 + 40 * k), holm),
        ]
    return columns


def _differences_table(
    name: str, caption: str, rows: Sequence[tuple[Cell, Estimates]], labels: Mapping[Metric, str]
) -> Table:
    """A row per comparison; n is that of the first metric."""
    first, estimates = next(iter(labels)), [estimates for _, estimates in rows]
    return make_table(
        name,
        f"{caption}. {INTERVALS}",
        [
            (Heading(text="comparison", words=True), [label for label, _ in rows]),
            *difference_columns(labels, estimates),
            (N, [whole_cell(row[first].n if first in row else None) for row in estimates]),
        ],
    )


def arm_differences(analysis: Analysis, to: str) -> tuple[Table, Table]:
    """Every other arm minus the ``best`` or the ``baseline``: main measures, and the recall of each class."""
    one, estimates = (analysis.best, analysis.to_best) if to == "best" else (analysis.baseline, analysis.to_baseline)
    rows = [
        (arm_cell(arm, pareto=analysis.pareto), estimates[arm.name]) for arm in analysis.ranked if arm.name in estimates
    ]
    recalls = {recall: analysis.board.label(recall) for recall in analysis.board.by_class(RECALL)}
    caption = f"ach arm minus the {to}, {arm_label(analysis, one)}"
    return (
        _differences_table(f"to_{to}", f"E{caption}", rows, MAIN_LABELS),
        _differences_table(f"recall_to_{to}", f"Recall of each class, e{caption}", rows, recalls),
    )


def effect_table(name: str, caption: str, effects: Sequence[Effect]) -> Table:
    """Return main effects or interactions.

    Args:
        name: of the table.
        caption: which effects they are.
        effects: those that the arms can tell from others.
    """
    return _differences_table(
        name, caption, [(words(effect.label), effect.estimates) for effect in effects], MAIN_LABELS
    )


def combination_table(combination: Combination) -> Table:
    """What each part of a combination reaches and what the whole gains over it; then the synergy."""
    metric = MAIN[0]

    def row(name: str, mean: Cell, gain: Estimate | None, n: int | None) -> list[Cell]:
        tests = [p_cell(gain.p if gain else None), p_cell(gain.p_holm if gain else None)]
        return [words(name), mean, difference_cell(gain, metric.digits), *tests, whole_cell(n)]

    rows = []
    for part in combination.subsets:
        mean = part.mean.get(metric)
        n = mean.n if mean else None
        rows.append(row(part.label, estimate_cell(mean, metric.digits), part.gain.get(metric), n))
    synergy = combination.synergy.get(metric)
    return Table(
        name="combination",
        caption=f"{one_line(combination.label)} and its parts, {metric.label} ({combination_note(combination)}). "
        f"{INTERVALS}",
        headings=[
            Heading(text="part", words=True),
            *(Heading(text=text) for text in ("mean", "gain of the whole over it", "p", "p after Holm", "n")),
        ],
        rows=rows,
        total=row("synergy: beyond the sum of its parts", Cell(text=NONE), synergy, synergy.n if synergy else None),
    )


def variance_table(effects: Effects) -> Table:
    """Shares of the variance of balanced accuracy; without rows where the grid is not balanced."""
    components = effects.components
    return make_table(
        "variance",
        f"Shares of the variance of {MAIN[0].label} over {len(effects.design.arms)} arms × n = {len(effects.seeds)} "
        "seeds, by functional ANOVA.",
        [
            (Heading(text="source", words=True), [words(component.source) for component in components]),
            (Heading(text="of all trials"), [percent_cell(component.of_all) for component in components]),
            (Heading(text="of the arms' means"), [percent_cell(component.of_arms) for component in components]),
            (Heading(text="degrees of freedom"), [whole_cell(component.degrees) for component in components]),
        ],
    )

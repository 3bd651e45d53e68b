"""Tables of paired differences: of arms, of effects and of combinations; and the shares of variance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from raysat.formatting import NONE, number, one_line
from raysat.metrics.catalog import RECALL, Metric
from raysat.report.analysis.analyze import Analysis
from raysat.report.analysis.combination import Combination
from raysat.report.analysis.effects import Effect, Effects
from raysat.report.analysis.estimate import Estimate
from raysat.report.analysis.paired import Estimates
from raysat.report.format.cells import N, arm_cell, difference_cell, p_cell, whole_cell, words
from raysat.report.format.numbers import format_interval, percent
from raysat.report.format.sentences import INTERVALS, MAIN, combination_note
from raysat.report.format.table import Cell, Column, Heading, Table, make_table


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


def differences_table(
    name: str, caption: str, rows: Sequence[tuple[Cell, Estimates]], labels: Mapping[Metric, str]
) -> Table:
    """A row per comparison; n is that of the first metric.

    Args:
        name: of the table.
        caption: what is compared.
        rows: each comparison's name and estimates by metric.
        labels: of each metric to show, in this order.

    Returns:
        The table.
    """
    first, estimates = next(iter(labels)), [estimates for _, estimates in rows]
    return make_table(
        name,
        f"{caption}. {INTERVALS}",
        [
            (Heading(text="comparison", words=True), [label for label, _ in rows]),
            *difference_columns(labels, estimates),
            (N, [whole_cell(each[first].n if first in each else None) for each in estimates]),
        ],
    )


def arm_differences(analysis: Analysis, to: str) -> tuple[Table, Table]:
    """Every other arm minus one: main measures, and the recall of each class.

    Args:
        analysis: the comparisons.
        to: ``best`` or ``baseline``.

    Returns:
        Two tables.
    """
    one, estimates = (analysis.best, analysis.to_best) if to == "best" else (analysis.baseline, analysis.to_baseline)
    label = next(arm.label for arm in analysis.board.arms if arm.name == one)
    rows = [
        (arm_cell(arm, pareto=analysis.pareto), estimates[arm.name]) for arm in analysis.ranked if arm.name in estimates
    ]
    recalls = {recall: analysis.board.label(recall) for recall in analysis.board.by_class(RECALL)}
    caption = f"ach arm minus the {to}, {label}"
    return (
        differences_table(f"to_{to}", f"E{caption}", rows, main_labels()),
        differences_table(f"recall_to_{to}", f"Recall of each class, e{caption}", rows, recalls),
    )


def effect_table(name: str, caption: str, effects: Sequence[Effect]) -> Table:
    """Main effects or interactions.

    Args:
        name: of the table.
        caption: which effects they are.
        effects: those that the arms can tell from others.

    Returns:
        The table.
    """
    rows = [(words(effect.label), effect.estimates) for effect in effects]
    return differences_table(name, caption, rows, main_labels())


def combination_table(combination: Combination) -> Table:
    """What each part of a combination reaches and what the whole gains over it; then the synergy."""
    metric = MAIN[0]

    def mean(estimate: Estimate | None) -> Cell:
        value = estimate.value if estimate else None
        return Cell(
            text=number(value, metric.digits),
            value=value,
            below=format_interval(estimate, metric.digits, difference=False),
        )

    def tests(estimate: Estimate | None) -> Iterator[Cell]:
        yield difference_cell(estimate, metric.digits)
        yield p_cell(estimate.p if estimate else None)
        yield p_cell(estimate.p_holm if estimate else None)

    def row(name: str, own: Cell, estimate: Estimate | None, n: int | None) -> list[Cell]:
        return [words(name), own, *tests(estimate), whole_cell(n)]

    synergy = combination.synergy.get(metric)
    n = synergy.n if synergy else None
    return Table(
        name="combination",
        caption=f"{one_line(combination.label)} and its parts, {metric.label} ({combination_note(combination)}). "
        f"{INTERVALS}",
        headings=[
            Heading(text="part", words=True),
            *(Heading(text=text) for text in ("mean", "gain of the whole over it", "p", "p after Holm", "n")),
        ],
        rows=[
            row(part.label, mean(own := part.mean.get(metric)), part.gain.get(metric), own.n if own else None)
            for part in combination.subsets
        ],
        total=row("synergy: beyond the sum of its parts", Cell(text=NONE), synergy, n),
    )


def variance_table(effects: Effects) -> Table:
    """Shares of the variance of balanced accuracy; without rows where the grid is not balanced."""
    components = effects.components

    def percents(values: Sequence[float | None]) -> list[Cell]:
        return [Cell(text=percent(value), value=value) for value in values]

    return make_table(
        "variance",
        f"Shares of the variance of {MAIN[0].label} over {len(effects.design.arms)} arms × n = {len(effects.seeds)} "
        "seeds, by functional ANOVA.",
        [
            (Heading(text="source", words=True), [words(component.source) for component in components]),
            (Heading(text="of all trials"), percents([component.of_all for component in components])),
            (Heading(text="of the arms' means"), percents([component.of_arms for component in components])),
            (Heading(text="degrees of freedom"), [whole_cell(component.degrees) for component in components]),
        ],
    )


def main_labels() -> dict[Metric, str]:
    """The main metrics and how they are called."""
    return {metric: metric.label for metric in MAIN}

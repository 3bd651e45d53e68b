"""Shows what a study can see: what is assumed or known of arms, the smallest differences, power, seeds and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from raysat.formatting import NONE, number, one_line, plural
from raysat.metrics.catalog import Metric
from raysat.metrics.power import power_note, seeds_needed
from raysat.reporting.analysis.sample_size import MOST_SEEDS
from raysat.reporting.analysis.study_power import (
    DISCORDANCE,
    PERSISTENCE,
    SEED_SD,
    Chance,
    Design,
    StudyPower,
)
from raysat.views.facts import fact_lines
from raysat.views.table import plain_table

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN: Final = 8  # classes whose patches are listed


def metric_name(metric: Metric, design: Design) -> str:
    """What a metric is called: of a class ``recall of forest``."""
    if metric.class_index is None:
        return metric.label
    return f"{metric.label.split(' ')[0]} of {one_line(design.classes[metric.class_index])}"


def sees_line(found: StudyPower) -> str:
    """What a study can see at best, in one sentence."""
    seen = [
        f"{number(smallest, metric.digits)} in {metric_name(metric, found.design)}"
        for metric, smallest in zip(found.metrics, found.smallest, strict=True)
        if smallest is not None
    ]
    if not seen:
        return "no difference, however large, with these seeds and patches"
    comparisons = found.design.comparisons
    holm = f" after Holm over {comparisons}" if comparisons > 1 else ""
    return f"differences from about {', '.join(seen)} ({100 * found.wanted:.0f} % power{holm})"


def show_power(found: StudyPower, console: Console) -> None:
    """Print it, readable at 80 columns."""
    design = found.design
    sizes = [f"{size:,} {one_line(name)}" for name, size in zip(design.classes, design.patches.sizes, strict=True)]
    listed = ", ".join(sizes[:_SHOWN]) + (f", {len(sizes) - _SHOWN} more classes" if len(sizes) > _SHOWN else "")
    within = "" if design.groups is None else f" in {design.groups:,} groups"
    _fact(console, "study", f"{plural(design.arms, 'arm')} x {plural(design.seeds, 'seed')}")
    _fact(console, "measured", f"on {sum(design.patches.sizes):,} test patches{within}: {listed}")
    _fact(console, "arms", _arms(found))
    if design.seeds < seeds_needed(design.comparisons):
        _fact(console, "evidence", power_note(design.seeds, design.comparisons))
    _fact(console, "sees", sees_line(found))
    console.print()
    names = [metric_name(metric, design) for metric in found.metrics]
    table = plain_table("metric", right=("baseline", f"sees with {design.seeds} seeds", "seeds without end"))
    for name, each in zip(names, found.visible, strict=True):
        digits = each.metric.digits
        limits = (NONE if value is None else number(value, digits) for value in (each.smallest, each.endless))
        table.add_row(Text(name), number(each.baseline, digits), *limits)
    console.print(table)
    console.print()
    cost = [] if design.images is None else ["images"]
    cost += [] if design.images is None or design.rate is None else ["hours"]
    right = (f"power with {design.seeds} seeds", f"seeds for {100 * found.wanted:.0f} %", *cost)
    table = plain_table("a true difference", right=right)
    for name, each in zip(names, found.visible, strict=True):
        for chance in each.chances:
            table.add_row(Text(f"{chance.effect:g} in {name}"), *_chance(design, chance, cost))
    console.print(table)
    if cost:
        _fact(console, "", f"cost: all {plural(design.arms, 'arm')}, each trial trained alone")


def _arms(found: StudyPower) -> str:
    """What is known or assumed of how arms differ."""
    if found.pilot is not None:
        pilot = found.pilot
        return (
            f"as in the pilot {one_line(pilot.study)}: {plural(pilot.arms, 'arm')}, {plural(pilot.seeds, 'seed')}, "
            f"{sum(pilot.sizes):,} test patches"
            + (", on other data than this store" if found.design.other_data else "")
        )
    recalls = " / ".join(f"{recall:.2f}" for recall in found.behaviour.recall[:_SHOWN])
    return (
        f"assumed, as no pilot is given: recalls of the baseline {recalls}; two arms disagree on "
        f"{100 * DISCORDANCE:.0f} % of patches, {100 * PERSISTENCE:.0f} % of that with every seed; a difference of "
        f"recalls has a standard deviation of {SEED_SD:g} over seeds; patches are independent"
    )


def _chance(design: Design, chance: Chance, cost: list[str]) -> list[str]:
    if not chance.possible:
        return ["no room for it", NONE, *[NONE] * len(cost)]
    seeds = f"over {MOST_SEEDS:,}, or never" if chance.seeds is None else f"{chance.seeds:,}"
    row = [f"{100 * chance.power:.0f} %", seeds]
    if chance.seeds is None:
        return [*row, *[NONE] * len(cost)]
    images, hours = design.cost(chance.seeds), design.hours(chance.seeds)
    row += [] if images is None else [f"{images:,}"]
    return [*row, *([] if hours is None else [f"{hours:,.1f}"])]


def _fact(console: Console, word: str, text: str) -> None:
    for line in fact_lines(word, text, console.width):
        console.print(Text(line))

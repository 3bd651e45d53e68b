"""Tables on calibrated models: their temperature, what it does, and what conformal sets cover."""

from __future__ import annotations

from statistics import fmean

from raysat.formatting import number, one_line
from raysat.metrics.spread import sample_sd
from raysat.metrics.temperature import RANGE
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.calibrated import COVERAGE, Calibrated
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm
from raysat.reporting.format.cells import ARM, arm_cell, estimate_cell
from raysat.reporting.format.numbers import format_interval
from raysat.reporting.format.sentences import name_list
from raysat.reporting.format.table import Cell, Column, Heading, Table, make_table


def calibration_table(analysis: Analysis, found: Calibrated) -> Table:
    """A row per arm: its temperature, ECE and NLL before and after, AURC, and its sets."""
    arms = [arm for arm in analysis.ranked if arm.name in found.arms]
    of = [found.arms[arm.name] for arm in arms]
    fitted = "half of the val split" if found.halved else "the val split"
    rest = "the other half" if found.halved else f"the {analysis.board.reported} split"
    return make_table(
        "calibration",
        f"A temperature fitted to {fitted}, {found.fitted_to:,} patches, and what it does to {rest}, {found.patches:,} "
        "patches (Guo et al. 2017). AURC: mean error over all shares of the patches that a model is surest of, after "
        "that (Geifman & El-Yaniv 2017). Sets of classes hold the true one in "
        f"{100 * COVERAGE:.0f} % of the patches of each class (Sadinle et al. 2019). Means over n seeds with 95 % "
        "intervals; temperatures ± standard deviation over seeds.",
        [
            (ARM, [arm_cell(arm, pareto=analysis.pareto, baseline=analysis.baseline) for arm in arms]),
            (Heading(text="temperature", short="T"), [_spread(each.temperatures, 2) for each in of]),
            (Heading(text="ECE", below="before"), [estimate_cell(each.ece[0]) for each in of]),
            (Heading(text="ECE", below="after"), [estimate_cell(each.ece[1]) for each in of]),
            (Heading(text="NLL", below="before", room=26), [estimate_cell(each.nll[0]) for each in of]),
            (Heading(text="NLL", below="after", room=27), [estimate_cell(each.nll[1]) for each in of]),
            (Heading(text="AURC", room=20), [estimate_cell(each.aurc) for each in of]),
            (Heading(text="classes in a set", short="set size", room=22), [estimate_cell(each.size, 2) for each in of]),
            (
                Heading(text="least covered class", short="least covered", room=24),
                [_least(analysis, each.coverage) for each in of],
            ),
            _seeds(found, arms),
        ],
    )


def coverage_table(analysis: Analysis, found: Calibrated) -> Table:
    """A row per arm, a column per class: how often its set holds the true class."""
    arms = [arm for arm in analysis.ranked if arm.name in found.arms]
    support = analysis.board.support or ()
    columns: list[Column] = [
        (
            Heading(text=name, below="" if found.halved else f"n = {count:,}"),
            [estimate_cell(_at(found.arms[arm.name].coverage, k)) for arm in arms],
        )
        for k, (name, count) in enumerate(zip(analysis.board.classes, support, strict=True))
    ]
    return make_table(
        "coverage",
        f"Share of each class's {analysis.board.reported} patches whose set holds it; asked for: {COVERAGE}. Means "
        "over n seeds with 95 % intervals.",
        [
            (ARM, [arm_cell(arm, pareto=analysis.pareto, baseline=analysis.baseline) for arm in arms]),
            *columns,
            _seeds(found, arms),
        ],
    )


def calibration_notes(analysis: Analysis, found: Calibrated) -> list[str]:
    """What to know before relying on the sets."""
    notes = []
    if at_bound := [arm.label for arm in analysis.ranked if arm.name in found.arms and found.arms[arm.name].at_bound]:
        notes.append(
            f"A temperature is the lowest or highest that is tried, {RANGE[0]:g} or {RANGE[1]:g}, where all "
            f"patches that it is fitted to are right, or nothing is known of them: {name_list(at_bound)}."
        )
    if names := [one_line(analysis.board.classes[k]) for k in found.always]:
        least = f"fewer than {1 / (1 - COVERAGE) - 1:.0f} patches to calibrate on"
        notes.append(f"In every set of some model, as they have {least}: {', '.join(names)}.")
    return notes


def _least(analysis: Analysis, coverage: tuple[Estimate | None, ...]) -> Cell:
    known = [(each.value, k) for k, each in enumerate(coverage) if each is not None]
    value, k = min(known)
    text = f"{number(value)} {one_line(analysis.board.classes[k])}"
    return Cell(text=text, value=value, below=format_interval(coverage[k], difference=False))


def _at(coverage: tuple[Estimate | None, ...], k: int) -> Estimate | None:
    return coverage[k] if k < len(coverage) else None


def _spread(values: tuple[float, ...], digits: int) -> Cell:
    below = f"± {number(sample_sd(values), digits)}" if len(values) > 1 else ""
    return Cell(text=number(fmean(values), digits), value=fmean(values), below=below)


def _seeds(found: Calibrated, arms: list[Arm]) -> Column:
    counts = [len(found.arms[arm.name].seeds) for arm in arms]
    return Heading(text="n", key="n"), [Cell(text=str(n), value=n) for n in counts]

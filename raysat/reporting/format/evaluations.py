"""What stands in the sections of a report, and on a terminal, about what was evaluated after training."""

from __future__ import annotations

from collections.abc import Iterator

from raysat.formatting import one_line, plural
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, Metric
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.elsewhere import Elsewhere
from raysat.reporting.format.calibration import calibration_notes, calibration_table, coverage_table
from raysat.reporting.format.cells import ARM, arm_cell, difference_cell, estimate_cell
from raysat.reporting.format.document import Block, Bullets, Figure, Fold, Subtitle, Text
from raysat.reporting.format.robustness import (
    HAZE,
    QUESTION,
    corruption_table,
    drop_table,
    gain_table,
    haze_table,
    icv_table,
    label,
    robustness_sentences,
    value_table,
)
from raysat.reporting.format.table import Cell, Column, Heading, Table, make_table


def evaluation_blocks(analysis: Analysis) -> list[Block]:
    """What a terminal shows of all evaluations."""
    later, blocks = analysis.later, list[Block]()
    if found := later.robustness:
        blocks += [drop_table(analysis, found), Bullets(list(robustness_sentences(analysis, found)))]
    if calibrated := later.calibrated:
        blocks += [calibration_table(analysis, calibrated), Bullets(calibration_notes(analysis, calibrated))]
    return [*blocks, *elsewhere_blocks(analysis), *_left_out(analysis)]


def robustness_blocks(analysis: Analysis) -> Iterator[Block]:
    """The section on corruptions."""
    if (found := analysis.later.robustness) is None:
        return
    yield Bullets(list(robustness_sentences(analysis, found)))
    yield Figure("robustness")
    yield drop_table(analysis, found)
    yield Figure("robustness-severity")
    if HAZE in found.under and (table := haze_table(analysis, found)).rows:
        yield Subtitle(QUESTION)
        yield table
    yield Fold("Balanced accuracy under each corruption", [value_table(analysis, found, BALANCED_ACCURACY)])
    yield Fold("ICV under each corruption", [value_table(analysis, found, ICV), icv_table(analysis, found)])
    yield Fold("Gain over the baseline under each corruption", [gain_table(analysis, found)])
    yield Fold("What each corruption does, and its source", [corruption_table(found)])
    yield from _left_out(analysis)


def calibration_blocks(analysis: Analysis) -> Iterator[Block]:
    """The section on calibration."""
    if (found := analysis.later.calibrated) is not None:
        yield calibration_table(analysis, found)
        yield Bullets(calibration_notes(analysis, found))
        yield Figure("temperature")
        yield Figure("risk-coverage")
        yield Fold("What the sets cover, by class", [coverage_table(analysis, found)])


def elsewhere_blocks(analysis: Analysis) -> Iterator[Block]:
    """The section on other data."""
    for number, found in enumerate(analysis.later.elsewhere, start=1):
        yield elsewhere_table(analysis, found, number)


def elsewhere_table(analysis: Analysis, found: Elsewhere, number: int) -> Table:
    """Return what each arm has on another store, and against home and the baseline.

    Args:
        analysis: of the run.
        found: on that store.
        number: of the store, counted from 1.
    """
    arms = [arm for arm in analysis.ranked if arm.name in found.mean]

    def there(metric: Metric, room: int) -> Column:
        cells = [estimate_cell(found.mean[arm.name].get(metric), metric.digits) for arm in arms]
        return Heading(text=metric.label, below="there", short=metric.short, room=room), cells

    def drop(metric: Metric, room: int) -> Column:
        cells = [difference_cell(found.drop[arm.name].get(metric), metric.digits) for arm in arms]
        return Heading(text=metric.label, below="minus here", short=f"{metric.short} minus here", room=room), cells

    gains = [found.gain.get(arm.name, {}).get(BALANCED_ACCURACY) for arm in arms]
    counts = [found.mean[arm.name][BALANCED_ACCURACY].n for arm in arms]
    return make_table(
        "elsewhere" if number == 1 else f"elsewhere_{number}",
        f"The same models on {one_line(found.store)}: {found.patches:,} patches of its {_split(found)}. Means over n "
        f"seeds with 95 % intervals. Gains over the baseline, {label(analysis, found.baseline)}, are paired by seed "
        "and patch; there and here share no patches, and those intervals are of independent samples.",
        [
            (ARM, [arm_cell(arm, pareto=analysis.pareto, baseline=analysis.baseline) for arm in arms]),
            there(BALANCED_ACCURACY, 0),
            drop(BALANCED_ACCURACY, 16),
            (
                Heading(text="gain", below="over the baseline", short="gain", room=14),
                [difference_cell(gain) for gain in gains],
            ),
            there(ICV, 30),
            drop(ICV, 32),
            (Heading(text="n", key="n"), [Cell(text=str(n), value=n) for n in counts]),
        ],
    )


def _split(found: Elsewhere) -> str:
    return "splits together" if found.split == "all" else f"{found.split} split"


def _left_out(analysis: Analysis) -> Iterator[Block]:
    if count := analysis.later.left_out:
        why = "damaged, or of weights or corruptions that are others now"
        yield Text(f"Left out: {plural(count, 'evaluation')}, {why}. raysat evaluate makes them anew.", hint=True)

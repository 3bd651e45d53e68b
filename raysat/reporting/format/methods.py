"""How a study was computed, in sentences for a paper: every number is counted from its records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raysat.formatting import duration, one_line, plural
from raysat.metrics.power import name_of_test
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.ranking import ranking_rule
from raysat.reporting.analysis.spent import Spent
from raysat.reporting.format.places import resampled


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence, without its full stop, and the works that it rests on, by their keys."""

    text: str
    works: Sequence[str] = ()


def method_paragraph(analysis: Analysis, spent: Spent) -> list[Cited]:
    """Return what was run, on what, how long, and how it was compared.

    Args:
        analysis: of the report.
        spent: what its trials took.
    """
    said = [*_trained(analysis, spent), *_measured_on(analysis), *_took(spent), *_energy(spent)]
    return [*said, *_left_out(analysis), *_compared(analysis)]


def significant(value: float) -> str:
    """A quantity with three digits that count, whole where it is large: ``0.0123``, ``1.23``, ``1,230``."""
    places = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:,.{max(0, places)}f}"


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as a range where they are one: ``0 to 7``; else one by one."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _trained(analysis: Analysis, spent: Spent) -> Iterator[Cited]:
    board = analysis.board
    arms = plural(len(analysis.ranked), "arm")
    yield Cited(
        f"We trained {arms} over the seed{'s' * (len(spent.seeds) != 1)} {seeds_text(spent.seeds)} "
        f"({plural(spent.trials, 'trial')}) with raysat",
        ("raysat",),
    )
    if board.finished < board.planned:
        failed = sum(len(arm.failed) for arm in board.arms)
        why = f", {failed} failed" if failed else ""
        yield Cited(f"Of {board.planned} planned trials {board.finished} have finished{why}")
    yield Cited(f"Software that decides numbers: {one_line(', '.join(analysis.cost.versions))}")
    yield Cited(f"Hardware: {one_line('; '.join(analysis.cost.hardware))}")


def _measured_on(analysis: Analysis) -> Iterator[Cited]:
    board = analysis.board
    name = one_line(board.fingerprint or "")
    known = f", SHA-256 fingerprint {name}" if len(name) == 64 else f", fingerprint {name}" if name else ""
    made = ", simulated patches" if board.synthetic else ""
    store = f"{one_line(board.data)} ({len(board.classes)} classes{made}{known})"
    yield Cited(
        f"Data: {store}, measured on the {board.n_test or 0:,} patches of its {board.reported} split; numbers are of "
        "the last epoch, or of weights averaged up to it, and no checkpoint was chosen on that split"
    )


def _took(spent: Spent) -> Iterator[Cited]:
    """Hours, the hours of devices, and what sharing epochs saves."""
    devices = [f"{significant(hours)} GPU-hours on {one_line(name)}" for name, hours in spent.gpu_hours.items()]
    devices += [f"{significant(spent.core_hours)} core-hours of CPU"] if spent.core_hours else []
    alone = (
        ""
        if spent.whole
        else ", some trials counted as if trained alone, as the times of their epochs are not on record"
    )
    yield Cited(
        f"Training took {duration(spent.seconds)} over {plural(spent.epochs, 'epoch')}, {' and '.join(devices)}{alone}"
        if devices
        else f"Training took {duration(spent.seconds)} over {plural(spent.epochs, 'epoch')}{alone}"
    )
    if spent.images < spent.images_alone:
        yield Cited(
            f"Epochs that trials share were trained once: {spent.images:,} images passed through the models instead of "
            f"{spent.images_alone:,}, {100 * spent.saved:.1f} % fewer"
        )
    else:
        yield Cited(f"{spent.images:,} images passed through the models in training")


def _energy(spent: Spent) -> Iterator[Cited]:
    measured = spent.energy
    if measured is None:
        yield Cited("Energy was not measured")
        return
    part = "" if measured.epochs == spent.epochs else f" for {measured.epochs:,} of the {spent.epochs:,} epochs"
    yield Cited(
        f"Training used an estimated {significant(measured.kwh)} kWh of electric energy{part} "
        f"({one_line('; '.join(measured.by))})",
        ("codecarbon",),
    )


def _left_out(analysis: Analysis) -> Iterator[Cited]:
    """What these hours are without."""
    if records := [generator.record for generator in analysis.generators]:
        took = duration(sum(record.seconds for record in records))
        yield Cited(f"Generators of synthetic patches took another {took} ({plural(len(records), 'generator')})")
    if analysis.tuned is not None:
        yield Cited("The trials that tuned the arms are not in these figures")


def _compared(analysis: Analysis) -> Iterator[Cited]:
    """Ranking, intervals and tests."""
    first, *others = ranking_rule(analysis.rank_by)
    rest = f" (ties by {', then '.join(metric.label for metric in others)})" if others else ""
    yield Cited(f"Arms are ranked by their mean {first.label} over seeds{rest}")
    pairs = [estimate.n for of in analysis.to_baseline.values() for estimate in of.values()]
    if not pairs:
        return
    yield Cited(
        "All arms share seeds and test patches, so that every comparison is paired; 95 % intervals take both as "
        f"random: {analysis.n_resamples:,} bootstrap resamples of {resampled(analysis)}, the same for all arms, and "
        "Student's t over seeds",
        ("gallas2006",),
    )
    yield Cited(
        f"Differences are tested by a two-sided {name_of_test(max(pairs))} over paired seeds",
        ("fisher1935",),
    )
    yield Cited("p-values are corrected by Holm's procedure for the comparisons of a metric", ("holm1979",))

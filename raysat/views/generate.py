"""Shows in the terminal how good generated patches are, each figure beside what real held-out patches give."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from raysat.metrics.synthetic import SyntheticTraining
from raysat.planning.jobs import GenerateJob
from raysat.reporting.analysis.generators import Generator
from raysat.reporting.format.document import Bullets
from raysat.reporting.format.generators import generator_notes, generator_table
from raysat.reporting.render.terminal import Blocks
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger


def show_quality(jobs: Sequence[GenerateJob], artifacts: Artifacts, ledger: Ledger, console: Console) -> None:
    """Print a row per generator; where it failed, why.

    Args:
        jobs: the generators that were asked for.
        artifacts: what they made.
        ledger: where failures are on record.
        console: where to print.
    """
    finished = [job for job in jobs if artifacts.is_finished(job.id)]
    if finished:
        console.print()
        generators = [Generator(record=artifacts.read(job.id), samples=None) for job in finished]
        console.print(Blocks([generator_table(generators), Bullets(generator_notes(generators))]))
    for job in jobs:
        if job not in finished:
            failure = ledger.read_failure(job.id)
            console.print(f"{job.class_name}: not made" + (f": {failure.error}" if failure else ""), style="yellow")
            if failure and failure.hint:
                console.print(f"  hint: {failure.hint}", style="yellow")


def show_training(training: SyntheticTraining, console: Console) -> None:
    """Print how well a classifier does that was trained on synthetic patches."""
    console.print(
        f"\ntrain on synthetic, test on real: balanced accuracy {training.synthetic:.3f}; on the real train patches "
        f"{training.real:.3f} (n = {training.held_out} held-out patches, mean of {training.repeats} seeds)"
    )
    if training.from_real:
        console.print(
            f"without a generator, and so from real patches in both: {', '.join(training.from_real)}", style="dim"
        )

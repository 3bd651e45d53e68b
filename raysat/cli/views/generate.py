"""Shows in the terminal how good generated patches are, each figure beside what real held-out patches give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.metrics.synthetic import Measure, SyntheticTraining
from raysat.plan.jobs import GenerateJob
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger

_DASH: Final = "–"
_DIGITS: Final = (3, 3, 3, 2, 2)  # of KID, Wasserstein, index distance, diversity, nearest real


def show_quality(jobs: Sequence[GenerateJob], artifacts: Artifacts, ledger: Ledger, console: Console) -> None:
    """Print a row per generator; where it failed, why."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class", overflow="fold")
    for name in ("real", "made", "KID", "Wasserstein", "index", "diversity", "nearest real", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    notes, indices, bands = [], set(), 0
    for job in jobs:
        if not artifacts.is_finished(job.id):
            failure = ledger.read_failure(job.id)
            notes.append(f"{job.class_name}: not made" + (f": {failure.error}" if failure else ""))
            if failure and failure.hint:
                notes.append(f"  hint: {failure.hint}")
            continue
        record = artifacts.read(job.id)
        measures = record.quality.measures().values()
        indices.add(record.quality.index)
        bands = len(record.bands)
        table.add_row(
            Text(job.class_name),
            f"{record.real:,}",
            f"{record.patches:,}",
            *(_beside(measure, digits) for measure, digits in zip(measures, _DIGITS, strict=True)),
            f"{record.seconds:.0f} s",
        )
        if record.note:
            notes.append(f"{job.class_name}: {record.note}")
    if table.row_count:
        console.print()
        console.print(table)
        console.print()
        console.print("in brackets: the same figure of real held-out patches, the yardstick", style="dim")
        named = ", ".join(sorted(str(index) for index in indices if index)) or "none with these bands"
        console.print(
            "KID: on features of a classifier of the real patches; Wasserstein: in deviations of a band, mean of "
            f"{bands} bands; index: {named}\ndiversity: 1 as diverse as the real ones, 0 collapsed; nearest real: well "
            "under 1 would be copies",
            style="dim",
        )
    for note in notes:
        console.print(note, style="yellow")


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


def _beside(measure: Measure, digits: int) -> str:
    """A measure, and in brackets its yardstick."""
    return f"{_number(measure.generated, digits)} ({_number(measure.held_out, digits)})"


def _number(value: float | None, digits: int) -> str:
    return _DASH if value is None else f"{value:.{digits}f}"

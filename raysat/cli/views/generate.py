"""Shows in the terminal how good generated patches are, each figure beside what real held-out patches give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.plan.jobs import GenerateJob
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger

_DASH: Final = "–"


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
        quality = record.quality
        indices.add(quality["index"])
        bands = len(record.bands)
        table.add_row(
            Text(job.class_name),
            f"{record.real:,}",
            f"{record.patches:,}",
            _beside(quality, "kid"),
            _beside({key: _mean(quality[key]) for key in ("wasserstein", "wasserstein_held_out")}, "wasserstein"),
            _beside(quality, "index_distance"),
            _beside(quality, "diversity", digits=2),
            _beside(quality, "nearest_real", digits=2),
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


def show_training(found: Mapping[str, Any], console: Console) -> None:
    """Print how well a classifier does that was trained on synthetic patches: ``SyntheticTraining`` as a mapping."""
    console.print(
        f"\ntrain on synthetic, test on real: balanced accuracy {found['synthetic']:.3f}; on the real train patches "
        f"{found['real']:.3f} (n = {found['held_out']} held-out patches, mean of {found['repeats']} seeds)"
    )
    if found["from_real"]:
        console.print(
            f"without a generator, and so from real patches in both: {', '.join(found['from_real'])}", style="dim"
        )


def _beside(quality: Mapping[str, Any], key: str, *, digits: int = 3) -> str:
    """A figure, and in brackets its yardstick."""
    return f"{_number(quality[key], digits)} ({_number(quality[f'{key}_held_out'], digits)})"


def _number(value: float | None, digits: int) -> str:
    return _DASH if value is None else f"{value:.{digits}f}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None

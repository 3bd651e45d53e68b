"""Shows where the seconds of a command went: its phases one after the other, and what slots did in that of the jobs."""

from __future__ import annotations

from typing import Final

from rich.console import Console

from raysat.execution.timings import Spent
from raysat.training.stopwatch import Part
from raysat.views.table import plain_table

_REST: Final = "neither: workers that start or wait for a job"


def show_timings(spent: Spent, console: Console) -> None:
    """Print two tables: seconds of the command, and seconds of its slots together where there were any."""
    phases = plain_table("phase", right=("seconds",))
    for phase, seconds in spent.phases.items():
        phases.add_row(phase.value, f"{seconds:.1f}")
    phases.add_row("in all", f"{sum(spent.phases.values()):.1f}")
    console.print(phases)
    if not spent.slots:
        return
    console.print()
    parts = plain_table("what slots did", right=("seconds", "share"))
    rest = max(0.0, spent.slots - sum(spent.parts.values()))
    did = {part.value: spent.parts[part] for part in Part if part in spent.parts}
    for name, seconds in {**did, _REST: rest}.items():
        parts.add_row(name, f"{seconds:.1f}", f"{100 * seconds / spent.slots:.0f} %")
    parts.add_row("slots together", f"{spent.slots:.1f}", "")
    console.print(parts)

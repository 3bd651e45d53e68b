"""Shows where the seconds of a command went: its phases one after the other, and what jobs did in theirs."""

from __future__ import annotations

from typing import Final

from rich.console import Console

from raysat.execution.timings import Spent
from raysat.views.table import plain_table

_REST: Final = "the rest: starting, waiting, attempts that did not finish"
_LEAST_S: Final = 0.05  # that are shown of a part


def show_timings(spent: Spent, console: Console) -> None:
    """Print two tables: seconds of the command, and seconds of its jobs together where there were any."""
    phases = plain_table("phase", right=("seconds",))
    for phase, seconds in spent.phases.items():
        phases.add_row(phase.value, f"{seconds:.1f}")
    phases.add_row("in all", f"{sum(spent.phases.values()):.1f}")
    console.print(phases)
    if not spent.jobs:
        return
    console.print()
    rest = max(0.0, spent.jobs - sum(spent.parts.values()))
    did = {part.value: seconds for part, seconds in spent.parts.items() if seconds >= _LEAST_S} | {_REST: rest}
    parts = plain_table("what jobs did", right=("seconds", "share"))
    for name, seconds in did.items():
        parts.add_row(name, f"{seconds:.1f}", f"{100 * seconds / spent.jobs:.0f} %")
    parts.add_row("all jobs together", f"{spent.jobs:.1f}", "")
    console.print(parts)

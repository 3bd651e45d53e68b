"""What was found on machines, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.execution.doctor.check import Machine
from raysat.formatting import plural, visible

_STYLES: Final = {"ok": "green", "warning": "yellow", "fault": "bold red"}


def show_diagnosis(machines: Sequence[Machine], console: Console) -> None:
    """Print each machine's list, then how much is wrong.

    Args:
        machines: what was found on each.
        console: where to print.
    """
    levels = [check.level for machine in machines for check in machine.checks]
    for machine in machines:
        console.print(Text(visible(machine.place), style="bold"))
        table = Table(box=None, pad_edge=False, show_header=False)
        for overflow in (None, None, "fold"):
            table.add_column(no_wrap=overflow is None, overflow="fold")
        for check in machine.checks:
            found = Text(visible(check.found))
            if check.remedy:
                found.append(f"\ndo: {visible(check.remedy)}", style="dim")
            table.add_row(Text(check.level, style=_STYLES[check.level]), Text(visible(check.name)), found)
        console.print(table)
    if not set(levels) - {"ok"}:
        console.print("nothing is wrong")
    else:
        console.print(f"{plural(levels.count('fault'), 'fault')}, {plural(levels.count('warning'), 'warning')}")

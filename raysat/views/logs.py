"""Shows what happened in a run, an event a line; of the last trial, why it failed and where its worker's output is."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from raysat.storage.event_log import LoggedEvent
from raysat.storage.records import Failure

_BAD: Final = ("failed", "node lost", "waiting")
_LONGEST_HOST: Final = 40  # characters that others are aligned to


def show_events(events: Sequence[LoggedEvent], console: Console) -> None:
    """Print events. Times are those of this machine's zone."""
    width = min(_LONGEST_HOST, max((len(event.host) for event in events), default=0))
    for event in events:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time))
        style = "yellow" if event.event in _BAD else ""
        console.print(f"{when}  {event.host:<{width}}  {_what(event)}", style=style)


def show_end(event: LoggedEvent, failure: Failure | None, console: Console) -> None:
    """Print what there is beside the log on the trial that an event is the last of.

    Args:
        event: its last.
        failure: why it failed; None where it did not, or has none on record.
        console: where to print.
    """
    if failure is not None:
        console.print()
        console.print(failure.traceback or failure.error, style="yellow")
        if failure.hint:
            console.print(f"hint: {failure.hint}")
    if event.address is not None:
        console.print()
        console.print("what its worker printed, while the cluster that it ran on lasts:", style="dim")
        console.print(f"ray logs worker --pid {event.pid} --node-ip {shlex.quote(event.address)} --err", style="dim")


def _what(event: LoggedEvent) -> str:
    seed = "" if event.seed is None else f"  seed {event.seed}"
    trial = f"{event.name}{seed}  " if event.name else ""
    epoch = f"  epoch {event.epoch}" if event.epoch and event.seed is not None else ""
    reason = f"  {event.reason}" if event.reason else ""
    return f"{trial}{event.event}{epoch}{reason}"

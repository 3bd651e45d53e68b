"""Shows a run in the terminal: one live table, or plain lines where the output is not a terminal."""

from __future__ import annotations

from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raysat.data.store import Split
from raysat.execution.messages import State
from raysat.execution.run_state import Row, RunState
from raysat.formatting import duration
from raysat.planning.jobs import GenerateJob

_STYLE: Final = {
    State.STARTING: "dim",
    State.TRAINING: "cyan",
    State.DONE: "green",
    State.STOPPED: "dim",
    State.FAILED: "bold red",
}
_SHOWN: Final = 8  # ended trials that stay in view
_QUIET_S: Final = 30.0  # plain output: at most one line of progress in so many seconds, besides ended trials


class TerminalView:
    """A view of a run's state; use as a context manager around the run."""

    def __init__(self, state: RunState, console: Console, validation_split: Split | None) -> None:
        """Prepare it.

        Args:
            state: what to show.
            console: where.
            validation_split: whose scores the state holds; None where the store has none to be scored on.
        """
        self._state, self._console = state, console
        self._split = f"{validation_split} " if validation_split else ""
        self._last_line = state.elapsed
        self._live = Live(get_renderable=self.render, console=console, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        self._state.subscribers.append(self._print_line)
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def render(self) -> RenderableType:
        """The live table: all that trains, what ended last, and the time left."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("job", "seed", "state", "epoch", f"{self._split}bal. acc.", f"{self._split}ICV"):
            table.add_column(name, justify="left" if name in ("job", "state") else "right", overflow="ellipsis")
        rows = list(self._state.rows.values())
        ended = [row for row in rows if row.has_ended]
        running = [row for row in rows if not row.has_ended]
        for row in [*ended[-_SHOWN:], *running]:
            name, seed, state, *numbers = _cells(row)
            table.add_row(*map(Text, (name, seed)), Text(state, style=_STYLE[row.state]), *map(Text, numbers))
        failed = self._state.count(State.FAILED)
        summary = [f"{self._state.ended - failed}/{self._state.total} jobs done", f"{len(running)} running"]
        summary += [f"{failed} failed"] if failed else []
        summary += [f"{duration(self._state.elapsed)} elapsed", f"ETA {self._eta()}"]
        return Group(table, Text("  ".join(summary), style="dim"))

    def _print_line(self, row: Row | None) -> None:
        """Print a plain line for a trial that ended, and now and then for one that trains."""
        if self._live or row is None or not (row.has_ended or self._state.elapsed - self._last_line > _QUIET_S):
            return
        self._last_line = self._state.elapsed
        name, seed, state, progress, balanced_accuracy, icv = _cells(row)
        if isinstance(row.item, GenerateJob):
            line = f"{name}  {state}  step {progress}"
        else:
            line = f"{name}  seed {seed}  {state}  epoch {progress}  "
            line += f"{self._split}balanced accuracy {balanced_accuracy}, ICV {icv}"
        self._console.print(f"{self._state.ended:>4}/{self._state.total}  {line}  ETA {self._eta()}")

    def _eta(self) -> str:
        seconds = self._state.seconds_left()
        return "–" if seconds is None else duration(seconds)


def _cells(row: Row) -> tuple[str, ...]:
    """Name, seed, state, epoch (steps for a generator), balanced accuracy and ICV of a row as text."""
    item, score = row.item, row.score
    return (
        item.name,
        "–" if item.seed is None else str(item.seed),
        row.state,
        f"{row.epoch}/{item.epochs}",
        "–" if score is None else f"{score.balanced_accuracy:.3f}",
        "–" if score is None else f"{score.icv:.3f}",
    )

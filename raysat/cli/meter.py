"""How far a step is: what it does, a bar, the rate and the time left; in a pipe, a line now and then.

A step that ends within two seconds leaves no trace in a pipe. Lines go to stderr, so that stdout is what was asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from raysat.cli.settings import current
from raysat.formatting import data_size, duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task, TaskID
    from rich.text import Text

_REDRAW_S: Final = 0.1  # between two states of a bar: a reader reports thousands of times a second
_FIRST_LINE_S: Final = 10.0  # in a pipe: until the first line
_LINES_S: Final = 30.0  # and between two
_SHORT_S: Final = 2.0  # a step of which nothing need be said afterwards
_BEGIN_S: Final = 0.7  # until a step without parts is shown


class Meter:
    """Shows how far a step is."""

    def __init__(self, screen: Console, *, bytes_of: tuple[str, ...] = (), silent: bool = False) -> None:
        """Make one.

        Args:
            screen: of stderr.
            bytes_of: first words of the titles of which bytes are counted.
            silent: show nothing; a log has what took a while all the same.
        """
        from raysat.views.screen import can_redraw

        self._screen, self._bytes_of, self._silent = screen, bytes_of, silent
        self._title, self._began, self._from, self._done, self._total = "", 0.0, 0, 0, 0
        self._shown_at = 0.0
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        if can_redraw(screen) and not silent:
            self._bars = self._new_bars()

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        self._end()

    def move(self, title: str, done: int, total: int) -> None:
        """Show a state.

        Args:
            title: what is done; another one begins another step.
            done: how much of it is.
            total: and of how much; 0 where that is not known.
        """
        now = time.monotonic()
        if title != self._title or total != self._total or done < self._done:
            self._end()
            self._title, self._began, self._from, self._total = title, now, done, total
            self._shown_at = now - _LINES_S + _FIRST_LINE_S
            self._begin_bar(done)
        self._done = done
        if self._bars is not None and self._task is not None:
            if done >= total or now - self._shown_at > _REDRAW_S:
                self._bars.update(self._task, completed=done)
                self._shown_at = now
        elif not self._silent and now - self._shown_at > _LINES_S:
            self._shown_at = now
            self._screen.print(self._line(now))

    def _begin_bar(self, done: int) -> None:
        if self._bars is not None:
            total = self._total or None
            if self._task is None:
                self._task = self._bars.add_task(self._title, total=total, completed=done)
            else:
                self._bars.reset(self._task, total=total, completed=done, description=self._title)

    def _line(self, now: float) -> str:
        """``reading patches: 40 % of 12,000, 350/s, 21 s left``; where nothing is done yet, for how long it has run."""
        if self._done == self._from:
            return f"{self._title}: {duration(now - self._began)} so far"
        share = f"{100 * self._done // self._total} % of {self._amount(self._total)}" if self._total else ""
        parts = [share or self._amount(self._done)]
        if rate := self._rate(now):
            parts.append(f"{self._amount(rate)}/s")
            if self._total:
                parts.append(f"{duration((self._total - self._done) / rate)} left")
        return f"{self._title}: {', '.join(parts)}"

    def _end(self) -> None:
        """Log a step that took a while."""
        took = time.monotonic() - self._began
        if self._title and took > _SHORT_S and current.log is not None:
            rate = self._rate(time.monotonic())
            at = f", {self._amount(rate)}/s" if rate else ""
            current.log.write(f"{self._title}: {self._amount(self._done)} in {duration(took)}{at}")
        self._title = ""

    def _rate(self, now: float) -> float:
        return (self._done - self._from) / max(1e-9, now - self._began)

    def _amount(self, number: float) -> str:
        if self._title.startswith(self._bytes_of):
            return data_size(number)
        return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"

    def _new_bars(self) -> Progress:
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        amount = self._amount

        class Rate(ProgressColumn):
            """How much is done in a second."""

            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                return Text("" if speed is None else f"{amount(speed)}/s", style="progress.data.speed")

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), Rate(), TimeRemainingColumn())
        return Progress(*columns, console=self._screen, transient=True)


class Clock:
    """A spinner and the time since a step began; nothing, and nothing imported, where it ends at once."""

    def __init__(self, what: str, screen: Callable[[], Console], *, silent: bool) -> None:
        """Make one.

        Args:
            what: is done.
            screen: makes that of stderr, where it is needed.
            silent: show nothing.
        """
        self._what, self._screen, self._silent = what, screen, silent
        self._lock, self._ended = threading.Lock(), False
        self._bars: Progress | None = None
        self._timer = threading.Timer(_BEGIN_S, self._begin)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if not self._silent:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._bars is not None:
                self._bars.stop()

    def _begin(self) -> None:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        from raysat.views.screen import can_redraw

        screen = self._screen()
        with self._lock:
            if not self._ended and can_redraw(screen):
                columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
                self._bars = Progress(*columns, console=screen, transient=True)
                self._bars.add_task(self._what, total=None)
                self._bars.start()

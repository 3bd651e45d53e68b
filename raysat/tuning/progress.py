"""Shows a run in the terminal: one live table, or plain lines where the output is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import ray.tune
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raysat.plan import Job
from raysat.textual import duration

_STYLE: Final = {"training": "cyan", "starting": "dim", "done": "green", "failed": "bold red", "halted": "bold red"}
_SHOWN: Final = 8  # finished trials that stay in view
_QUIET_S: Final = 30.0  # plain output: at most one line of progress in so many seconds, besides finished trials


@dataclass(slots=True)
class _Row:
    """What is known of a job that has started."""

    job: Job
    state: str = "starting"
    epoch: int = 0
    images: int = 0
    balanced_accuracy: float | None = None
    icv: float | None = None


class Progress(ray.tune.Callback):  # type: ignore[misc]  # ray ships no types
    """Follows a run through Tune's callbacks; use as a context manager around it."""

    def __init__(self, jobs: Sequence[Job], console: Console, *, finished_before: int) -> None:
        self._jobs = {job.id: job for job in jobs}
        self._rows: dict[str, _Row] = {}
        self._console = console
        self._before = finished_before
        self._began = time.monotonic()
        self._first_report: tuple[float, int] | None = None
        self._last_line = self._began
        self._live = Live(get_renderable=self._render, console=console, transient=True) if console.is_terminal else None

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles callbacks into a snapshot that is never restored: a terminal cannot be in it."""
        return {}

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    @property
    def finished(self) -> list[str]:
        """Ids of the jobs finished in this run."""
        return [job for job, row in self._rows.items() if row.state == "done"]

    @property
    def failed(self) -> list[str]:
        """Ids of the jobs that failed in this run."""
        return [job for job, row in self._rows.items() if row.state == "failed"]

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job was given to a slot."""
        job = trial.config["job"]
        self._rows[job] = _Row(self._jobs[job])

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A job finished an epoch, or finished."""
        row = self._rows[result["job"]]
        row.state = result["state"]
        row.epoch = int(result.get("epoch", row.epoch))
        row.images = int(result.get("images", row.images))
        row.balanced_accuracy = result.get("balanced_accuracy", row.balanced_accuracy)
        row.icv = result.get("icv", row.icv)
        if self._first_report is None:  # Ray's start is not training time
            self._first_report = (time.monotonic(), self._images_done())
        self._say(row)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A slot died."""
        row = self._rows.setdefault(trial.config["job"], _Row(self._jobs[trial.config["job"]]))
        row.state = "failed"
        self._say(row)

    def _say(self, row: _Row) -> None:
        """Print a plain line for a finished trial, and now and then for one that trains."""
        ended, now = row.state in ("done", "failed"), time.monotonic()
        if self._live or not (ended or now - self._last_line > _QUIET_S):
            return
        self._last_line = now
        cells = _cells(row)
        self._console.print(
            f"{self._ended():>4}/{len(self._jobs) + self._before}  {cells[0]}  seed {cells[1]}  {row.state}  "
            f"epoch {cells[3]}  balanced accuracy {cells[4]}  ICV {cells[5]}  ETA {self._eta()}"
        )

    def _ended(self) -> int:
        return self._before + sum(row.state in ("done", "failed") for row in self._rows.values())

    def _images_done(self) -> int:
        return sum(row.job.images if row.state in ("done", "failed") else row.images for row in self._rows.values())

    def _eta(self) -> str:
        """Time left at the rate seen since the first report."""
        if self._first_report is None:
            return "–"
        since, images_then = self._first_report
        done, seconds = self._images_done(), time.monotonic() - since
        if done <= images_then or seconds < 1:
            return "–"
        left = sum(job.images for job in self._jobs.values()) - done
        return duration(left * seconds / (done - images_then))

    def _render(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("trial", "seed", "state", "epoch", "bal. acc.", "ICV"):
            table.add_column(name, justify="left" if name in ("trial", "state") else "right", overflow="ellipsis")
        rows = list(self._rows.values())
        ended = [row for row in rows if row.state in ("done", "failed")]
        for row in [*ended[-_SHOWN:], *(row for row in rows if row not in ended)]:
            table.add_row(
                *(Text(cell, style=_STYLE[row.state] if i == 2 else "") for i, cell in enumerate(_cells(row)))
            )
        total, failed = len(self._jobs) + self._before, len(self.failed)
        running = len(rows) - len(ended)
        summary = [f"{self._ended() - failed}/{total} trials done", f"{running} running"]
        summary += [f"{failed} failed"] if failed else []
        summary += [f"{duration(time.monotonic() - self._began)} elapsed", f"ETA {self._eta()}"]
        return Group(table, Text("  ".join(summary), style="dim"))


def _cells(row: _Row) -> tuple[str, ...]:
    """Arm, seed, state, epoch, balanced accuracy and ICV of a row as text."""
    trial = row.job.trial
    return (
        row.job.arm,
        str(trial.seed),
        row.state,
        f"{row.epoch}/{trial.config.optim.epochs}",
        "–" if row.balanced_accuracy is None else f"{row.balanced_accuracy:.3f}",
        "–" if row.icv is None else f"{row.icv:.3f}",
    )

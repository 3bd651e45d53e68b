"""Shows a run in the terminal: one live table, or plain lines where the output is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

import ray.tune
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raysat.jobs import GenerateJob, Job, TrainJob
from raysat.textual import duration

_STYLE: Final = {
    "training": "cyan",
    "starting": "dim",
    "done": "green",
    "stopped": "dim",
    "failed": "bold red",
    "halted": "bold red",
}
_ENDED: Final = ("done", "stopped", "failed")
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
    """Follows a run through Tune's callbacks; use as a context manager around it.

    A search does not know its jobs beforehand: it names how many there will be, and adds each one.
    """

    def __init__(
        self, jobs: Sequence[Job], console: Console, *, finished_before: int, expected: int | None = None
    ) -> None:
        self._jobs = {job.id: job for job in jobs}
        self._total = finished_before + (expected if expected is not None else len(jobs))
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

    def add(self, job: Job) -> None:
        """Take a job that was not known before."""
        self._jobs[job.id] = job

    def give_up(self, job: Job) -> None:
        """A job will never start: what it needs failed."""
        self._fail(job.id)

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
        self._fail(trial.config["job"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job ended; one that was still training was stopped early."""
        row = self._rows[trial.config["job"]]
        if row.state not in _ENDED:
            row.state = "stopped"
            self._say(row)

    def _fail(self, job: str) -> None:
        row = self._rows.setdefault(job, _Row(self._jobs[job]))
        row.state = "failed"
        self._say(row)

    def _say(self, row: _Row) -> None:
        """Print a plain line for a finished trial, and now and then for one that trains."""
        ended, now = row.state in _ENDED, time.monotonic()
        if self._live or not (ended or now - self._last_line > _QUIET_S):
            return
        self._last_line = now
        name, seed, _, progress, balanced_accuracy, icv = _cells(row)
        if isinstance(row.job, GenerateJob):
            what = f"{name}  {row.state}  step {progress}"
        else:
            what = f"{name}  seed {seed}  {row.state}  epoch {progress}  "
            what += f"balanced accuracy {balanced_accuracy}  ICV {icv}"
        self._console.print(f"{self._ended():>4}/{self._total}  {what}  ETA {self._eta()}")

    def _ended(self) -> int:
        return self._before + sum(row.state in _ENDED for row in self._rows.values())

    def _images_done(self) -> int:
        return sum(row.job.images if row.state in _ENDED else row.images for row in self._rows.values())

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
        for name in ("job", "seed", "state", "epoch", "bal. acc.", "ICV"):
            table.add_column(name, justify="left" if name in ("job", "state") else "right", overflow="ellipsis")
        rows = list(self._rows.values())
        ended = [row for row in rows if row.state in _ENDED]
        for row in [*ended[-_SHOWN:], *(row for row in rows if row not in ended)]:
            table.add_row(
                *(Text(cell, style=_STYLE[row.state] if i == 2 else "") for i, cell in enumerate(_cells(row)))
            )
        failed = len(self.failed)
        running = len(rows) - len(ended)
        summary = [f"{self._ended() - failed}/{self._total} jobs done", f"{running} running"]
        summary += [f"{failed} failed"] if failed else []
        summary += [f"{duration(time.monotonic() - self._began)} elapsed", f"ETA {self._eta()}"]
        return Group(table, Text("  ".join(summary), style="dim"))


def _cells(row: _Row) -> tuple[str, ...]:
    """Name, seed, state, epoch (steps for a generator), balanced accuracy and ICV of a row as text."""
    job = row.job
    match job:
        case GenerateJob():
            seed, last = "–", job.work.gan.steps
        case TrainJob():
            seed, last = str(job.trial.seed), job.trial.config.optim.epochs
        case _:
            assert_never(job)
    return (
        job.name,
        seed,
        row.state,
        f"{row.epoch}/{last}",
        "–" if row.balanced_accuracy is None else f"{row.balanced_accuracy:.3f}",
        "–" if row.icv is None else f"{row.icv:.3f}",
    )

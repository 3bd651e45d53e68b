"""Shows a run in the terminal: one live table, or plain lines where the output is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, assert_never

import ray.tune
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raysat.data.store import Split
from raysat.execution.job_feeder import Task, jobs_of
from raysat.formatting import duration
from raysat.plan.jobs import GenerateJob, Job, TrainJob
from raysat.storage.heartbeat import RunningJob, RunStatus, write_status

_STYLE: Final = {
    "training": "cyan",
    "starting": "dim",
    "done": "green",
    "stopped": "dim",
    "failed": "bold red",
    "halted": "bold red",
}
_ENDED: Final = ("done", "stopped", "failed")
_WRITTEN_S: Final = 2.0  # between two writings of the progress file
_SHOWN: Final = 8  # finished trials that stay in view
_QUIET_S: Final = 30.0  # plain output: at most one line of progress in so many seconds, besides finished trials


@dataclass(slots=True)
class _Row:
    """What is known of a trial or generator that has started."""

    job: Job
    state: str = "starting"
    epoch: int = 0
    balanced_accuracy: float | None = None
    icv: float | None = None


class Progress(ray.tune.Callback):  # type: ignore[misc]  # ray ships no types
    """Follows a run through Tune's callbacks; use as a context manager around it.

    What it shows of a trial is of the ``watched`` split, while it trains and when it is finished; None where the store
    has nothing to watch. A chain shows as the trial that ends on it next. A search does not know its jobs beforehand:
    it names how many there will be, and adds each one. Given a ``file``, what is shown is also written there, for
    ``raysat status``.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        console: Console,
        *,
        watched: Split | None,
        finished_before: int,
        expected: int | None = None,
        file: Path | None = None,
    ) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._total = finished_before + (
            expected if expected is not None else sum(len(jobs_of(task)) for task in tasks)
        )
        self._rows: dict[str, _Row] = {}
        self._passed: dict[str, int] = {}  # images that went through each task, in whatever run
        self._trained = 0  # images of this run
        self._over: set[str] = set()  # tasks that ended
        self._console = console
        self._of = f"{watched} " if watched else ""
        self._before = finished_before
        self._file, self._written = file, 0.0
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
        self._write(now=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
        self._write(now=True)

    @property
    def finished(self) -> list[str]:
        """Ids of the trials and generators finished in this run."""
        return [job for job, row in self._rows.items() if row.state == "done"]

    @property
    def failed(self) -> list[str]:
        """Ids of the trials and generators that failed in this run."""
        return [job for job, row in self._rows.items() if row.state == "failed"]

    def add(self, task: Task) -> None:
        """Take a job that was not known before."""
        self._tasks[task.id] = task

    def give_up(self, task: Task) -> None:
        """A job will never start: what it needs failed."""
        self._fail(task)

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job was given to a slot."""
        self._row(self._tasks[trial.config["job"]]).state = "starting"
        self._write()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A job finished an epoch, or a trial of it finished."""
        task = self._tasks[result["job"]]
        row = self._row(task, result.get("trial"))
        row.state = "done" if result["state"] == "finished" else result["state"]
        row.epoch = int(result.get("epoch", row.epoch))
        if result["state"] not in ("failed", "halted"):  # what an epoch had is not what the final model has
            row.balanced_accuracy, row.icv = result.get("balanced_accuracy"), result.get("icv")
        self._pass(task, result)
        if self._first_report is None:  # Ray's start is not training time
            self._first_report = (time.monotonic(), self._trained)
        if row.state == "failed":
            self._fail(task)
        else:
            self._say(row)
        self._write()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A slot died."""
        self._fail(self._tasks[trial.config["job"]])
        self._write()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job ended; one that was still training was stopped early."""
        row = self._row(self._tasks[trial.config["job"]])
        if row.state not in _ENDED:
            row.state = "stopped"
            self._say(row)
        self._write()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune looked around: the run is alive."""
        self._write()

    def _row(self, task: Task, trial: str | None = None) -> _Row:
        """The row of one of a task's trials, by default the next to end; made where it is missing."""
        jobs = jobs_of(task)
        ended = {job.id for job in jobs if job.id in self._rows and self._rows[job.id].state in _ENDED}
        job = next((job for job in jobs if job.id == trial or (trial is None and job.id not in ended)), jobs[-1])
        return self._rows.setdefault(job.id, _Row(job))

    def _fail(self, task: Task) -> None:
        """All trials of a task that are not finished failed with it."""
        self._over.add(task.id)
        for job in jobs_of(task):
            row = self._rows.setdefault(job.id, _Row(job))
            if row.state != "done":
                row.state = "failed"
                self._say(row)

    def _pass(self, task: Task, result: dict[str, Any]) -> None:
        """Count the images that a task has trained on; what a checkpoint brought was not trained now."""
        if result["state"] == "done":
            self._over.add(task.id)
        if result["state"] != "training":
            return
        if isinstance(task, GenerateJob):
            passed = int(result["images"])
        else:
            own = task.trials[-1].epochs - task.begins
            passed = task.images * max(0, int(result["epoch"]) - task.begins) // own
        before = self._passed.get(task.id, 0)
        self._trained += max(0, passed - before) if not result.get("earlier") else 0
        self._passed[task.id] = passed

    def _write(self, *, now: bool = False) -> None:
        """Write where the run stands; a full disk shows elsewhere."""
        if self._file is None or (not now and time.monotonic() - self._written < _WRITTEN_S):
            return
        self._written = time.monotonic()
        running = [
            RunningJob(job=row.job.id, name=row.job.name, seed=seed, epoch=row.epoch, epochs=epochs)
            for row in self._rows.values()
            if row.state not in _ENDED
            for seed, epochs in [_length(row.job)]
        ]
        write_status(
            self._file,
            RunStatus(
                done=len(self.finished),
                failed=len(self.failed),
                already_done=self._before,
                total=self._total,
                running=running,
                eta_seconds=self._left(),
            ),
        )

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
            what += f"{self._of}balanced accuracy {balanced_accuracy}, ICV {icv}"
        self._console.print(f"{self._ended():>4}/{self._total}  {what}  ETA {self._eta()}")

    def _ended(self) -> int:
        return self._before + sum(row.state in _ENDED for row in self._rows.values())

    def _left(self) -> float | None:
        """Seconds left at the rate seen since the first report."""
        if self._first_report is None:
            return None
        since, images_then = self._first_report
        trained, seconds = self._trained - images_then, time.monotonic() - since
        if trained <= 0 or seconds < 1:
            return None
        left = sum(
            task.images - self._passed.get(task.id, 0) for task in self._tasks.values() if task.id not in self._over
        )
        return left * seconds / trained

    def _eta(self) -> str:
        left = self._left()
        return "–" if left is None else duration(left)

    def _render(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("job", "seed", "state", "epoch", f"{self._of}bal. acc.", f"{self._of}ICV"):
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
    seed, last = _length(job)
    return (
        job.name,
        "–" if seed is None else str(seed),
        row.state,
        f"{row.epoch}/{last}",
        "–" if row.balanced_accuracy is None else f"{row.balanced_accuracy:.3f}",
        "–" if row.icv is None else f"{row.icv:.3f}",
    )


def _length(job: Job) -> tuple[int | None, int]:
    """A job's seed, and how many epochs (steps for a generator) it trains."""
    match job:
        case GenerateJob():
            return None, job.work.gan.steps
        case TrainJob():
            return job.trial.seed, job.epochs
        case _:
            assert_never(job)

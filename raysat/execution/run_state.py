"""How a run is doing: what trains, what has ended, and how long it will take; a pure state, fed by events.

Views subscribe to it. A train job shows as the trial that ends on it next; what is known of a trial is its score on
the validation split, while it trains and when it is finished.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from raysat.execution.messages import (
    EpochDone,
    JobDone,
    JobFailed,
    Message,
    Score,
    State,
    StateSaved,
    StepsTimed,
    StorageFailed,
    StoreTold,
    TrialDone,
    WorkerPlace,
)
from raysat.execution.row import Row
from raysat.planning.jobs import WorkItem
from raysat.planning.stages import Job
from raysat.training.stopwatch import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a run ended."""

    finished: int  # trials and generators, in this run
    failed: int
    interrupted: bool


Subscriber = Callable[[Row | None], None]  # is called with the row that changed; with None as time passes


class RunState:
    """Follows the jobs of a run."""

    def __init__(
        self,
        jobs: Sequence[Job] = (),
        *,
        later: Sequence[Job] = (),
        already_done: int = 0,
        expected: int | None = None,
        eta_per_item: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to follow.

        Args:
            jobs: what is known to come; a search adds its jobs later.
            later: like those that will come after these, in a run of their own: they count in the total and the time.
            already_done: trials and generators finished before, which count as done.
            expected: how many trials and generators will come; by default those of the jobs that are known.
            eta_per_item: take each to last as long as those before, for want of knowing what is to come; by default
                the time left follows from the images that are left. Without ``expected`` there is no telling then.
            clock: seconds, from any start.
        """
        self.rows: dict[str, Row] = {}  # by trial or generator
        self.already_done = already_done
        self.waiting = 0  # jobs for which there is no slot yet
        self.retries = 0  # jobs that were handed back since their worker died by itself
        self.lost_nodes: Counter[str] = Counter()  # by node: jobs that were handed back
        self.seconds: dict[Part, float] = dict.fromkeys(Part, 0.0)  # that finished jobs spent, and on what
        self.first_step = math.inf  # when a job first began to train or generate, by the clock
        self.subscribers: list[Subscriber] = []
        self._jobs: dict[str, Job] = {}
        self._expected, self._eta_per_item = expected, eta_per_item
        # What would take a look at every job and row is kept up to date instead: it is asked for at every event.
        self._items = 0  # of the jobs that are known
        self._counts = Counter[State]()  # rows by state
        self._open: dict[str, Row] = {}  # rows that have not ended, and those that have, each as it came to that
        self._ended: dict[str, Row] = {}
        self._later = sum(len(job.items) for job in later)
        self._left = sum(job.samples_seen for job in later)  # samples that jobs which have not ended are still to see
        self._samples: dict[str, int] = {}  # seen by each job, in whatever run
        self._trained = 0  # samples seen in this run
        self._running: set[str] = set()  # jobs in slots
        self._over: set[str] = set()  # jobs that ended
        self._paces: dict[str, float] = {}  # images a second of jobs, by their first steps
        self._clock, self._began = clock, clock()
        self._first_message: tuple[float, int] | None = None  # when, and what was trained by then
        for job in jobs:
            self.add(job)

    @property
    def total(self) -> int:
        """Trials and generators, those that were done before included."""
        return self.already_done + self._later + (self._items if self._expected is None else self._expected)

    @property
    def ended(self) -> int:
        """Trials and generators of which nothing more will come."""
        return self.already_done + len(self._ended)

    @property
    def open_rows(self) -> Collection[Row]:
        """Those of which more will come."""
        return self._open.values()

    def last_ended(self, number: int) -> list[Row]:
        """The rows that ended last, the latest at the end."""
        return list(islice(reversed(self._ended.values()), number))[::-1]

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began

    def count(self, state: State) -> int:
        """How many trials and generators are in a state, of those that started in this run."""
        return self._counts[state]

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    def add(self, job: Job) -> None:
        """Take a job that was not known before, or know one better."""
        if known := self._jobs.get(job.id):
            self._items -= len(known.items)
            self._left -= self._still_to_see(known)
        self._jobs[job.id] = job
        self._items += len(job.items)
        self._left += self._still_to_see(job)

    def start(self, job: Job) -> None:
        """A job was given to a slot, perhaps again."""
        self._running.add(job.id)
        row = self._next_row(job)
        row.worker = row.reason = None
        self._set(row, State.STARTING)
        self._notify([row])

    def receive(self, message: Message, worker: WorkerPlace | None = None) -> None:
        """A worker reports, from a place; None where it could not say so itself."""
        job = self._jobs[message.job]
        if isinstance(message, StoreTold):  # before the job begins
            return
        if isinstance(message, StepsTimed):
            self._paces[job.id] = message.images_per_s
            return
        match message:
            case EpochDone(epoch=epoch):
                self._count_samples(job, message)
                if not message.from_checkpoint:
                    self.first_step = min(self.first_step, self._clock() - message.seconds)
                row = self._next_row(job, epoch)
                self._set(row, State.TRAINING)
                row.epoch, row.score = epoch, message.score
                changed = [row]
            case TrialDone(trial=trial):
                ends = [item for item in job.items if item.id == trial and self._row(item).state != State.DONE]
                changed = [self._done(item, message.score) for item in ends]  # an earlier attempt may have said so
            case JobDone(seconds=seconds):
                self._close(job)
                for part, spent in seconds.items():
                    self.seconds[part] += spent
                changed = [self._done(job.items[-1], message.score)]
            case JobFailed():
                changed = self._failed(job)
            case StateSaved() | StorageFailed():  # shows in nothing; the latter ends the run
                changed = []
        if self._first_message is None:  # Ray's start is not training time
            self._first_message = (self._clock(), self._trained)
        for row in changed:
            row.worker = worker or row.worker
        self._notify(changed)

    def fail(self, job: Job) -> None:
        """A job's worker died, or it will never start since what it needs failed."""
        self._notify(self._failed(job))

    def hand_back(self, job: Job, *, lost_node: str | None, reason: str) -> Row:
        """A job's worker died: it waits for another one.

        Args:
            job: what it did.
            lost_node: that was lost with it; None where it died by itself.
            reason: in a line.

        Returns:
            What comes next on the job.
        """
        if lost_node is None:
            self.retries += 1
        else:
            self.lost_nodes[lost_node] += 1
        self._running.discard(job.id)
        row = self._next_row(job)
        row.reason = reason
        self._set(row, State.WAITING)
        self._notify([row])
        return row

    def end(self, job: Job) -> None:
        """A job has ended; one that was still training was stopped early."""
        self._running.discard(job.id)
        row = self._next_row(job)
        if row.has_ended:
            self.tick()
        else:
            self._set(row, State.STOPPED)
            self._notify([row])

    def tick(self) -> None:
        """Time passes."""
        self._notify([None])

    def seconds_left(self) -> float | None:
        """How long the run will take from now on; None while there is no telling."""
        if self._eta_per_item:
            ended = self.ended - self.already_done
            left = self.total - self.ended
            return None if self._expected is None or not ended else self.elapsed / ended * left
        since, trained_by_then = self._first_message or (self._clock(), self._trained)
        trained, seconds = self._trained - trained_by_then, self._clock() - since
        if trained <= 0 or seconds < 1:
            pace = sum(self._paces.get(job, 0.0) for job in self._running)
            return self._left / pace if pace else None
        return self._left * seconds / trained

    def _notify(self, changed: Sequence[Row | None]) -> None:
        for row in changed:
            for subscriber in self.subscribers:
                subscriber(row)

    def _row(self, item: WorkItem) -> Row:
        if item.id not in self.rows:
            row = self.rows[item.id] = self._open[item.id] = Row(item)
            self._counts[row.state] += 1
        return self.rows[item.id]

    def _set(self, row: Row, state: State) -> None:
        self._counts[row.state] -= 1
        self._counts[state] += 1
        row.state, id_ = state, row.item.id
        here, there = (self._ended, self._open) if row.has_ended else (self._open, self._ended)
        here.setdefault(id_, row)
        there.pop(id_, None)

    def _close(self, job: Job) -> None:
        """Nothing more will come of a job."""
        self._running.discard(job.id)
        self._left -= self._still_to_see(job)
        self._over.add(job.id)

    def _still_to_see(self, job: Job) -> int:
        return 0 if job.id in self._over else job.samples_seen - self._samples.get(job.id, 0)

    def _next_row(self, job: Job, epoch: int = 0) -> Row:
        """The row of what ends next on a job, at or after an epoch."""
        for item in job.items:
            if item.epochs >= epoch and not (item.id in self.rows and self.rows[item.id].has_ended):
                return self._row(item)
        return self._row(job.items[-1])

    def _done(self, item: WorkItem, score: Score | None) -> Row:
        row = self._row(item)
        self._set(row, State.DONE)
        row.epoch, row.score = item.epochs, score
        return row

    def _failed(self, job: Job) -> list[Row]:
        """What of a job is not done has failed with it."""
        self._close(job)
        rows = [row for row in map(self._row, job.items) if row.state != State.DONE]
        for row in rows:
            self._set(row, State.FAILED)
        return rows

    def _count_samples(self, job: Job, message: EpochDone) -> None:
        """Count what a job has trained on; what a checkpoint brought was not trained now."""
        start, end = job.start_epoch, job.items[-1].epochs
        seen = job.samples_seen * max(0, message.epoch - start) // (end - start)
        if not message.from_checkpoint:
            self._trained += max(0, seen - self._samples.get(job.id, 0))
        self._left -= self._still_to_see(job)
        self._samples[job.id] = seen
        self._left += self._still_to_see(job)

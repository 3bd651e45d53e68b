"""What a run costs its driver with many slots, on made-up training of drawn length in simulated time.

    python -m scaling.scheduler SPACE STORE RUN SLOTS TRIALS

A process of its own, which prints one line of JSON. Feeder, run state, status file, sweeper and ledger are the real
ones. Left out are Ray and Tune, which no two cores run so often: ``benchmarks/overhead.py`` has what they cost a job.
What workers do (records, checkpoints) is done for real, without waiting for the disk, and not counted.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from raysat.data.store import PatchStore
from raysat.execution.events import ignore
from raysat.execution.messages import EpochDone, JobDone, Message, Score, StateSaved, TrialDone, to_result
from raysat.execution.prepare import prepare
from raysat.execution.run import CheckpointSweeper
from raysat.execution.run_state import RunState
from raysat.execution.scheduling.job_feeder import JobFeeder
from raysat.execution.scheduling.tune_events import TuneEvents
from raysat.execution.status_file import StatusFile
from raysat.planning.stages import TrainJob, train_jobs
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.training.stopwatch import Stopwatch

_EPOCH_S: Final = 10.0  # of simulated time, in the mean
_FILES: Final = dict.fromkeys(("record.json", "spec.json", "history.csv", "predictions.npz", "model.pt"), b"{}")
_PLACE: Final = {"hostname": "node", "node_ip": "10.0.0.1", "pid": 1}  # as Tune says of each result


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What a run cost its driver."""

    slots: int
    jobs: int
    events: int
    seconds: float  # of CPU, in all
    planning: float  # of these: to cut the plan into jobs
    feeding: float  # to choose the next job
    hearing: float  # to hear of an epoch or a finished trial, the status file included
    finishing: float  # when a job has ended: sweep, free what waits
    simulated: float  # how long the run would have taken
    workers: float  # seconds of CPU of made-up workers, not the driver's


@dataclass(slots=True)
class Clock:
    """Simulated time."""

    now: float = 0.0

    def __call__(self) -> float:
        """Seconds since the run began."""
        return self.now


@dataclass(frozen=True, slots=True)
class FixedSlots:
    """As much of the slots of a cluster as raysat looks at; their number stays."""

    fit: int

    def allowed(self) -> int:
        """How many jobs may run."""
        return self.fit


@dataclass(frozen=True, slots=True)
class TuneTrial:
    """As much of Tune's trial as raysat looks at."""

    trial_id: str
    config: dict[str, Any]


def messages(job: TrainJob) -> Iterator[Message]:
    """What a worker reports of a job."""
    score = Score(balanced_accuracy=0.5, icv=0.1)
    ends = {trial.epochs: trial for trial in job.trials[:-1]}
    for epoch in range(job.start_epoch + 1, job.trials[-1].epochs + 1):
        yield EpochDone(job=job.id, epoch=epoch, score=score)
        if epoch in job.fork_epochs:
            yield StateSaved(job=job.id, epoch=epoch)
        if epoch in ends:
            yield TrialDone(job=job.id, trial=ends[epoch].id, score=score)
    yield JobDone(job=job.id, score=score)


def work(ledger: Ledger, job: TrainJob, message: Message) -> None:
    """Write what a worker has written before it reports."""
    match message:
        case EpochDone(epoch=epoch) if epoch < job.trials[-1].epochs:
            ledger.checkpoints.write(job.states[epoch], b"state")
            if epoch - 1 > job.start_epoch and epoch - 1 not in job.fork_epochs:
                ledger.checkpoints.drop(job.states[epoch - 1])
        case TrialDone(trial=trial):
            ledger.write(trial, _FILES)
        case JobDone():
            ledger.write(job.id, _FILES)


class Driver:
    """A run's own parts, driven as Tune drives them, and what they take."""

    def __init__(
        self, training: Sequence[TrainJob], ledger: Ledger, clock: Clock, slots: int, watch: Stopwatch[str]
    ) -> None:
        self._watch, artifacts = watch, Artifacts(ledger.root / "generated")
        with watch.timing("planning"):
            sweeper = CheckpointSweeper(ledger.checkpoints, training)
            self.state = RunState(training, clock=clock)
            self._feeder = JobFeeder(
                training,
                is_done=lambda _: False,  # is asked of jobs whose worker died: none does
                on_done=sweeper.job_done,
                on_lost=self.state.fail,
                room=lambda: slots,
            )
            fixed: Any = FixedSlots(slots)
            self._events = TuneEvents(self.state, self._feeder, fixed, ledger, artifacts, ignore)

    def next_trial(self, trial_id: str) -> TuneTrial | None:
        """A job in a slot, if one can start."""
        with self._watch.timing("feeding"):
            config = self._feeder.suggest(trial_id)
            if not isinstance(config, dict):
                return None
            trial = TuneTrial(trial_id, config)
            self._events.on_trial_start(0, [], trial)
        return trial

    def hear(self, trial: TuneTrial, message: Message) -> None:
        """A worker reports."""
        result, is_over = to_result(message) | _PLACE, isinstance(message, JobDone)
        with self._watch.timing("finishing" if is_over else "events"):
            self._events.on_trial_result(0, [], trial, result)
            if is_over:
                self._feeder.on_trial_complete(trial.trial_id, result)
                self._events.on_trial_complete(0, [], trial)
            else:
                self._feeder.on_trial_result(trial.trial_id, result)
            self._events.on_step_end(0, [])


def drive(space: Path, store: Path, run: Path, *, slots: int, trials: int) -> Driven:
    """Run a study's first trials in simulated slots.

    Args:
        space: the study.
        store: of its patches.
        run: folder to fill.
        slots: how many jobs run at a time.
        trials: how many to plan.

    Returns:
        What it took.
    """
    os.fsync = lambda _: None
    plan = prepare(load_study(space, overrides={}), PatchStore.open(store), data=str(store))
    watch, rng, clock, ledger = Stopwatch[str](time.process_time), random.Random(0), Clock(), Ledger(run)
    with watch.timing("planning"):
        training = train_jobs(plan.trials[:trials])
    driver = Driver(training, ledger, clock, slots, watch)
    ledger.write_plan(plan.study.text, plan.to_file())
    heard, free = 0, list(range(slots))
    reports: list[tuple[float, int, TuneTrial, Iterator[Message]]] = []  # a heap by time: what each slot reports next
    with StatusFile(driver.state, ledger.progress):
        while True:
            while free and (trial := driver.next_trial(f"{free[-1]}-{heard}")):
                lasts = rng.lognormvariate(0, 0.5) * _EPOCH_S
                heapq.heappush(reports, (clock.now + lasts, free.pop(), trial, messages(trial.config["job"])))
            if not reports:
                break
            clock.now, slot, trial, left = heapq.heappop(reports)
            message, heard = next(left), heard + 1
            with watch.timing("workers"):
                work(ledger, trial.config["job"], message)
            driver.hear(trial, message)
            if isinstance(message, JobDone):
                free.append(slot)
            else:
                lasts = rng.lognormvariate(0, 0.5) * _EPOCH_S if isinstance(message, EpochDone) else 0.0
                heapq.heappush(reports, (clock.now + lasts, slot, trial, left))
    if driver.state.ended != trials:
        raise SystemExit(f"{driver.state.ended} of {trials} trials ended")
    workers = watch.seconds.pop("workers")
    return Driven(
        slots=slots,
        jobs=len(training),
        events=heard,
        seconds=sum(watch.seconds.values()),
        planning=watch.seconds["planning"],
        feeding=watch.seconds["feeding"],
        hearing=watch.seconds["events"],
        finishing=watch.seconds["finishing"],
        simulated=clock.now,
        workers=workers,
    )


def main() -> None:
    space, store, run, slots, trials = sys.argv[1:]
    print(json.dumps(asdict(drive(Path(space), Path(store), Path(run), slots=int(slots), trials=int(trials)))))


if __name__ == "__main__":
    main()

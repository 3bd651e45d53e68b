"""Ray at hand for one run: one Tuner over warm slots, and what becomes of jobs whose worker dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.tune
from typing_extensions import override

from raysat.data.store import PatchStore
from raysat.errors import DiskError
from raysat.execution.address import check_address
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.connection import connect, quiet_tune
from raysat.execution.events import Ended, OnEvent, Progress, Started, Waiting, ignore
from raysat.execution.finished import is_finished
from raysat.execution.messages import StorageFailed, TrialDone, from_result
from raysat.execution.resources import fit, no_leftovers
from raysat.execution.run_state import RunState
from raysat.execution.run_storage import run_storage
from raysat.execution.slot import Slot, reserved
from raysat.execution.status_file import StatusFile
from raysat.execution.worker_context import SlotSettings
from raysat.interrupts import removed_at_end, stops_in_order
from raysat.planning.jobs import WorkItem
from raysat.planning.stages import Job
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.training.check import evaluation_splits


@contextmanager
def session(
    name: str,
    store: PatchStore,
    ledger: Ledger,
    artifacts: Artifacts,
    options: ClusterOptions,
    on_event: OnEvent = ignore,
    *,
    beside: bool = False,
) -> Iterator[Session]:
    """Hold a run's ledger and have Ray at hand, with all that slots share.

    Args:
        name: of the run, in Ray's dashboard.
        store: what is trained on.
        ledger: where records go.
        artifacts: where generated patches go.
        options: how to use the machine or cluster.
        on_event: is told what happens.
        beside: whether generators and trials are to run beside each other (``resources.fit``).

    Yields:
        What runs jobs.

    Raises:
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        StorageError: another raysat fills the run.
    """
    address = check_address(options.address)
    waiting = (lambda reason: on_event(Waiting(reason=reason))) if options.wait else None
    with (
        ledger.lock(waiting),
        removed_at_end(artifacts.sweep),
        removed_at_end(ledger.sweep),
        connect(address, on_event) as scratch,
        no_leftovers(),
        quiet_tune(),
        run_storage(ledger.root, store.path, artifacts.root) as storage,
    ):
        cpus, gpus, slots = fit(ray.nodes(), options, beside=beside)
        settings = SlotSettings(
            storage=storage,
            store=store.path.resolve(),
            fingerprint=store.fingerprint,
            artifacts=artifacts.root.resolve(),
            workers=options.workers,
            cpus=cpus,
            gpus=gpus,
        )
        yield Session(
            name=name,
            store=store,
            ledger=ledger,
            artifacts=artifacts,
            on_event=on_event,
            settings=settings,
            slots=slots,
            retries=options.retries,
            scratch=str(scratch),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Ray at hand for one run."""

    name: str
    store: PatchStore
    ledger: Ledger
    artifacts: Artifacts
    on_event: OnEvent
    settings: SlotSettings
    slots: int  # how many jobs fit at once
    retries: int  # of a job whose worker died or raised what nobody expected
    scratch: str  # folder for Tune's own files, which nothing reads again

    def tune(
        self,
        searcher: ray.tune.search.Searcher,
        state: RunState,
        *,
        samples: int,
        scheduler: ray.tune.schedulers.TrialScheduler | None = None,
    ) -> None:
        """Do what a searcher suggests in slots that stay warm.

        Args:
            searcher: suggests ``{"job": job}``.
            state: is told what happens.
            samples: how many jobs it suggests at most.
            scheduler: stops jobs early.

        Raises:
            StorageError: a record cannot be written.
        """
        slots = max(1, min(self.slots, samples))
        self.on_event(
            Started(
                state=state,
                slots=slots,
                workers=self.settings.workers,
                cpus=self.settings.cpus,
                gpus=self.settings.gpus,
                validation_split=next(iter(evaluation_splits(self.store)), None),
            )
        )
        state.subscribers.append(lambda row: self.on_event(Progress(row=row)))
        trainable = ray.tune.with_parameters(Slot, settings=self.settings)
        stopper, events = _StorageStopper(), TuneEvents(state, self.ledger, self.artifacts)
        tuner = ray.tune.Tuner(
            ray.tune.with_resources(trainable, reserved(self.settings)),
            tune_config=ray.tune.TuneConfig(
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=samples,
                max_concurrent_trials=slots,
                reuse_actors=True,
            ),
            run_config=ray.tune.RunConfig(
                name=self.name,
                storage_path=self.scratch,
                verbose=0,
                progress_reporter=_NoReporter(),
                callbacks=[events],
                failure_config=ray.tune.FailureConfig(max_failures=self.retries),
                # Tune would save each slot to the driver's disk at the end of a job, and on other machines fail there.
                checkpoint_config=ray.tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                stop=stopper,
            ),
        )
        try:
            with StatusFile(state, self.ledger.progress), stops_in_order(events.stop):
                tuner.fit()
        except KeyboardInterrupt:
            if not events.is_stopping:
                raise
        finally:
            self.on_event(Ended())
        if stopper.error:
            raise stopper.error


class _NoReporter(ray.tune.ProgressReporter):  # type: ignore[misc]  # ray ships no types
    """Reports nothing: Tune's own reporter clears what a notebook's cell shows, however quiet Tune is told to be."""

    @override
    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        return False


class TuneEvents(ray.tune.Callback):  # type: ignore[misc]  # ray ships no types
    """Tells a run's state what Tune hears, and records the jobs whose worker died once too often."""

    def __init__(self, state: RunState, ledger: Ledger, artifacts: Artifacts) -> None:
        """Begin to hear.

        Args:
            state: is told.
            ledger: where records and failures are.
            artifacts: where generated patches are.
        """
        self._state, self._ledger, self._artifacts = state, ledger, artifacts
        self.is_stopping = False

    def stop(self) -> None:
        """End Tune's loop after its step, without its wait for slots: what they have to keep is on disk."""
        self.is_stopping = True

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles callbacks into a snapshot that is never restored: a terminal cannot be in it."""
        return {}

    @override
    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._state.start(trial.config["job"])

    @override
    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if message := from_result(result):
            self._state.receive(message)

    @override
    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        # trial.get_error() reads the copy in storage, which is not there yet.
        file = Path(trial.error_file or "")
        account = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        job: Job = trial.config["job"]
        for item in record_death(job, account, self._ledger, self._artifacts):
            self._state.receive(TrialDone(job=job.id, trial=item.id))  # the worker died before it could say so
        self._state.fail(job)

    @override
    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._state.end(trial.config["job"])

    @override
    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self._state.tick()
        if self.is_stopping:
            raise KeyboardInterrupt


class _StorageStopper(ray.tune.Stopper):  # type: ignore[misc]  # ray ships no types
    """Stops the run once a record cannot be written."""

    error: DiskError | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        message = from_result(result)
        if isinstance(message, StorageFailed):
            self.error = DiskError(message.error, hint=message.hint)
        return False

    def stop_all(self) -> bool:
        return self.error is not None


def record_death(job: Job, account: str, ledger: Ledger, artifacts: Artifacts) -> list[WorkItem]:
    """Write a failure for all of a job that is not finished.

    Args:
        job: whose worker died, or raised what nobody expected.
        account: Tune's, of all attempts; empty where it has none.
        ledger: where the records are.
        artifacts: where generated patches are.

    Returns:
        What of the job is finished: its worker died after that.
    """
    error, hint = explain(account)
    finished = [item for item in job.items if is_finished(item, ledger, artifacts)]
    for item in job.items:
        if item not in finished:
            ledger.write_failure(
                Failure(id=item.id, error=error, hint=hint, traceback=account or None, time=time.time())
            )
    return finished


def explain(text: str) -> tuple[str, str]:
    """Say in a line what ended a worker, given Tune's account of its attempts, and what to do about it."""
    text = text.rpartition("Failure #")[2]  # the last one
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    error = next((line for line in reversed(lines) if "died" in line), lines[-1] if lines else "the worker died")
    if "OutOfMemoryError" in text and "CUDA" in text:
        return f"the GPU's memory is full: {error}", (
            "lower optim.batch_size, or give each trial a larger share of a GPU with --gpus-per-trial"
        )
    if "died" in error or not lines:
        return error, "out of memory, or a lost machine? See the dashboard's logs; the same command tries again"
    return error, "an error that raysat does not know; its record holds the traceback. The same command tries again"

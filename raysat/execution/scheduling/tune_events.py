"""What Tune hears of its trials, told to a run's state; jobs that are given up are recorded as failed."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

import ray.tune
from typing_extensions import override

from raysat.errors import ClusterError, DiskError, StorageError
from raysat.execution.events import NodeLost, NodeUnfit, OnEvent, Resized, Retrying
from raysat.execution.messages import StorageFailed, StoreTold, TrialDone, from_result, place_of
from raysat.execution.run_state import RunState
from raysat.execution.scheduling.deaths import accounts, explain
from raysat.execution.scheduling.finished import is_finished
from raysat.execution.scheduling.job_source import JobSource
from raysat.execution.scheduling.retries import MOST_LOSSES, Retries
from raysat.execution.scheduling.slots import Slots
from raysat.execution.unfit import UnfitNode
from raysat.formatting import plural
from raysat.planning.jobs import WorkItem
from raysat.planning.stages import Job
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure

_TOGETHER_S: Final = 1.0  # in which all jobs of a lost node are heard of


class TuneEvents(ray.tune.Callback):  # type: ignore[misc]  # ray ships no types
    """Tells a run's state what Tune hears, and records the jobs whose worker died once too often."""

    def __init__(
        self,
        state: RunState,
        source: JobSource,
        slots: Slots,
        ledger: Ledger,
        artifacts: Artifacts,
        on_event: OnEvent,
    ) -> None:
        """Begin to listen.

        Args:
            state: is told.
            source: hands out the jobs.
            slots: how many there are.
            ledger: where records and failures are.
            artifacts: where generated patches are.
            on_event: is told of nodes that join and leave, and of stores that are copied to them.
        """
        self._state, self._source, self._slots, self._on_event = state, source, slots, on_event
        self._ledger, self._artifacts = ledger, artifacts
        self._lost: Counter[str] = Counter()  # jobs by lost node, not told yet
        self._lost_since = 0.0
        self._told = slots.fit  # how many jobs fit, as was told last
        self._unfit: dict[str, UnfitNode] = {}  # by Ray's id
        self.is_stopping = False
        self.error: ClusterError | StorageError | None = None  # by which the run cannot go on

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
        message = from_result(result)
        if isinstance(message, StoreTold):
            self._on_event(message.news)
        elif message:
            self._state.receive(message, place_of(result))

    @override
    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if self._source.error:  # the end of the job could not be noted, whatever it was
            return
        job = trial.config["job"]
        death = self._source.retries.deaths(job.id)[-1]
        if death.lost_node is not None:
            self._lost_since = self._lost_since if self._lost else time.monotonic()
            self._lost[death.lost_node] += 1
        if death.unfit and death.unfit.node not in self._unfit:
            self._unfit[death.unfit.node] = death.unfit
            self._on_event(NodeUnfit(node=death.unfit.place, reason=death.unfit.reason))
        if self._source.is_handed_out_again(job):
            node = death.unfit.place if death.unfit else death.lost_node
            row = self._state.hand_back(job, lost_node=node, reason=death.reason)
            if node is None:
                self._on_event(Retrying(name=row.item.name, seed=row.item.seed, reason=death.reason))
            return
        try:
            finished = record_deaths(job, self._source.retries, self._ledger, self._artifacts)
        except StorageError as error:
            self.error = error
            return
        for item in finished:
            self._state.receive(TrialDone(job=job.id, trial=item.id))  # the worker died before it could say so
        self._state.fail(job)

    @override
    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._state.end(trial.config["job"])

    @override
    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self._state.waiting = self._source.waiting
        self._tell_of_nodes()
        self._state.tick()
        if self._unfit and not (self._slots.fit or self._slots.grows or self._state.running):
            unfit = list(self._unfit.values())
            more = f" (and {plural(len(unfit) - 1, 'more node')})" if len(unfit) > 1 else ""
            error = f"no machine is left that can do a job: {unfit[0]}{more}"
            self.error = ClusterError(error, hint=f"{unfit[0].remedy}; the same command resumes from here")
        self.error = self.error or self._source.error
        if self.is_stopping or self.error:
            self.is_stopping = True
            raise KeyboardInterrupt

    def _tell_of_nodes(self) -> None:
        if self._lost and time.monotonic() - self._lost_since > _TOGETHER_S:
            for node, jobs in self._lost.items():
                self._on_event(NodeLost(node=node, jobs=jobs))
            self._lost.clear()
        if self._slots.fit != self._told:
            self._told = self._slots.fit
            self._on_event(Resized(slots=self._told))


class StorageStopper(ray.tune.Stopper):  # type: ignore[misc]  # ray ships no types
    """Stops the run once a record cannot be written, or another raysat has taken the run over."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.error: DiskError | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles stoppers as it does callbacks."""
        return {}

    @override
    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        message = from_result(result)
        if isinstance(message, StorageFailed):
            self.error = DiskError(message.error, hint=message.hint)
        try:
            self._ledger.check_held()
        except DiskError as error:
            self.error = error
        return False

    @override
    def stop_all(self) -> bool:
        return self.error is not None


def record_deaths(job: Job, retries: Retries, ledger: Ledger, artifacts: Artifacts) -> list[WorkItem]:
    """Write a failure for all of a job that is given up and is not finished.

    Args:
        job: whose worker died once too often.
        retries: knows all its deaths.
        ledger: where the records are.
        artifacts: where generated patches are.

    Returns:
        What of the job is finished: its worker died after that.
    """
    deaths = retries.deaths(job.id)
    error, hint = explain(deaths[-1].account)
    if (node := deaths[-1].lost_node) is not None:
        error = f"its node was lost {MOST_LOSSES} times in a row before it got any further, the last time {node}"
        hint = "give it nodes that last longer than one epoch; the same command tries again, from its last checkpoint"
    elif unfit := deaths[-1].unfit:
        error, hint = f"{MOST_LOSSES} nodes in a row could not do it, the last time {unfit}", unfit.remedy
    finished = [item for item in job.items if is_finished(item, ledger, artifacts)]
    for item in job.items:
        if item not in finished:
            ledger.write_failure(
                Failure(id=item.id, error=error, hint=hint, traceback=accounts(deaths), time=time.time())
            )
    return finished

"""Tune's control loop, with slots that follow the cluster: it never waits in place, and lets slots go to others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, cast

from ray.air.execution._internal import TrackedActor
from ray.tune import tune as tune_module
from ray.tune.execution import tune_controller
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from typing_extensions import override

from raysat.execution.scheduling.deaths import death_of
from raysat.execution.scheduling.job_source import JobSource
from raysat.execution.scheduling.ray_names import NamedTasks, job_name
from raysat.execution.scheduling.slots import Slots

_IDLE_S: Final = 0.1  # as long as a step of Tune's that waits for an event


class SlotController(TuneController):  # type: ignore[misc]  # ray ships no types
    """Tells its job source why trials end, and how many wait for a slot; what slots do has names in Ray's lists."""

    def __init__(self, run: str, slots: Slots, **options: Any) -> None:
        """Take Tune's options, the run's name, and how many slots there may be."""
        super().__init__(**options)
        self._run, self._slots = run, slots
        self._actor_manager.name_of, self._actor_manager.avoided = self._task_name, lambda: slots.avoided

    def __getstate__(self) -> dict[str, Any]:
        """What Tune puts into a snapshot, which is never restored."""
        return {name: value for name, value in super().__getstate__().items() if name != "_slots"}

    def _task_name(self, slot: TrackedActor) -> str | None:
        trial = self._actor_to_trial.get(slot)
        return None if trial is None else job_name(self._run, trial.config["job"])

    @property
    def _source(self) -> JobSource:
        return cast(JobSource, self._search_alg.searcher)

    @override
    def on_step_begin(self) -> None:
        """Ask nothing: Tune would ask what there is on the cluster, to print it, and wait where that is lost."""

    @override
    def _update_trial_queue(self, blocking: bool = False, timeout: int = 0) -> bool:
        """Ask for one more job. Tune would wait here where nothing runs, and see no slot end meanwhile."""
        has_one: bool = super()._update_trial_queue(blocking=False)
        if blocking and not has_one:
            time.sleep(_IDLE_S)
        return has_one

    @override
    def _process_trial_failure(self, trial: Trial, exception: Exception) -> None:
        if trial.status in {Trial.RUNNING, Trial.PENDING}:  # Tune may tell of one end twice
            death = death_of(exception)
            self._source.note_death(trial.trial_id, death)
            if death.unfit and self._slots.avoid(death.unfit.node):
                self._cleanup_cached_actors(force_all=True)  # some may be there
        super()._process_trial_failure(trial, exception)

    @override
    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        """Give a trial the slot of a job that ended, but for one whose own slot starts already: it takes the next one.

        Tune would end the slot that starts, and where jobs are short a new node would never get one.
        """
        slot = self._trial_to_actor.get(trial)
        if slot is not None and self._actor_manager.is_actor_started(slot) and trial not in self._resetting_trials:
            return False
        return bool(super()._maybe_reuse_cached_actor(trial))

    @override
    def _maybe_cache_trial_actor(self, trial: Trial) -> bool:
        """Keep the slot of a job that ended for the next one, unless others wait for it, or its node became unfit.

        Where a job began before a node did, its slot may be there.
        """
        may_be_unfit = trial.config.get("avoid", ()) != self._slots.avoided
        return not may_be_unfit and not self._holds_too_many() and bool(super()._maybe_cache_trial_actor(trial))

    @override
    def _cleanup_cached_actors(self, force_all: bool = False) -> None:
        super()._cleanup_cached_actors(force_all or self._holds_too_many())

    def _holds_too_many(self) -> bool:
        held = self._actor_manager.num_live_actors - len(self._stopping_actors)
        return self._slots.others_wait and held > self._slots.allowed()

    @override
    def on_step_end(self) -> None:
        self._source.waiting = self._actor_manager.num_pending_actors
        super().on_step_end()


@contextmanager
def slots_that_follow_the_cluster(run: str, slots: Slots) -> Iterator[None]:
    """Within this, Tune runs by a ``SlotController``."""
    before = tune_module.TuneController, tune_controller.RayActorManager
    tune_module.TuneController, tune_controller.RayActorManager = partial(SlotController, run, slots), NamedTasks
    try:
        yield
    finally:
        tune_module.TuneController, tune_controller.RayActorManager = before

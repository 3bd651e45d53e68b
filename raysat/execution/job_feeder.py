"""Hands the plan's jobs to Ray Tune: in the plan's order, each as soon as what it needs is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher

from raysat.plan.jobs import GenerateJob, Job
from raysat.plan.stages import Chain

Task = GenerateJob | Chain
Blocked = Callable[[Chain, Task], None]


class PlanSearcher(Searcher):  # type: ignore[misc]  # ray ships no types
    """A Searcher that suggests each job once; it searches nothing, since the plan says what to run.

    A chain needs generated patches, and the state at which it leaves another chain: it starts while that one goes on.
    Needs that no job here makes were met before. What becomes of a chain whose need is never made depends on why:

    - a generator failed, or training shared epochs failed on purpose (it diverged): it would fail in the same way, so
      it is never suggested, and ``blocked`` is called with it and the job that failed;
    - the worker of shared epochs died: it goes its whole way alone.
    """

    def __init__(self, jobs: Sequence[Task], blocked: Blocked, ended: Callable[[Task], None] | None = None) -> None:
        super().__init__(metric="balanced_accuracy", mode="max")
        self._waiting = list(jobs)
        self._open = {made: job for job in jobs for made in _makes(job)}  # not there yet
        self._running: dict[str, Task] = {}  # by Tune's trial
        self._blocked, self._ended = blocked, ended

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its searcher into a snapshot that is never restored: the ledger says what is done."""
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the first job that can start, None while all that are left wait for a need, or FINISHED."""
        for job in self._waiting:
            if self._open.keys().isdisjoint(_needs(job)):
                self._waiting.remove(job)
                self._running[trial_id] = job
                return job.payload()
        finished: str = Searcher.FINISHED
        return None if self._waiting else finished

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Let the chains go that leave this one at an epoch that it has reached."""
        job = self._running.get(trial_id)
        if isinstance(job, Chain) and result.get("state") == "training":
            self._made(job.states[: int(result["epoch"]) + 1])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Let the jobs go that waited for this one, or give them up where it failed."""
        job = self._running.pop(trial_id, None)
        if job is None:
            return
        state = (result or {}).get("state")
        died = error and isinstance(job, Chain)
        if state == "done" or died:
            self._made(_makes(job))
        elif error or state == "failed":
            self._give_up(job)
        if self._ended is not None and not error and state == "done":
            self._ended(job)

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Accept Tune's settings: the plan needs none."""
        return True

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger says what is done."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""

    def _made(self, made: Sequence[str]) -> None:
        for each in made:
            self._open.pop(each, None)

    def _give_up(self, failed: Task) -> None:
        """Give up all that needs, by whatever way, what this job has not made."""
        lost = [failed]
        while lost:
            never = {made for made in _makes(lost.pop()) if made in self._open}
            for job in [job for job in self._waiting if not never.isdisjoint(_needs(job))]:
                self._waiting.remove(job)
                lost.append(job)
                if isinstance(job, Chain):
                    self._blocked(job, failed)


def jobs_of(task: Task) -> Sequence[Job]:
    """The trials that end on a chain, or the generator itself."""
    return task.trials if isinstance(task, Chain) else (task,)


def _makes(job: Task) -> tuple[str, ...]:
    """What others may need of a job: a generator's patches, a chain's own states."""
    return job.states[job.begins + 1 :] if isinstance(job, Chain) else (job.id,)


def _needs(job: Task) -> tuple[str, ...]:
    return job.needs if isinstance(job, Chain) else ()

"""Hands the plan's jobs to Ray Tune: in the plan's order, each as soon as what it needs is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher

from raysat.jobs import Job, TrainJob

Blocked = Callable[[TrainJob, str], None]


class PlanSearcher(Searcher):  # type: ignore[misc]  # ray ships no types
    """A Searcher that suggests each job once; it searches nothing, since the plan says what to run.

    A job whose need failed is never suggested: ``blocked`` is called with it and the id of that need. Needs that are
    not among the jobs were met before.
    """

    def __init__(self, jobs: Sequence[Job], blocked: Blocked) -> None:
        super().__init__(metric="balanced_accuracy", mode="max")
        self._waiting = list(jobs)
        self._open = {job.id for job in jobs}  # not done yet
        self._running: dict[str, str] = {}  # Tune's trial -> job
        self._blocked = blocked

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its searcher into a snapshot that is never restored: the ledger says what is done."""
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the first job that can start, None while all that are left wait for a need, or FINISHED."""
        for job in self._waiting:
            if self._open.isdisjoint(_needs(job)):
                self._waiting.remove(job)
                self._running[trial_id] = job.id
                return job.payload()
        finished: str = Searcher.FINISHED
        return None if self._waiting else finished

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Let the jobs go that waited for this one, or give them up where it failed."""
        ended = self._running.pop(trial_id, None)
        if ended is None:
            return
        if not error and (result or {}).get("state") == "done":
            self._open.discard(ended)
            return
        for job in [job for job in self._waiting if ended in _needs(job)]:
            self._waiting.remove(job)
            if isinstance(job, TrainJob):
                self._blocked(job, ended)

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Accept Tune's settings: the plan needs none."""
        return True

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger says what is done."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


def _needs(job: Job) -> tuple[str, ...]:
    return job.needs if isinstance(job, TrainJob) else ()

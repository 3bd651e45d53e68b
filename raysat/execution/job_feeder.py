"""Hands the plan's jobs to Ray Tune: in the plan's order, each as soon as what it needs is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher
from typing_extensions import override

from raysat.execution.messages import EpochDone, JobDone, JobFailed, from_result
from raysat.planning.stages import Job, TrainJob


class JobSource(Searcher):  # type: ignore[misc]  # ray ships no types
    """What hands jobs to Tune: a Searcher with nothing for Tune to set, to save or to restore."""

    def __init__(self) -> None:
        super().__init__(metric="balanced_accuracy", mode="max")

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its searcher into a snapshot that is never restored: the run's folder says what is done."""
        return {}

    @override
    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True

    @override
    def save(self, checkpoint_path: str) -> None:
        pass

    @override
    def restore(self, checkpoint_path: str) -> None:
        pass


class JobFeeder(JobSource):
    """Suggests each job of a plan once.

    A train job needs generated patches, and the state at which it leaves its parent: it starts while that one
    continues. Needs that no job here makes were met before. What becomes of a job whose need is never made depends on
    why:

    - a generator failed, or training shared epochs failed on purpose (it diverged): it would fail in the same way, so
      it is never suggested and counts as lost;
    - the worker of shared epochs died: it trains these by itself.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        is_done: Callable[[Job], bool],
        on_done: Callable[[Job], None],
        on_lost: Callable[[Job], None],
    ) -> None:
        """Take the jobs.

        Args:
            jobs: what to do, in order.
            is_done: whether the records of a job are all written; is asked where its worker died.
            on_done: is called with each job whose records are all written.
            on_lost: is called with each job that is given up.
        """
        super().__init__()
        self.lost: list[tuple[TrainJob, Job]] = []  # with the job that failed
        self._is_done, self._on_done, self._on_lost = is_done, on_done, on_lost
        self._waiting = list(jobs)
        self._unmade = {need for job in jobs for need in job.makes}  # not there yet
        self._running: dict[str, Job] = {}  # by Tune's trial

    @override
    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the first job that can start, None while all that are left wait for a need, or FINISHED."""
        for job in self._waiting:
            if self._unmade.isdisjoint(job.needs):
                self._waiting.remove(job)
                self._running[trial_id] = job
                return {"job": job}
        return None if self._waiting else str(Searcher.FINISHED)

    @override
    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Let the jobs start that leave this one at an epoch that it has reached."""
        job, message = self._running.get(trial_id), from_result(result)
        if isinstance(job, TrainJob) and isinstance(message, EpochDone):
            self._unmade.difference_update(job.states[: message.epoch + 1])

    @override
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Let the jobs start that waited for this one, or give them up where it failed."""
        job, message = self._running.pop(trial_id, None), from_result(result)
        if job is None:
            return
        if isinstance(message, JobDone) or (error and self._is_done(job)):
            self._unmade.difference_update(job.makes)
            self._on_done(job)
        elif error and isinstance(job, TrainJob):  # its worker died
            self._unmade.difference_update(job.makes)
        elif error or isinstance(message, JobFailed):
            self._give_up_after(job)

    def _give_up_after(self, failed: Job) -> None:
        """Give up all that needs, by whatever way, what this job has not made."""
        never_made = self._unmade.intersection(failed.makes)
        while lost := [job for job in self._waiting if isinstance(job, TrainJob) and never_made & {*job.needs}]:
            for job in lost:
                self._waiting.remove(job)
                never_made |= self._unmade.intersection(job.makes)
                self.lost.append((job, failed))
                self._on_lost(job)

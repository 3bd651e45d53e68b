"""Hands the plan's jobs to Ray Tune: in their order, each as soon as what it needs is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from typing_extensions import override

from raysat.execution.messages import JobDone, JobFailed, StateSaved, from_result
from raysat.execution.scheduling.job_source import JobSource
from raysat.planning.stages import Job, TrainJob


class JobFeeder(JobSource):
    """Suggests each job of a plan once, and again where its worker died.

    A train job needs generated patches, and the state at which it leaves its parent: it starts while that one
    continues. Needs that no job here makes were met before. What becomes of a job whose need is never made depends on
    why:

    - a generator failed, or training shared epochs failed on purpose (it diverged): it would fail in the same way, so
      it is never suggested and counts as lost;
    - the worker of shared epochs died once too often: it trains these by itself.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        is_done: Callable[[Job], bool],
        on_done: Callable[[Job], None],
        on_lost: Callable[[Job], None],
        **options: Any,
    ) -> None:
        """Take the jobs.

        Args:
            jobs: what to do, in order.
            is_done: whether the records of a job are all written; is asked where its worker died.
            on_done: is called with each job whose records are all written.
            on_lost: is called with each job that is given up since what it needs failed.
            options: of ``JobSource``.
        """
        super().__init__(**options)
        self.lost: list[tuple[TrainJob, Job]] = []  # with the job that failed
        self._is_done, self._on_done, self._on_lost = is_done, on_done, on_lost
        self._jobs = tuple(jobs)
        self._waiting = {job.id: job for job in jobs}
        self._unmade = {need for job in jobs for need in job.makes}  # not there yet
        lacks = [self._unmade.intersection(job.needs) for job in jobs]
        self._lacked_by: dict[str, list[int]] = {}  # what is not there yet -> jobs that need it, by place in the plan
        for place, needs in enumerate(lacks):
            for need in needs:
                self._lacked_by.setdefault(need, []).append(place)
        self._lacks = [len(needs) for needs in lacks]  # of each job
        self._ready = [place for place, number in enumerate(self._lacks) if not number]  # a heap

    @override
    def is_done(self, job: Job) -> bool:
        return self._is_done(job)

    @override
    def next_job(self) -> Job | None:
        while self._ready:
            job = self._jobs[heappop(self._ready)]
            if self._waiting.pop(job.id, None) is not None:
                return job
        return None

    def _make(self, needs: Sequence[str]) -> None:
        """Let the jobs start that lack nothing but some of these."""
        for need in self._unmade.intersection(needs):
            self._unmade.remove(need)
            for place in self._lacked_by.pop(need, ()):
                self._lacks[place] -= 1
                if not self._lacks[place]:
                    heappush(self._ready, place)

    @override
    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Let the jobs start that leave this one at a state that it has saved."""
        super().on_trial_result(trial_id, result)
        job, message = self._handed_out.get(trial_id), from_result(result)
        if isinstance(job, TrainJob) and isinstance(message, StateSaved):
            self._make(job.states[: message.epoch + 1])

    @override
    def completed(self, trial_id: str, result: dict[str, Any] | None, *, error: bool) -> None:
        """Let the jobs start that waited for this one, or give them up where it failed."""
        job, message = self.ended(trial_id, error=error), from_result(result)
        if job is None:
            return
        if isinstance(message, JobDone) or (error and self.is_done(job)):
            self._make(job.makes)
            self._on_done(job)
        elif error and isinstance(job, TrainJob):  # its worker died once too often
            self._make(job.makes)
        elif error or isinstance(message, JobFailed):
            self._give_up_after(job)

    def _give_up_after(self, failed: Job) -> None:
        """Give up all that needs, by whatever way, what this job has not made."""
        never_made = self._unmade.intersection(failed.makes)
        while lost := [
            job for job in self._waiting.values() if isinstance(job, TrainJob) and never_made & {*job.needs}
        ]:
            for job in lost:
                del self._waiting[job.id]
                never_made |= self._unmade.intersection(job.makes)
                self.lost.append((job, failed))
                self._on_lost(job)

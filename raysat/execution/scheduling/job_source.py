"""What hands jobs to Ray Tune: one as soon as there is room for it, and again where its worker died."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher
from typing_extensions import override

from raysat.errors import StorageError
from raysat.execution.messages import from_result
from raysat.execution.scheduling.deaths import Death
from raysat.execution.scheduling.retries import Retries
from raysat.planning.stages import Job


def _no_limit() -> float:
    return float("inf")


class JobSource(Searcher):  # type: ignore[misc]  # ray ships no types
    """A Searcher with nothing for Tune to set, to save or to restore: the run's folder says what is done.

    Tune retries nothing: each attempt at a job is another trial of Tune's. Inside Tune's loop a storage error would
    count as a fault of the trial: it is kept, and nothing is handed out any more.
    """

    def __init__(
        self,
        retries: Retries | None = None,
        room: Callable[[], float] = _no_limit,
        avoided: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Begin.

        Args:
            retries: which jobs are tried again; by default none.
            room: how many jobs may be handed out now, those that run included.
            avoided: Ray's ids of the nodes that get none.
        """
        super().__init__(metric="balanced_accuracy", mode="max")
        self.retries = retries or Retries()
        self.error: StorageError | None = None  # by which the run cannot go on
        self.waiting = 0  # jobs handed out for which there is no slot yet
        self._room, self._avoided = room, avoided
        self._handed_out: dict[str, Job] = {}  # by Tune's trial
        self._again: list[Job] = []  # whose worker died
        self._deaths: dict[str, Death] = {}  # by Tune's trial, until Tune itself tells of them

    @override
    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return a job; None where there is no room, or nothing can start before another job ends; or FINISHED."""
        if self.error or len(self._handed_out) >= self._room():
            return None
        try:
            job = self._again.pop(0) if self._again else self.next_job()
        except StorageError as error:
            self.error, job = error, None
        if job is None:
            return None if self._handed_out else str(Searcher.FINISHED)
        self._handed_out[trial_id] = job
        avoided = self._avoided()
        return {"job": job, "avoid": avoided} if avoided else {"job": job}

    @abstractmethod
    def next_job(self) -> Job | None:
        """The next job that can start; None while there is none."""

    @override
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Note what became of a job."""
        try:
            self.completed(trial_id, result, error=error)
        except StorageError as found:
            self.error = found

    @abstractmethod
    def completed(self, trial_id: str, result: dict[str, Any] | None, *, error: bool) -> None:
        """Note what became of a job.

        Args:
            trial_id: Tune's, for one attempt.
            result: the last, which holds a message of the worker's.
            error: whether the worker ended without one.

        Raises:
            StorageError: its records cannot be seen, or what is not needed any more cannot be deleted.
        """

    @abstractmethod
    def is_done(self, job: Job) -> bool:
        """Whether the records of a job are all written: its worker may die after that."""

    @override
    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Note that a job gets on."""
        if trial_id in self._handed_out and (message := from_result(result)):
            self.retries.note(message)

    def note_death(self, trial_id: str, death: Death) -> None:
        """Learn why a trial of Tune's ends in an error, before Tune tells that it does."""
        self._deaths[trial_id] = death

    def is_handed_out_again(self, job: Job) -> bool:
        """Whether a job whose worker has just died is tried again."""
        return job in self._again

    def ended(self, trial_id: str, *, error: bool) -> Job | None:
        """Take back what a trial of Tune's was given; None where its worker died, and the job is tried again."""
        job = self._handed_out.pop(trial_id, None)
        if job and error:
            again = self.retries.again(job.id, self._deaths.pop(trial_id, Death(account="")))
            if again and not self.is_done(job):
                self._again.append(job)
                return None
        return job

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its searcher into a snapshot that is never restored."""
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

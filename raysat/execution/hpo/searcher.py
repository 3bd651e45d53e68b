"""Hands the candidates of a search to Tune, and writes down what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from typing_extensions import override

from raysat.config.schema import Config, Trial
from raysat.errors import StorageError
from raysat.execution.hpo.asha import Halving
from raysat.execution.hpo.prepare import PreparedSearch
from raysat.execution.messages import EpochDone, JobDone, JobFailed, from_result
from raysat.execution.scheduling.job_source import JobSource
from raysat.planning.jobs import PlannedTrial, plan_trial
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import Job, TrainJob, unshared_job
from raysat.search.log import BASE, Candidate, read_curve, save_log
from raysat.search.state import SearchState


class CandidateSearcher(JobSource):
    """Tune's side of a ``SearchState``."""

    def __init__(
        self,
        prepared: PreparedSearch,
        halving: Halving | None,
        announce: Callable[[TrainJob], None],
        **options: Any,
    ) -> None:
        """Continue a search.

        Args:
            prepared: the search, with its data and the log of what was tried before.
            halving: the scheduler that stops candidates early, if any; it learns of those before.
            announce: called with each job that is handed out for the first time.
            options: of ``JobSource``.
        """
        super().__init__(**options)
        self.log = prepared.log  # as it was last written down
        self.state = SearchState(prepared.search, self.log, lambda config: self._trial(config).id)
        self._prepared, self._ledger = prepared, prepared.ledger
        self._halving, self._announce = halving, announce
        self._numbers: dict[str, int] = {}  # job -> number of its candidate
        if halving:
            for candidate in self.log.ended:
                halving.remember(candidate)

    @override
    def next_job(self) -> TrainJob | None:
        """The next candidate's job; None where the budget has room for none."""
        while not self.error and (candidate := self.state.next()):
            if self._ledger.is_finished(candidate.job):  # trained before, by an ablation or just before a crash
                ended = self._finish(candidate.number, candidate.job)
                if self._halving:
                    self._halving.remember(ended)
                self.save_log()
                continue
            self.save_log()
            stoppable = self._halving is not None and candidate.number != BASE
            job = unshared_job(self._trial(candidate.config, candidate.name))
            job = replace(job, stoppable=stoppable, replay_history=True)
            self._numbers[job.id] = candidate.number
            self._announce(job)
            return job
        return None

    @override
    def is_done(self, job: Job) -> bool:
        return self._ledger.is_finished(job.id)

    @override
    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Note an epoch of a candidate."""
        super().on_trial_result(trial_id, result)
        job, message = self._handed_out.get(trial_id), from_result(result)
        if job and isinstance(message, EpochDone) and message.score:
            self.state.observe(self._numbers[job.id], message.epoch, message.score.balanced_accuracy)

    @override
    def completed(self, trial_id: str, result: dict[str, Any] | None, *, error: bool) -> None:
        """Note what became of a candidate; one that was interrupted stays as it is, to run again."""
        if result:
            self.on_trial_result(trial_id, result)  # Tune gives the epoch at which a trial is stopped here alone
        job = self.ended(trial_id, error=error)
        if job is None:
            return
        number, message = self._numbers[job.id], from_result(result)
        if isinstance(message, JobDone) or (error and self.is_done(job)):
            self._finish(number, job.id)
        elif error or isinstance(message, JobFailed):
            self.state.end(number, "failed")
        elif self._halving and trial_id in self._halving.stopped:
            self.state.end(number, "stopped")
        else:
            return
        self.save_log()
        self.sweep()

    def save_log(self) -> None:
        """Write down where the search stands, unless that failed before."""
        if self.error:
            return
        self.log = self.state.log
        try:
            self._ledger.check_held()
            save_log(self._ledger.root, self.log)
        except StorageError as error:
            self.error = error

    def sweep(self) -> None:
        """Delete the checkpoints from which no candidate that runs, or was interrupted, may resume."""
        trials = [self._trial(candidate.config) for candidate in self.state.running]
        self._ledger.checkpoints.sweep({state for trial in trials for state in trial.states})

    def _finish(self, number: int, job: str) -> Candidate:
        """End a candidate that has its record, of which its worker may have died before it told all."""
        for epoch, score in enumerate(read_curve(self._ledger, job), start=1):
            self.state.observe(number, epoch, score)
        return self.state.finish(number, self._ledger.read(job))

    def _trial(self, config: Config, name: str = "candidate") -> PlannedTrial:
        store = self._prepared.store
        trial = Trial(config=resolve_config(config, store), seed=self._prepared.search.seed)
        return plan_trial(trial, store, arm=name, workers=self._prepared.cluster.workers, reuse_epochs=False)

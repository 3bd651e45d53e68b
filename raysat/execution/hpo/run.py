"""Runs a search on Ray: draws candidates, trains them in warm slots, and writes down each one as it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ray.tune.search import Searcher
from rich.console import Console

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.errors import LedgerError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.hpo.asha import Halving
from raysat.execution.hpo.optuna_sampler import Drawer
from raysat.execution.messages import EpochDone, JobDone, JobFailed, from_result
from raysat.execution.run import check_models
from raysat.execution.run_state import RunState
from raysat.execution.session import session
from raysat.execution.status_file import StatusFile
from raysat.execution.terminal_view import TerminalView
from raysat.files import write_atomic
from raysat.plan.jobs import PlannedTrial, plan_trial
from raysat.plan.resolve import resolve_config
from raysat.plan.stages import TrainJob, unshared_job
from raysat.search.load import Asha, Search, corner_study
from raysat.search.log import BASE, Candidate, Log, open_log, read_curve, save_log
from raysat.search.space import Drawn
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How a search ended."""

    log: Log
    interrupted: bool  # there is something left to go on with
    exhausted: bool  # every configuration of the space was tried


class CandidateSearcher(Searcher):  # type: ignore[misc]  # ray ships no types
    """Hands candidates to Tune: the base, those that were interrupted, then drawn ones, until the budget is spent."""

    def __init__(
        self,
        search: Search,
        store: PatchStore,
        ledger: Ledger,
        log: Log,
        *,
        workers: int,
        halving: Halving | None,
        announce: Callable[[TrainJob], None],
    ) -> None:
        super().__init__(metric="balanced_accuracy", mode="max")
        self.log = log
        self.exhausted = False
        self.error: LedgerError | None = None  # why nothing can be written down any more
        self._search, self._store, self._ledger = search, store, ledger
        self._workers, self._halving, self._announce = workers, halving, announce
        self._drawer = Drawer(search)
        self._running: dict[str, int] = {}  # Tune's trial -> number of its candidate
        self._curves: dict[int, dict[int, float]] = {}  # of running candidates, by epoch
        self._jobs = {candidate.job for candidate in log.candidates}
        self._again = [candidate for candidate in log.candidates if candidate.state == "running"]
        self._seconds, self._began = log.seconds, time.monotonic()
        for candidate in log.candidates:
            if candidate.state != "running":
                self._learn(candidate)

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its searcher into a snapshot that is never restored: search.json says what was tried."""
        return {}

    @property
    def interrupted(self) -> bool:
        """Whether the run ended before its budget did, or before the space."""
        begun = any(candidate.state == "running" for candidate in self.log.candidates)
        return bool(self.log.left(self._search.rules.budget)) and (begun or not self.exhausted)

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the next candidate's job, or FINISHED."""
        while not self.error and self._may_begin() and (candidate := self._next()):
            if self._ledger.is_finished(candidate.job):  # trained before, by an ablation or just before a crash
                record, curve = self._ledger.read(candidate.job), read_curve(self._ledger, candidate.job)
                candidate = candidate.finished(record, curve)
                self._learn(candidate)
                self._put(candidate)
                continue
            self._put(candidate)
            self._running[trial_id] = candidate.number
            self._curves[candidate.number] = {}
            stoppable = self._halving is not None and candidate.number != BASE
            job = replace(
                unshared_job(self._trial(candidate.config, candidate.name)), stoppable=stoppable, replay_history=True
            )
            self._announce(job)
            return {"job": job}
        finished: str = Searcher.FINISHED
        return finished

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Note an epoch of a candidate."""
        message = from_result(result)
        if trial_id in self._running and isinstance(message, EpochDone) and message.score:
            self._curves[self._running[trial_id]][message.epoch] = message.score.balanced_accuracy

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Note what became of a candidate; one that was interrupted stays as it is, to run again."""
        if result:
            self.on_trial_result(trial_id, result)  # Tune gives the epoch at which a trial is stopped here alone
        number = self._running.pop(trial_id, None)
        if number is None:
            return
        candidate = next(each for each in self.log.candidates if each.number == number)
        curve = [score for _, score in sorted(self._curves.pop(number).items())]
        message = from_result(result)
        if error or isinstance(message, JobFailed):
            self._end(candidate.model_copy(update={"state": "failed", "curve": tuple(curve)}))
        elif isinstance(message, JobDone):
            self._end(candidate.finished(self._ledger.read(candidate.job), curve))
        elif self._halving and trial_id in self._halving.stopped:
            self._end(candidate.model_copy(update={"state": "stopped", "curve": tuple(curve)}))

    def close(self) -> None:
        """Write down what the run took, however it ended: a budget of hours counts what was interrupted too."""
        if not self.error:
            self._save(self._timed())

    def states(self) -> set[str]:
        """Names of the states at which candidates that run, or were interrupted, may go on."""
        interrupted = [candidate for candidate in self.log.candidates if candidate.state == "running"]
        return {state for each in interrupted for state in self._trial(each.config, each.name).states}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Accept Tune's settings: the search file says it all."""
        return True

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: search.json says what was tried."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""

    def _next(self) -> Candidate | None:
        """The next candidate: one that was interrupted, the base, or a drawn one; None where the space is exhausted."""
        number = len(self.log.candidates)
        if self._again:
            candidate = self._again.pop(0)
        elif number == BASE:
            config = self._search.base
            job, drawn = self._trial(config, "base").id, self._search.drawn_for_base()
            candidate = Candidate(number=BASE, job=job, drawn=drawn, config=config)
        else:
            return self._draw(number)
        self._drawer.take(candidate)
        return candidate

    def _draw(self, number: int) -> Candidate | None:
        def candidate(drawn: Mapping[str, Drawn]) -> Candidate:
            config = self._search.config(drawn)
            job = self._trial(config, f"#{number}").id
            return Candidate(number=number, job=job, drawn=dict(drawn), config=config)

        drawn = self._drawer.draw_new(number, lambda drawn: candidate(drawn).job not in self._jobs)
        self.exhausted = drawn is None
        return None if drawn is None else candidate(drawn)

    def _may_begin(self) -> bool:
        """Whether the budget has room for another candidate beside those that are running now."""
        return self._timed().left(self._search.rules.budget) > len(self._running)

    def _trial(self, config: Config, name: str) -> PlannedTrial:
        trial = Trial(config=resolve_config(config, self._store), seed=self._search.seed)
        return plan_trial(trial, self._store, arm=name, workers=self._workers, share=False)

    def _learn(self, candidate: Candidate) -> None:
        self._drawer.learn(candidate)
        if self._halving:
            self._halving.remember(candidate)

    def _end(self, candidate: Candidate) -> None:
        self._drawer.learn(candidate)
        self._put(candidate)
        self._ledger.checkpoints.sweep(self.states())

    def _put(self, candidate: Candidate) -> None:
        self._jobs.add(candidate.job)
        self._save(self._timed().put(candidate))

    def _save(self, log: Log) -> None:
        self.log = log
        try:
            save_log(self._ledger.root, self.log)
        except LedgerError as error:  # inside Tune's loop it would count as a fault of the trial
            self.error = error

    def _timed(self) -> Log:
        return self.log.model_copy(update={"seconds": self._seconds + time.monotonic() - self._began})


def tune(
    search: Search,
    store: PatchStore,
    ledger: Ledger,
    artifacts: Artifacts,
    options: ClusterOptions,
    console: Console,
    *,
    data: str,
) -> Found:
    """Spend what is left of a search's budget.

    Raises:
        PlanError: the run holds another search, or a model that timm does not know.
        TrainingError: pretrained weights that cannot be had.
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        LedgerError: another raysat fills this run; or a record cannot be written: finished ones stay.
    """
    check_models([arm.config.model for arm in corner_study(search).arms])
    with session(search.name, store, ledger, artifacts, options, console) as active:
        log = open_log(ledger.root, search, store, data=data, workers=options.workers)
        write_atomic(ledger.root / "study.yaml", search.text)
        before = sum(candidate.state != "running" for candidate in log.candidates)
        rule, epochs = search.rules.stop, search.base.optim.epochs
        halving = Halving(rule, epochs) if isinstance(rule, Asha) else None
        bounded = search.rules.budget.trials is not None
        expected = log.left(search.rules.budget) if bounded else None
        state = RunState(already_done=before, expected=expected, eta_per_item=True)
        with TerminalView(state, console, "val"), StatusFile(state, ledger.progress):
            searcher = CandidateSearcher(
                search, store, ledger, log, workers=options.workers, halving=halving, announce=state.add
            )
            samples = log.left(search.rules.budget)
            ledger.checkpoints.tidy()
            ledger.checkpoints.sweep(searcher.states())
            try:
                active.tune(searcher, state, samples=samples, scheduler=halving)
            finally:
                searcher.close()
                ledger.checkpoints.sweep(searcher.states())
            if searcher.error:
                raise searcher.error
        return Found(log=searcher.log, interrupted=searcher.interrupted, exhausted=searcher.exhausted)

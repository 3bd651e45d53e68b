"""Where a search stands: which candidate is next, what became of those before, what is left of the budget.

Pure: whoever trains the candidates reports what happens, and saves the log. Without Ray, tests take milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from raysat.config.schema import Config
from raysat.search.load import Search
from raysat.search.log import BASE, Candidate, Log
from raysat.search.sampler import Sampler
from raysat.storage.records import Record
from raysat.study.distribution import ParamValue


class SearchState:
    """Proposes the base, then candidates that were interrupted, then suggested ones, until the budget is spent."""

    def __init__(
        self, search: Search, log: Log, job_id: Callable[[Config], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Continue a search.

        Args:
            search: what is searched.
            log: what was tried before.
            job_id: names the job that trains a configuration; equal work has one name.
            clock: the time in seconds, from any point on.
        """
        self.exhausted = False  # every configuration of the space was tried
        self._search, self._log, self._job_id, self._clock = search, log, job_id, clock
        self._sampler = Sampler(search)
        self._started = clock()
        self._curves: dict[int, dict[int, float]] = {}  # of candidates that this run began, by epoch
        self._job_ids: dict[frozenset[tuple[str, ParamValue]], str] = {}  # of params: a finite space asks again

    @property
    def log(self) -> Log:
        """All that was tried, and what that took until now."""
        return self._log.model_copy(update={"seconds": self._log.seconds + self._clock() - self._started})

    @property
    def running(self) -> list[Candidate]:
        """Candidates that have not ended: they run now, or were interrupted."""
        return [candidate for candidate in self._log.candidates if candidate.state == "running"]

    @property
    def interrupted(self) -> bool:
        """Whether there is something left to do, in the budget and in the space."""
        return bool(self.log.left(self._search.options.budget)) and bool(self.running or not self.exhausted)

    def next(self) -> Candidate | None:
        """Begin the next candidate; None where the budget has room for none beside those that run, or none is new."""
        begun = [candidate for candidate in self.running if candidate.number in self._curves]
        if self.log.left(self._search.options.budget) <= len(begun):
            return None
        waiting = (candidate for candidate in self.running if candidate.number not in self._curves)
        candidate = next(waiting, None) or self._new()
        if candidate is None:
            self.exhausted = True
            return None
        self._curves[candidate.number] = {}
        return self._put(candidate)

    def observe(self, number: int, epoch: int, score: float) -> None:
        """Note a running candidate's balanced accuracy on val after an epoch.

        Args:
            number: the candidate's.
            epoch: epochs trained, from 1.
            score: of the weights as they were then.
        """
        self._curves[number][epoch] = score

    def finish(self, number: int, record: Record) -> Candidate:
        """End a candidate whose training is done; return it with its scores and with what was observed."""
        return self._put(self._observed(number).finished(record))

    def end(self, number: int, state: Literal["stopped", "failed"]) -> Candidate:
        """End a candidate that lags behind others, or whose training failed; return it with what was observed."""
        return self._put(self._observed(number).model_copy(update={"state": state}))

    def _observed(self, number: int) -> Candidate:
        candidate = next(candidate for candidate in self.running if candidate.number == number)
        curve = tuple(score for _, score in sorted(self._curves[number].items()))
        return candidate.model_copy(update={"curve": curve})

    def _put(self, candidate: Candidate) -> Candidate:
        self._log = self._log.put(candidate)
        return candidate

    def _new(self) -> Candidate | None:
        """The base, or a candidate whose job is not in the log; None where the space is exhausted."""
        candidates = self._log.candidates
        number = len(candidates)
        if number == BASE:
            base = self._search.base
            return Candidate(number=BASE, job=self._job_id(base), params=self._search.base_params(), config=base)
        known = {candidate.job for candidate in candidates}
        for params in self._sampler.suggest(candidates, number):
            key = frozenset(params.items())
            if key not in self._job_ids:
                self._job_ids[key] = self._job_id(self._search.config(params))
            if self._job_ids[key] not in known:
                config = self._search.config(params)
                return Candidate(number=number, job=self._job_ids[key], params=params, config=config)
        return None

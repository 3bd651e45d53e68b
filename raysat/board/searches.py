"""A search's log as the board shows it: each candidate, what it reached, and the best so far."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from raysat.board.models import CandidateView, SearchView
from raysat.config.diff import changes, label
from raysat.config.schema import Config
from raysat.errors import StorageError
from raysat.formatting import elide_line, one_line
from raysat.search.log import BASE, Candidate, Log
from raysat.storage.ledger import Ledger

_LONGEST: Final = 200  # characters of a candidate's settings


class Searches:
    """Shows the log of one search as it goes on; how each candidate differs from the base is found once."""

    def __init__(self, ledger: Ledger) -> None:
        """Know no candidate yet; ``ledger`` is of the search's run."""
        self._ledger = ledger
        self._settings: dict[int, str] = {}
        self._errors: dict[int, str] = {}

    def view(self, log: Log, version: int) -> SearchView:
        """Return a log as it is shown, candidates in the order in which they were begun."""
        best: float | None = None
        candidates = []
        for each in log.candidates:
            if each.val is not None:
                best = max(each.val.balanced_accuracy, best or 0.0)
            candidates.append(self._candidate(each, log.identity.base, best))
        patches = tuple(log.patches.items())
        return SearchView(version=version, seconds=log.seconds, patches=patches, candidates=tuple(candidates))

    def _candidate(self, candidate: Candidate, base: Config, best: float | None) -> CandidateView:
        val, test, number = candidate.val, candidate.test, candidate.number
        if number not in self._settings:
            own = ", ".join(f"{key}={label(value)}" for key, value in changes(candidate.config, base).items())
            self._settings[number] = elide_line(own or ("the base" if number == BASE else "as the base"), _LONGEST)
        return CandidateView(
            number=number,
            name=candidate.name,
            state=candidate.state,
            epoch=len(candidate.curve),
            val=val.balanced_accuracy if val else candidate.curve[-1] if candidate.curve else None,
            icv=val.icv if val else None,
            test=test.balanced_accuracy if test else None,
            best=best,
            settings=self._settings[number],
            error=self._error(candidate) if candidate.state == "failed" else None,
        )

    def _error(self, candidate: Candidate) -> str:
        if candidate.number not in self._errors:
            failure = None
            with suppress(StorageError):
                failure = self._ledger.read_failure(candidate.job)
            why = "its cause is lost" if failure is None else failure.error
            self._errors[candidate.number] = elide_line(one_line(why), _LONGEST)
        return self._errors[candidate.number]

"""How far a run is, from its folder alone: by arm what is done, runs, failed and is missing, and who fills it."""

from __future__ import annotations

import socket
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from raysat.files import AnyPath
from raysat.formatting import one_line
from raysat.storage.heartbeat import RunningJob, RunStatus, read_status
from raysat.storage.ledger import Ledger
from raysat.storage.lock import holder_of
from raysat.storage.outcome import read_outcomes

_ALIVE_S: Final = 30.0  # a run writes every two seconds; where its lock cannot be seen, it is taken for dead after this
TrialState = Literal["done", "running", "failed", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeen:
    """How the run that fills a folder was when it was last seen."""

    status: RunStatus | None  # None where there was none yet
    age: float  # seconds since then
    holder: str | None  # of the folder's lock: it may be a newer run that only starts

    @property
    def is_alive(self) -> bool:
        """Whether it runs now, as far as can be told from here."""
        if self.status is None:
            return False
        if self.holder is not None:
            return self.holder == f"pid {self.status.pid} on {self.status.host}"
        elsewhere = self.status.host != socket.gethostname()  # whose locks may not be seen here
        return elsewhere and self.age < _ALIVE_S and self.status.is_unfinished

    @property
    def running(self) -> tuple[RunningJob, ...]:
        """What it trains now."""
        return self.status.running if self.status is not None and self.is_alive else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialProgress:
    """One trial that the study asks for."""

    arm: str
    seed: int
    state: TrialState
    error: str | None = None  # why it failed, or why its record cannot be used


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """How far a run is."""

    folder: AnyPath
    study: str
    command: str | None  # that trains it
    arms: tuple[str, ...]
    trials: tuple[TrialProgress, ...]
    last_seen: LastSeen
    checkpoints: int  # of unfinished trials

    def count(self, state: TrialState) -> int:
        """Trials in a state."""
        return sum(trial.state == state for trial in self.trials)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do, and nobody fills it."""
        return self.count("done") == len(self.trials) and not self.last_seen.is_alive

    def by_arm(self) -> dict[str, Counter[TrialState]]:
        """Trials by state, of each arm in the study's order."""
        counts: dict[str, Counter[TrialState]] = {arm: Counter() for arm in self.arms}
        for trial in self.trials:
            counts[trial.arm][trial.state] += 1
        return counts


def last_seen(ledger: Ledger) -> LastSeen:
    """Look for the run that fills a folder."""
    status = read_status(ledger.progress)
    age = 0.0 if status is None else max(0.0, time.time() - status.time)
    return LastSeen(status=status, age=age, holder=holder_of(ledger.root))


def read_progress(ledger: Ledger) -> RunProgress:
    """Look how far a run is. Raises StorageError where its plan is missing or damaged."""
    plan, seen = ledger.read_plan(), last_seen(ledger)
    running = {job.job for job in seen.running}
    outcomes = read_outcomes(ledger, plan.trial_ids)

    def progress(arm: str, seed: int, trial: str) -> TrialProgress:
        if trial in outcomes.finished:
            return TrialProgress(arm=arm, seed=seed, state="done")
        if trial in running:
            return TrialProgress(arm=arm, seed=seed, state="running")
        if (error := outcomes.unusable.get(trial)) is not None:
            return TrialProgress(arm=arm, seed=seed, state="failed", error=one_line(error))
        return TrialProgress(arm=arm, seed=seed, state="missing")

    return RunProgress(
        folder=ledger.root,
        study=plan.study,
        command=plan.command,
        arms=tuple(arm.name for arm in plan.arms),
        trials=tuple(progress(arm.name, trial.seed, trial.id) for arm in plan.arms for trial in arm.trials),
        last_seen=seen,
        checkpoints=sum(1 for _ in ledger.checkpoints.names()),
    )

"""How far a run or a search is, as a document."""

from __future__ import annotations

from collections import Counter
from typing import Any

from raysat.documents.status import (
    ArmStatesPart,
    BestPart,
    CandidatesPart,
    FailedTrialPart,
    ProcessPart,
    RunningPart,
    StatesPart,
    StatusDocument,
)
from raysat.search.log import Log
from raysat.storage.ledger import Ledger
from raysat.storage.progress import LastSeen, RunProgress, last_seen


def run_document(progress: RunProgress) -> StatusDocument:
    """Return the document of a run that is so far."""
    counts = Counter(trial.state for trial in progress.trials)
    seen = progress.last_seen
    return StatusDocument(
        kind="run",
        folder=str(progress.folder),
        study=progress.study,
        complete=progress.is_complete,
        trials=StatesPart(**_states(counts)),
        arms=tuple(ArmStatesPart(name=arm, **_states(of)) for arm, of in progress.by_arm().items()),
        failed=tuple(
            FailedTrialPart(arm=trial.arm, seed=trial.seed, error=trial.error)
            for trial in progress.trials
            if trial.error is not None
        ),
        checkpoints=progress.checkpoints,
        command=progress.command,
        candidates=None,
        best=None,
        **_process(seen),
    )


def search_document(log: Log, ledger: Ledger) -> StatusDocument:
    """Return the document of a search.

    Args:
        log: what it has tried.
        ledger: of its run.
    """
    states = Counter(candidate.state for candidate in log.candidates)
    best = next((candidate for candidate in log.ranked() if candidate.val is not None), None)
    val = None if best is None else best.val
    return StatusDocument(
        kind="search",
        folder=str(ledger.root),
        study=log.study,
        complete=False,
        trials=None,
        arms=(),
        failed=(),
        checkpoints=0,
        command=None,
        candidates=CandidatesPart(**{state: states[state] for state in ("finished", "stopped", "failed", "running")}),
        best=None
        if best is None or val is None
        else BestPart(name=best.name, balanced_accuracy=val.balanced_accuracy, icv=val.icv),
        **_process(last_seen(ledger)),
    )


def _states(counts: Counter[Any]) -> dict[str, int]:
    return {state: counts[state] for state in ("done", "running", "failed", "missing")}


def _process(seen: LastSeen) -> dict[str, Any]:
    """Who fills the folder: the keys ``starting`` and ``process``."""
    status, alive = seen.status, seen.is_alive
    process = None
    if status is not None:
        process = ProcessPart(
            host=status.host,
            pid=status.pid,
            alive=alive,
            unfinished=status.is_unfinished,
            seen=status.time,  # seconds since 1970
            seconds_left=status.eta_seconds,
            running=tuple(RunningPart(id=job.job, **job.model_dump(exclude={"job"})) for job in seen.running),
            waiting=status.waiting if alive else 0,
        )
    return {"starting": seen.holder if not alive else None, "process": process}

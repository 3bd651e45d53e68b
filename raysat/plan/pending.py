"""What of a plan is left to do, and where its results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raysat.plan.build import Plan
from raysat.plan.jobs import WorkItem
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.run_folder import run_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingJobs:
    """The records and artifacts of a run, and what it lacks."""

    ledger: Ledger
    artifacts: Artifacts
    missing: tuple[WorkItem, ...]  # generate jobs that the missing trials need, then these

    @classmethod
    def of(cls, plan: Plan, out: Path) -> PendingJobs:
        """Find what the run under ``out`` has no finished record of. Raises UsageError for a name that is taken."""
        ledger, artifacts = run_folder(out, plan.study.name)
        trials = [trial for trial in plan.trials if not ledger.is_finished(trial.id)]
        needed = {need for trial in trials for need in trial.needs}
        generate = [job for job in plan.generate_jobs if job.id in needed and not artifacts.is_finished(job.id)]
        return cls(ledger=ledger, artifacts=artifacts, missing=(*generate, *trials))

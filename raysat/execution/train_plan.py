"""Trains what a run lacks of its plan, with what other studies have finished; imports ray only where that is needed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from raysat.execution.cluster.forked_workers import workers_begun
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import OnEvent, Resumed
from raysat.execution.run_state import Summary
from raysat.execution.storage.run_cache import RunCache
from raysat.files import AnyPath
from raysat.planning.build import PendingJobs, Plan
from raysat.planning.jobs import PlannedTrial
from raysat.storage.cache import Cache
from raysat.storage.ledger import Ledger
from raysat.storage.outcome import Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedPlan:
    """How it ended."""

    ledger: Ledger
    outcome: Summary
    known: Outcomes | None  # what became of all trials, where nothing was left to train


def train_plan(
    plan: Plan,
    out: AnyPath,
    cluster: ClusterOptions,
    on_event: OnEvent,
    *,
    cache: AnyPath | str | None = None,
    leave_failed: bool = False,
    later: Sequence[PlannedTrial] = (),
) -> TrainedPlan:
    """Train every trial of a plan that its run under ``out`` has not finished, and write the plan.

    Args:
        plan: what to train.
        out: the folder of runs.
        cluster: what to train it on.
        on_event: is told how it goes.
        cache: where studies share finished work.
        leave_failed: trials that failed before by a fault of their own are not tried again.
        later: trials like those that come after these, for how far it is.

    Returns:
        How it ended.

    Raises:
        ClusterError: as ``run``.
        StorageError: as ``run``.
    """
    shared = None if cache is None else Cache.open(cache)
    pending = PendingJobs.of(plan, out)
    if leave_failed:
        pending = replace(pending, missing=tuple(job for job in pending.missing if not _failed(pending.ledger, job.id)))
    known = None if pending.missing else Outcomes(finished=pending.finished, unusable={})
    on_event(Resumed(finished=len(pending.finished), total=len(plan.trials), noun="trial"))
    outcome = Summary(finished=0, failed=0, interrupted=False)
    use = None if shared is None else RunCache(shared, plan, pending.ledger, pending.artifacts, on_event)
    pending = pending if use is None else use.take(pending, wait=cluster.wait)
    with nullcontext() if use is None else use.offering(pending) as offer:
        if pending.missing:
            options, subscribers = replace(cluster, workers=plan.workers), () if offer is None else (offer,)
            places = pending.ledger, pending.artifacts
            with workers_begun(cluster.address):
                from raysat.execution.run import run

                outcome = run(plan, pending.missing, *places, options, on_event, later=later, subscribers=subscribers)
        else:
            plan.keep(pending.ledger)
    return TrainedPlan(ledger=pending.ledger, outcome=outcome, known=known)


def is_settled(ledger: Ledger, trial: str) -> bool:
    """Whether a trial is finished, or failed by a fault of its own: with a lost machine it may yet succeed."""
    return ledger.is_finished(trial) or _failed(ledger, trial)


def _failed(ledger: Ledger, trial: str) -> bool:
    failure = ledger.read_failure(trial)
    return failure is not None and failure.traceback is None

"""Runs a plan's jobs on Ray, until every one is finished or recorded as failed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from raysat.config.schema import Model
from raysat.data.store import PatchStore
from raysat.execution.job_feeder import PlanSearcher, Task
from raysat.execution.progress import Progress
from raysat.execution.resources import Options
from raysat.execution.session import Session, session
from raysat.plan.build import Plan
from raysat.plan.jobs import GenerateJob, Job, TrainJob
from raysat.plan.stages import Chain, chains
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.training.check import evaluation_splits
from raysat.training.models.build import check_cosine, fetch_pretrained
from raysat.training.models.names import check_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a run ended."""

    finished: int
    failed: int
    interrupted: bool


def run(
    plan: Plan,
    jobs: Sequence[Job],
    ledger: Ledger,
    artifacts: Artifacts,
    options: Options,
    console: Console,
) -> Summary:
    """Write the plan, do those of its jobs that are given, and write their records.

    Trials that share epochs train them once. Checkpoints of an earlier run are gone on from; those that no trial here
    can use are deleted.

    Raises:
        PlanError: a model that timm does not know.
        TrainingError: pretrained weights that cannot be had.
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        LedgerError: another raysat runs this study in the same place; or a record cannot be written (no space left,
            say): the run stops, finished records stay.
    """
    check_models([job.trial.config.model for job in jobs if isinstance(job, TrainJob)])
    if plan.generate:
        artifacts.check_writable()
    with session(
        plan.study.name, plan.store, ledger, artifacts, options, console, beside=bool(plan.generate)
    ) as active:
        ledger.write_plan(plan.study.text, plan.to_file())
        # Another run may have been waited for; generators look for themselves whether they are needed.
        left = [job for job in jobs if isinstance(job, GenerateJob) or not ledger.is_finished(job.id)]
        if all(isinstance(job, GenerateJob) for job in left):
            return Summary(finished=0, failed=0, interrupted=False)
        return _run(active, plan.store, left, finished_before=len(plan.jobs) + len(plan.generate) - len(left))


def generate(
    jobs: Sequence[GenerateJob],
    store: PatchStore,
    ledger: Ledger,
    artifacts: Artifacts,
    options: Options,
    console: Console,
) -> Summary:
    """Do generate jobs alone; the ledger holds lock and failures. Raises ClusterError and LedgerError as ``run``."""
    artifacts.check_writable()
    with session("generate", store, ledger, artifacts, options, console, beside=True) as active:
        return _run(active, store, jobs, finished_before=0)


def check_models(models: Sequence[Model]) -> None:
    """Refuse models that cannot be built, before Ray starts. Raises PlanError, TrainingError."""
    for name in sorted({model.name for model in models}):
        check_name(name)
    for name in sorted({model.name for model in models if model.classifier == "cosine"}):
        check_cosine(name)
    for name in sorted({model.name for model in models if model.pretrained}):
        fetch_pretrained(name)


def _run(active: Session, store: PatchStore, jobs: Sequence[Job], *, finished_before: int) -> Summary:
    tasks: list[Task] = [job for job in jobs if isinstance(job, GenerateJob)]
    unfinished = {chain.id: chain for chain in chains([job for job in jobs if isinstance(job, TrainJob)])}
    tasks += unfinished.values()
    blocked: list[tuple[Chain, Task]] = []
    checkpoints = active.ledger.checkpoints

    def sweep() -> None:
        checkpoints.sweep({state for chain in unfinished.values() for state in chain.states})

    def ended(task: Task) -> None:
        if isinstance(task, Chain):
            del unfinished[task.id]
            sweep()

    if unfinished:
        checkpoints.tidy()
        sweep()
    for each in jobs:
        active.ledger.clear_failure(each.id)  # of an earlier run
    try:
        with Progress(
            tasks,
            active.console,
            watched=next(iter(evaluation_splits(store)), None),
            finished_before=finished_before,
            file=active.ledger.progress,
        ) as progress:

            def give_up(chain: Chain, need: Task) -> None:
                blocked.append((chain, need))
                progress.give_up(chain)

            active.tune(PlanSearcher(tasks, give_up, ended), samples=len(tasks), callbacks=[progress])
    finally:  # only now is every cause on record: Tune tells the searcher of a death before anybody else
        for chain, need in blocked:
            for job in chain.trials:
                active.ledger.write_failure(_blocked(job, chain, need, active.ledger))
    finished, failed = len(progress.finished), len(progress.failed)
    return Summary(finished=finished, failed=failed, interrupted=finished + failed < len(jobs))


def _blocked(job: TrainJob, chain: Chain, need: Task, ledger: Ledger) -> Failure:
    """The record of a trial that cannot be trained since something that it needs failed."""
    cause = ledger.read_failure(need.id)
    if isinstance(need, Chain):
        other = need.trials[-1]
        common = sum(1 for one, two in zip(chain.states, need.states, strict=False) if one == two) - 1
        what = f"its first {common} epochs are those of {other.name!r}, seed {other.trial.seed}, which failed"
    else:
        what = f"it needs the job {need.name!r}, which failed"
    return Failure(
        id=job.id,
        error=what + (f": {cause.error}" if cause else ""),
        hint=cause.hint if cause else None,
        time=time.time(),
    )

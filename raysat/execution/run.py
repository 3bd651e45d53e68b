"""Runs a plan's jobs on Ray, until every one is finished or recorded as failed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from raysat.data.store import PatchStore
from raysat.execution.check_models import check_models
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import OnEvent, ignore
from raysat.execution.messages import State
from raysat.execution.run_state import RunState, Subscriber, Summary
from raysat.execution.scheduling.finished import is_finished
from raysat.execution.scheduling.job_feeder import JobFeeder
from raysat.execution.session import Session, session
from raysat.execution.storage.checkpoint_sweeper import CheckpointSweeper
from raysat.execution.workload import Workload, planned_work
from raysat.planning.build import Plan
from raysat.planning.jobs import GenerateJob, PlannedTrial, WorkItem
from raysat.planning.stages import Job, TrainJob, longest_first, shared_epochs, train_jobs
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure


def run(
    plan: Plan,
    items: Sequence[WorkItem],
    ledger: Ledger,
    artifacts: Artifacts,
    options: ClusterOptions,
    on_event: OnEvent = ignore,
    *,
    later: Sequence[PlannedTrial] = (),
    subscribers: Sequence[Subscriber] = (),
) -> Summary:
    """Write the plan, do some of its work, and write the records.

    Trials that share epochs train them once. A run resumes from the checkpoints of an earlier one; those that no trial
    here can use are deleted.

    Args:
        plan: what the study means on its store.
        items: the trials to train, and the generators that they need.
        ledger: where records go.
        artifacts: where generated patches go.
        options: how to use the machine or cluster.
        on_event: is told what happens.
        later: trials like those that come after this run, for how far it is.
        subscribers: are told of each row of the run's state that changes.

    Returns:
        How it ended.

    Raises:
        PlanError: a model that timm does not know.
        PluginError: a plugin's model that cannot be made.
        TrainingError: pretrained weights that cannot be had.
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        StorageError: another raysat runs this study in the same place; or a record cannot be written (no space left,
            say): the run stops, finished records stay.
    """
    check_models([item.trial.config for item in items if isinstance(item, PlannedTrial)], plan.store)
    if plan.generate_jobs:
        artifacts.check_writable()
    workload = planned_work(plan, threads_before=_threads_before(plan, ledger))
    with session(plan.study.name, plan.store, ledger, artifacts, options, on_event, workload=workload) as active:
        plan.keep(ledger)
        # Another run may have been waited for; generators look for themselves whether they are needed.
        finished = ledger.finished(item.id for item in items)
        left = [item for item in items if isinstance(item, GenerateJob) or item.id not in finished]
        if all(isinstance(item, GenerateJob) for item in left):
            return Summary(finished=0, failed=0, interrupted=False)
        already_done = len(plan.trials) + len(plan.generate_jobs) - len(left)
        return run_items(active, left, already_done=already_done, later=later, subscribers=subscribers)


def _threads_before(plan: Plan, ledger: Ledger) -> int | None:
    """Threads of the trials that a run has finished on a CPU: a study that has grown goes on with as many."""
    if (first := next(iter(ledger.finished(trial.id for trial in plan.trials)), None)) is None:
        return None
    hardware = ledger.read(first).hardware
    return hardware.threads if hardware.device == "cpu" else None


def generate(
    jobs: Sequence[GenerateJob],
    store: PatchStore,
    ledger: Ledger,
    artifacts: Artifacts,
    options: ClusterOptions,
    on_event: OnEvent = ignore,
) -> Summary:
    """Do generate jobs alone.

    Args:
        jobs: what to do.
        store: real patches.
        ledger: holds lock and failures.
        artifacts: where generated patches go.
        options: how to use the machine or cluster.
        on_event: is told what happens.

    Returns:
        How it ended.

    Raises:
        ClusterError: as ``run``.
        StorageError: as ``run``.
    """
    artifacts.check_writable()
    workload = Workload(has_generators=True)
    with session("generate", store, ledger, artifacts, options, on_event, workload=workload) as active:
        return run_items(active, jobs, already_done=0)


def run_items(
    active: Session,
    items: Sequence[WorkItem],
    *,
    already_done: int,
    later: Sequence[PlannedTrial] = (),
    subscribers: Sequence[Subscriber] = (),
) -> Summary:
    """Do generators and trials in a session.

    Args:
        active: what runs jobs.
        items: what to do, in order.
        already_done: how many trials and generators of the plan were finished before.
        later: as of ``run``.
        subscribers: are told of each row of the run's state that changes.

    Returns:
        How it ended.
    """
    training = longest_first(train_jobs([item for item in items if isinstance(item, PlannedTrial)]))
    jobs: list[Job] = [*(item for item in items if isinstance(item, GenerateJob)), *training]
    sweeper = CheckpointSweeper(active.ledger.checkpoints, training)
    active.ledger.clear_failures(item.id for item in items)  # of an earlier run
    state = RunState(jobs, later=train_jobs(later), already_done=already_done)
    state.subscribers += subscribers

    def is_done(job: Job) -> bool:
        return all(is_finished(item, active.ledger, active.artifacts) for item in job.items)

    feeder = JobFeeder(
        jobs,
        is_done=is_done,
        on_done=sweeper.job_done,
        on_lost=state.fail,
        retries=active.retries,
        room=active.slots.allowed,
        avoided=lambda: active.slots.avoided,
    )
    active.tune(feeder, state, jobs=len(jobs))
    if training:
        sweeper.sweep()
    for job, cause in feeder.lost:  # only now is every cause on record: Tune tells of a death before anybody else
        for trial in job.trials:
            active.ledger.write_failure(_lost_trial(trial, cause, active.ledger.read_failure(cause.id)))
    finished, failed = state.count(State.DONE), state.count(State.FAILED)
    return Summary(finished=finished, failed=failed, interrupted=finished + failed < len(items))


def _lost_trial(trial: PlannedTrial, cause: Job, failure: Failure | None) -> Failure:
    """The record of a trial that cannot be trained since a job that it needs failed, perhaps with a record."""
    if isinstance(cause, TrainJob):
        other = cause.trials[-1]
        common = shared_epochs(trial.states, other.states)
        error = f"its first {common} epochs are those of {other.name!r}, seed {other.seed}, which failed"
    else:
        error = f"it needs the job {cause.name!r}, which failed"
    return Failure(
        id=trial.id,
        error=error + (f": {failure.error}" if failure else ""),
        hint=failure.hint if failure else None,
        time=time.time(),
    )

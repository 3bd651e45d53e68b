"""How long this machine would take for what a run lacks: from a few steps of each network, measured now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from raysat.config.families.learning import NoAverage
from raysat.errors import DivergedError, TrainingError
from raysat.execution.cluster.gpu_share import GpuShare, gpu_share, packing_request
from raysat.execution.cluster.known_packing import gpu_count
from raysat.execution.cluster.packing import packing_measured
from raysat.execution.cluster.resources import fit, room, this_machine
from raysat.execution.cluster_options import ClusterOptions, per_worker
from raysat.execution.workload import network_of, planned_work
from raysat.planning.build import Plan
from raysat.planning.jobs import PlannedTrial
from raysat.planning.stages import TrainJob, train_jobs
from raysat.planning.summary import Estimate
from raysat.training.check import evaluation_splits

if TYPE_CHECKING:
    from raysat.training.calibration import Pace

_SECONDS: Final = 3.0  # of measuring, shared out among the networks; each takes two steps at least


def estimate(plan: Plan, trials: Sequence[PlannedTrial], options: ClusterOptions) -> Estimate:
    """Measure, and count; generators are left out.

    Args:
        plan: what the study means on its store.
        trials: those that the run lacks.
        options: how to use the machine.

    Returns:
        What the trials would take.

    Raises:
        ClusterError: a trial asks for more than the machine has.
        BandError, PlanError, TrainingError: as ``training.loop.train``; or the steps cannot be timed.
    """
    from raysat.training.calibration import measure  # torch

    machine, workload, share = this_machine(), planned_work(plan), None
    if (request := packing_request(workload, plan.store, options)) and gpu_count():
        with packing_measured(request) as measured:
            share = gpu_share([machine], workload, plan.store, options, measured)
    cpus, gpus = fit([machine], options, workload, share)
    jobs = train_jobs(trials)
    slots = max(1, min(len(jobs), room([machine["Resources"]], per_worker(cpus, gpus), options.workers)))
    networks = {network_of(job.trials[-1].trial.config): job.trials[-1].trial.config for job in jobs}
    at_once, seconds_each = 1 if gpus else slots * options.workers, _SECONDS / len(networks)
    try:
        paces: dict[Any, Pace] = {
            key: measure(config, plan.store, slots=at_once, threads=max(1, int(cpus)), seconds=seconds_each)
            for key, config in networks.items()
        }
    except (DivergedError, RuntimeError) as error:  # what torch raises for too little memory
        reason = str(error).partition("\n")[0]
        raise TrainingError(f"steps cannot be timed: {reason}", hint="leave out {--estimate}") from error
    seconds = sum(_seconds(job, plan, paces[network_of(job.trials[-1].trial.config)]) for job in jobs)
    return Estimate(
        seconds=seconds / (_cards_worth(slots, machine["Resources"].get("GPU", 1.0), share) if gpus else 1.0),
        slots=slots,
        cpus=cpus,
        gpus=gpus,
    )


def _cards_worth(slots: int, cards: float, share: GpuShare | None) -> float:
    """How many times as fast as one trial alone all slots are together: cards, and what sharing gains on each."""
    busy = min(cards, slots)
    if share is None or share.trials == 1:
        return busy
    return busy * (1 + (share.gain - 1) * (slots / busy - 1) / (share.trials - 1))


def _seconds(job: TrainJob, plan: Plan, pace: Pace) -> float:
    """What a job takes of a machine that it has for itself: its steps, and all its evaluation."""
    splits = {split: len(plan.store.indices(split)) for split in evaluation_splits(plan.store)}
    validation, config = next(iter(splits.values())), job.trials[-1].trial.config
    evaluated = (job.trials[-1].epochs - job.start_epoch) * validation
    for trial in job.trials:
        averaged = not isinstance(trial.trial.config.average, NoAverage)
        evaluated += sum(splits.values()) - (0 if averaged else validation)
        evaluated += len(plan.store.indices("train")) if averaged else 0  # batch norm of averaged weights
    return job.samples_seen / config.forward_passes / pace.trained + evaluated / pace.evaluated

"""What a Ray Train worker does: wait for a job, do it step by step, send its record to the storage, wait again.

Training and generation know nothing of Ray: ``stage_runner.py`` drives the one, ``generate_runner.py`` the other. An
error that is raised on purpose would come again: it is recorded at once (of several workers, where all raise it: as
training diverges). Any other ends the worker; its job is tried again in a new process, from its last checkpoint.
"""

from __future__ import annotations

import time
from typing import TypeVar

import ray
import ray.train
import torch
from ray.train.collective import broadcast_from_rank_zero
from ray.train.torch import get_device

from raysat.errors import DivergedError, RaysatError, StorageError, with_options
from raysat.execution.messages import JobFailed, StorageFailed
from raysat.execution.workers.node_check import unfit
from raysat.execution.workers.stage_runner import run_train_job
from raysat.execution.workers.worker_context import WorkerContext, WorkerGroup
from raysat.planning.jobs import GenerateJob
from raysat.planning.stages import Job
from raysat.storage.records import Failure

_T = TypeVar("_T")


class RayWorkerGroup(WorkerGroup):
    """The workers of Ray Train."""

    def broadcast(self, value: _T) -> _T:
        """Return the value of rank zero."""
        result: _T = broadcast_from_rank_zero(value)
        return result


def work(context: WorkerContext) -> None:
    """Do jobs until there are no more; the ``train_loop_per_worker`` of Ray Train."""
    torch.set_num_threads(max(1, int(context.settings.cpus)))
    node = ray.get_runtime_context().get_node_id()
    group = WorkerGroup(node=node)
    if context.settings.workers > 1:  # a single one is Ray Train's local mode, which has no context inside Tune
        is_rank_zero = ray.train.get_context().get_world_rank() == 0
        group = RayWorkerGroup(is_rank_zero=is_rank_zero, single_worker=False, node=node)
    while job := group.broadcast(context.inbox.get() if group.is_rank_zero else None):
        do_job(job, context, group)


def do_job(job: Job, context: WorkerContext, group: WorkerGroup) -> None:
    """Do one job, and report how it ended, unless an unexpected error ends the worker.

    Args:
        job: what to do.
        context: where its data are, and where its records and messages go.
        group: this worker's place among those that do the job together.
    """
    try:
        device = _device(context.settings.gpus, group)
        if not isinstance(job, GenerateJob):
            run_train_job(job, context, group, device=device)
        elif group.is_rank_zero:  # the others wait for the next job
            from raysat.execution.workers.generate_runner import (
                run_generate_job,  # half a second that training does without
            )

            run_generate_job(job, context, group, device=device)
    except StorageError as error:  # no record can be written: to continue would be for nothing
        context.outbox.put(StorageFailed(job=job.id, error=error.template, hint=error.hint_template))
    except RaysatError as error:
        if not (group.single_worker or isinstance(error, DivergedError)):
            raise  # several workers wait for each other in collectives: only new ones can continue
        if group.is_rank_zero:
            hint = (
                with_options(error.hint_template) if error.hint_template else None
            )  # records are read on the command line
            for item in job.items:
                failure = Failure(id=item.id, error=with_options(error.template), hint=hint, time=time.time())
                context.storage.write_failure(failure)
            context.outbox.put(JobFailed(job=job.id))


def _device(gpus: float, group: WorkerGroup) -> torch.device:
    """The device that was asked for: what Ray reserved, never what happens to be visible. Raises UnfitNodeError."""
    if not gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise unfit(
            "torch sees no GPU there, and a trial asks for one",
            "is its driver new enough for this torch? Try raysat doctor there; or give --gpus-per-trial 0",
            group.node,
        )
    # A single worker sees only the GPUs that Tune gave its slot.
    device: torch.device = torch.device("cuda", 0) if group.single_worker else get_device()
    torch.cuda.set_device(device)
    return device

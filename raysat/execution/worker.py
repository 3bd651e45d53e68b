"""What a Ray Train worker does: wait for a job, do it step by step, send its record to the keeper, wait again.

Training and generation know nothing of Ray: this module drives generation, and ``stage_runner.py`` training. An error
that is raised on purpose would come again: it is recorded at once (of several workers, where all raise it: as training
diverges). Any other ends the worker; its job is tried again in a new process, from its last checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import ray
import ray.train
import torch
from ray.exceptions import RayTaskError
from ray.train.collective import broadcast_from_rank_zero
from ray.train.torch import get_device

from raysat.config.schema import Generation, canonical_json
from raysat.errors import DivergedError, LedgerError, RaysatError, TrainingError
from raysat.execution.records import describe_hardware, generated_files
from raysat.execution.stage_runner import train_chain
from raysat.execution.storage_actor import open_anywhere
from raysat.generation.gan import generate
from raysat.storage.records import Failure


def work(config: Mapping[str, Any]) -> None:
    """Do jobs until there are no more; the ``train_loop_per_worker`` of Ray Train."""
    alone = config["workers"] == 1  # Ray Train's local mode has no context inside Tune
    first = alone or ray.train.get_context().get_world_rank() == 0
    torch.set_num_threads(max(1, int(config["cpus"])))
    while True:
        job = config["inbox"].get() if first else None
        if not alone:
            job = broadcast_from_rank_zero(job)
        if job is None:
            return
        try:
            _do(job, config, first=first, alone=alone)
        except Exception as error:
            cause = error.cause if isinstance(error, RayTaskError) else error  # what the keeper raised
            if isinstance(cause, LedgerError):  # no record can be written: to go on would be for nothing
                _report(job, config, state="halted", error=cause.message, hint=cause.hint)
            elif isinstance(cause, DivergedError) or (isinstance(cause, RaysatError) and alone):
                if first:
                    failures = [_failure(trial, cause) for trial in _trials(job)]
                    ray.get([config["keeper"].fail.remote(failure) for failure in failures])
                    _report(job, config, state="failed")
            else:  # several workers wait for each other in collectives: only new ones can go on
                raise


def _do(job: Mapping[str, Any], config: Mapping[str, Any], *, first: bool, alone: bool) -> None:
    device = _device(config["gpus"], alone=alone)
    if job["kind"] == "generate":
        if first:  # the others wait for the next job
            _generate(job, config, device)
        return
    train_chain(
        job,
        config,
        first=first,
        device=device,
        report=partial(_report, job, config) if first else lambda **_: None,
        abandoned=partial(_abandoned, config, first=first, alone=alone),
        agree=lambda find: find() if alone else broadcast_from_rank_zero(find() if first else None),
    )


def _report(job: Mapping[str, Any], config: Mapping[str, Any], **report: Any) -> None:
    """Tell the slot how a job stands."""
    config["outbox"].put({"job": job["job"], **report})


def _generate(job: Mapping[str, Any], config: Mapping[str, Any], device: torch.device) -> None:
    started = time.time()
    report = partial(_report, job, config)
    wanted = Generation.model_validate_json(canonical_json(job["work"]))
    if ray.get(config["keeper"].is_generated.remote(job["job"])):  # another study asked for the same, and was first
        report(state="done", epoch=wanted.gan.steps)
        return
    store = open_anywhere(config["store"], config["fingerprint"], config["keeper"])
    done = generate(
        wanted,
        store,
        device=device,
        on_report=lambda chunk: report(state="training", epoch=chunk.step, images=chunk.samples_seen),
    )
    hardware = describe_hardware(gpus=config["gpus"], workers=config["workers"])
    files = generated_files(job["job"], wanted, done, store, started=started, hardware=hardware)
    ray.get(config["keeper"].finish_generate.remote(job["job"], files))
    report(state="done", epoch=wanted.gan.steps)


def _abandoned(config: Mapping[str, Any], *, first: bool, alone: bool) -> bool:
    """Whether the slot has another job already, or none any more: this one was stopped early."""
    stop = not config["inbox"].empty() if first else None
    return bool(stop if alone else broadcast_from_rank_zero(stop))


def _device(gpus: float, *, alone: bool) -> torch.device:
    """The device that was asked for: what Ray reserved, never what happens to be visible."""
    if not gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise TrainingError(
            "a GPU was asked for, and torch sees none on the worker's machine",
            hint="is its driver new enough for this torch? Try nvidia-smi there; or give --gpus-per-trial 0",
        )
    # Alone, a worker sees only the GPUs that Tune gave its slot.
    device: torch.device = torch.device("cuda", 0) if alone else get_device()
    torch.cuda.set_device(device)
    return device


def _trials(job: Mapping[str, Any]) -> list[str]:
    """Ids under which a job's failure is recorded."""
    return [trial["id"] for trial in job["trials"]] if job["kind"] == "train" else [job["job"]]


def _failure(job: str, error: RaysatError) -> Failure:
    """Describe an error that was raised on purpose: it needs no traceback."""
    return Failure(id=job, error=error.message, hint=error.hint, traceback=None, time=time.time())

"""What a Ray Train worker does: wait for a job, do it step by step, send its record to the keeper, wait again.

Training and generation know nothing of Ray: this module drives their generators and reports for them.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from typing import Any

import ray
import ray.train
import torch
from ray.exceptions import RayTaskError
from ray.train.collective import broadcast_from_rank_zero
from ray.train.torch import get_device

from raysat.errors import LedgerError, RaysatError, TrainingError
from raysat.ledger import Failure
from raysat.spec import Generation, Trial, canonical_json
from raysat.training.gan import Generated, generate
from raysat.training.loop import Outcome, train
from raysat.tuning.keeper import open_anywhere, open_generated
from raysat.tuning.records import describe_hardware, epoch_row, generated_files, trained_files


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
        do = _generate if job["kind"] == "generate" else _train
        try:
            do(job, config, first=first, alone=alone)
        except LedgerError as error:  # no record can be written: to go on would be for nothing
            cause = error.cause if isinstance(error, RayTaskError) else error
            _report(config, job, state="halted", error=cause.message, hint=cause.hint)
        except Exception as error:
            if not alone:
                raise  # the other workers wait in a collective: only a new worker group can go on
            ray.get(config["keeper"].fail.remote(_failure(job["job"], error)))
            _report(config, job, state="failed")


def _report(config: Mapping[str, Any], job: Mapping[str, Any], **report: Any) -> None:
    """Tell the slot how a job stands; the first worker speaks for all."""
    config["outbox"].put({"job": job["job"], **report})


def _train(job: Mapping[str, Any], config: Mapping[str, Any], *, first: bool, alone: bool) -> None:
    started = time.time()
    trial = Trial.model_validate_json(canonical_json(job["trial"]))
    store = open_anywhere(config["store"], config["fingerprint"], config["keeper"])
    generated = open_generated(config["generated"], job["generated"], config["keeper"])
    loop = train(trial, store, generated=generated, device=_device(config["gpus"], alone=alone))
    while True:
        try:
            epoch = next(loop)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            break
        if first:
            row = epoch_row(epoch)
            _report(config, job, state="training", **row, objective=row["balanced_accuracy"])
        if job.get("may_stop") and _abandoned(config, first=first, alone=alone):
            return
    if not first:
        return
    hardware = describe_hardware(gpus=config["gpus"], workers=config["workers"])
    files = trained_files(job["job"], trial, outcome, store, generated, started=started, hardware=hardware)
    ray.get(config["keeper"].finish.remote(job["job"], files))
    final, watched = outcome.metrics[outcome.reported], outcome.metrics["val" if "val" in outcome.metrics else "test"]
    _report(
        config,
        job,
        state="done",
        epoch=len(outcome.history),
        images=outcome.images,
        balanced_accuracy=final.balanced_accuracy,
        icv=final.icv,
        objective=watched.balanced_accuracy,
        objective_icv=watched.icv,
    )


def _generate(job: Mapping[str, Any], config: Mapping[str, Any], *, first: bool, alone: bool) -> None:
    """Do a generate job: the first worker does it, the others wait for the next job."""
    if not first:
        return
    started = time.time()
    wanted = Generation.model_validate_json(canonical_json(job["work"]))
    if ray.get(config["keeper"].is_generated.remote(job["job"])):  # another study asked for the same, and was first
        _report(config, job, state="done", epoch=wanted.gan.steps)
        return
    store = open_anywhere(config["store"], config["fingerprint"], config["keeper"])
    reports = []
    loop = generate(wanted, store, device=_device(config["gpus"], alone=alone))
    while True:
        try:
            report = next(loop)
        except StopIteration as stop:
            done: Generated = stop.value
            break
        reports.append(report)
        _report(config, job, state="training", epoch=report.step, images=report.images)
    hardware = describe_hardware(gpus=config["gpus"], workers=config["workers"])
    files = generated_files(job["job"], wanted, done, reports, store, started=started, hardware=hardware)
    ray.get(config["keeper"].finish_generate.remote(job["job"], files))
    _report(config, job, state="done", epoch=wanted.gan.steps)


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


def _failure(job: str, error: Exception) -> Failure:
    """Describe an error; on purpose without its traceback where it was raised on purpose."""
    if isinstance(error, RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause  # what the keeper raised, without the frames of its process
    expected = isinstance(error, RaysatError)
    return Failure(
        id=job,
        error=str(error) if expected else f"{type(error).__name__}: {error}",
        hint=error.hint if isinstance(error, RaysatError) else None,
        traceback=None if expected else traceback.format_exc(),
        time=time.time(),
    )

"""What a Ray Train worker does: wait for a job, train it epoch by epoch, send its record to the keeper, wait again.

The training loop knows nothing of Ray: this module drives its generator and reports for it.
"""

from __future__ import annotations

import io
import platform
import time
import traceback
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import ray
import ray.train
import torch
from ray.exceptions import RayTaskError
from ray.train.collective import broadcast_from_rank_zero
from ray.train.torch import get_device

from raysat.data.store import PatchStore
from raysat.errors import LedgerError, RaysatError, TrainingError
from raysat.ledger import Failure, Record, encode_history, encode_predictions
from raysat.spec import Trial, canonical_json
from raysat.training.loop import EpochReport, Outcome, train
from raysat.tuning.keeper import open_anywhere

_PACKAGES: Final = ("raysat", "torch", "timm", "ray", "numpy")


def work(config: Mapping[str, Any]) -> None:
    """Train jobs until there are no more; the ``train_loop_per_worker`` of Ray Train."""
    context = ray.train.get_context()
    first, alone = context.get_world_rank() == 0, context.get_world_size() == 1
    torch.set_num_threads(max(1, int(config["cpus"])))
    while True:
        job = config["inbox"].get() if first else None
        if not alone:
            job = broadcast_from_rank_zero(job)
        if job is None:
            return
        try:
            _train(job, config, first=first)
        except LedgerError as error:  # no record can be written: to train on would be for nothing
            cause = error.cause if isinstance(error, RayTaskError) else error
            report = {"state": "halted", "error": cause.message, "hint": cause.hint} if first else {}
            ray.train.report({"job": job["job"], **report})
        except Exception as error:
            if not alone:
                raise  # the other workers wait in a collective: only a new worker group can go on
            ray.get(config["keeper"].fail.remote(_failure(job["job"], error)))
            ray.train.report({"job": job["job"], "state": "failed"})


def _train(job: Mapping[str, Any], config: Mapping[str, Any], *, first: bool) -> None:
    started = time.time()
    trial = Trial.model_validate_json(canonical_json(job["trial"]))
    store = open_anywhere(config["store"], config["fingerprint"], config["keeper"])
    loop = train(trial, store, device=_device(config["gpus"]))
    while True:
        try:
            epoch = next(loop)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            break
        ray.train.report({"job": job["job"], "state": "training", **_row(epoch)})
    if first:
        files = _files(job["job"], trial, outcome, store, started=started, gpus=config["gpus"])
        ray.get(config["keeper"].finish.remote(job["job"], files))
    final = outcome.metrics[outcome.reported]
    ray.train.report(
        {
            "job": job["job"],
            "state": "done",
            "epoch": len(outcome.history),
            "images": outcome.images,
            "balanced_accuracy": final.balanced_accuracy,
            "icv": final.icv,
        }
    )


def _device(gpus: float) -> torch.device:
    """The device that was asked for: what Ray reserved, never what happens to be visible."""
    if not gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise TrainingError(
            "a GPU was asked for, and torch sees none on the worker's machine",
            hint="is its driver new enough for this torch? Try nvidia-smi there; or give --gpus-per-trial 0",
        )
    device: torch.device = get_device()
    torch.cuda.set_device(device)
    return device


def _row(epoch: EpochReport) -> dict[str, float | int]:
    """One epoch as a flat row: for the terminal, Ray's dashboard and ``history.csv``."""
    return {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "lr": epoch.lr,
        "accuracy": epoch.metrics.accuracy,
        "balanced_accuracy": epoch.metrics.balanced_accuracy,
        "icv": epoch.metrics.icv,
        "macro_f1": epoch.metrics.macro_f1,
        "images": epoch.images,
        "seconds": epoch.seconds,
    }


def _files(
    job: str, trial: Trial, outcome: Outcome, store: PatchStore, *, started: float, gpus: float
) -> dict[str, bytes]:
    """Encode a finished trial as the files of the ledger."""
    record = Record(
        id=job,
        reported=outcome.reported,
        metrics=outcome.metrics,
        classes=store.classes,
        epochs=len(outcome.history),
        images=outcome.images,
        seconds=time.time() - started,
        started=started,
        parameters=outcome.parameters,
        versions={name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
        hardware=_hardware(gpus),
        data={"fingerprint": store.fingerprint, "path": str(store.path)},
    )
    spec = {**trial.model_dump(mode="json"), "data": store.fingerprint}
    model = io.BytesIO()
    torch.save(outcome.state_dict, model)
    return {
        "spec.json": canonical_json(spec).encode(),
        "history.csv": encode_history([_row(epoch) for epoch in outcome.history]),
        "predictions.npz": encode_predictions(outcome.labels, outcome.probabilities, outcome.indices),
        "model.pt": model.getvalue(),
        "record.json": record.model_dump_json(indent=1).encode(),
    }


def _hardware(gpus: float) -> dict[str, Any]:
    return {
        "device": torch.cuda.get_device_name() if gpus else "cpu",
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "workers": ray.train.get_context().get_world_size(),
        "node": ray.get_runtime_context().get_node_id(),
    }


def _failure(job: str, error: Exception) -> Failure:
    """Describe an error; on purpose without its traceback where it was raised on purpose."""
    expected = isinstance(error, RaysatError)
    return Failure(
        id=job,
        error=str(error) if expected else f"{type(error).__name__}: {error}",
        hint=error.hint if isinstance(error, RaysatError) else None,
        traceback=None if expected else traceback.format_exc(),
        time=time.time(),
    )

"""A finished trial as the files of the ledger, and what records say of the machine that made them."""

from __future__ import annotations

import io
import platform
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from raysat.config.schema import canonical_json
from raysat.data.bands import resolve
from raysat.data.model_inputs import ModelInputs
from raysat.data.store import PatchStore
from raysat.execution.versions import versions
from raysat.execution.workers.worker_context import SlotSettings, WorkerGroup
from raysat.formatting import to_csv
from raysat.planning.jobs import PlannedTrial
from raysat.storage.predictions import encode_predictions
from raysat.storage.records import DataRef, Energy, Hardware, Record, TrialSpec
from raysat.training.results import EpochReport, TrialResult


def trained_files(
    trial: PlannedTrial,
    result: TrialResult,
    store: PatchStore,
    generated: Sequence[PatchStore],
    *,
    started: float,
    hardware: Hardware,
    energy: Energy | None = None,
) -> dict[str, bytes]:
    """Encode a finished trial as the files of the ledger.

    Args:
        trial: what was trained.
        result: its final model and what that predicts.
        store: the real patches.
        generated: stores of the synthetic ones.
        started: when its worker began, in seconds since 1970, UTC.
        hardware: what it was trained on.
        energy: that was measured of the epochs that no other record has; None where none was.

    Returns:
        Contents by file name.
    """
    bands = resolve(trial.trial.config.data.bands, available=store.bands, sensor=store.sensor)
    record = Record(
        id=trial.id,
        reported=result.reported_split,
        metrics=result.metrics,
        classes=store.classes,
        epochs=len(result.history),
        images=result.samples_seen,
        seconds=sum(epoch.seconds for epoch in result.history),
        started=started,
        ended=time.time(),
        parameters=result.parameters,
        versions=versions(),
        hardware=hardware,
        data=DataRef(
            fingerprint=store.fingerprint,
            path=str(store.path),
            generated=tuple(patches.fingerprint for patches in generated),
        ),
        inputs=ModelInputs.of(store, bands),
        energy=energy,
        readout=result.readout,
        weights=result.weights,
    )
    spec = TrialSpec(config=trial.trial.config, seed=trial.seed, data=store.fingerprint)
    return {
        "spec.json": canonical_json(spec).encode(),
        "history.csv": to_csv([_epoch_row(epoch) for epoch in result.history]).encode(),
        "predictions.npz": encode_predictions(result.labels, result.probabilities, result.indices),
        "model.pt": encode_weights(result.state_dict),
        "record.json": record.model_dump_json(indent=1).encode(),
    }


def _epoch_row(epoch: EpochReport) -> dict[str, float | int]:
    return {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "lr": epoch.lr,
        "accuracy": epoch.metrics.accuracy,
        "balanced_accuracy": epoch.metrics.balanced_accuracy,
        "icv": epoch.metrics.icv,
        "macro_f1": epoch.metrics.macro_f1,
        "images": epoch.samples_seen,
        "seconds": epoch.seconds,
    }


def encode_weights(state_dict: dict[str, Tensor]) -> bytes:
    """Weights as the bytes of a file that ``torch.load(weights_only=True)`` reads."""
    buffer = io.BytesIO()
    torch.save(state_dict, buffer)
    return buffer.getvalue()


def describe_hardware(settings: SlotSettings, group: WorkerGroup) -> Hardware:
    """What a job runs on: this worker's device and threads, and how many workers there are."""
    return Hardware(
        device=torch.cuda.get_device_name() if settings.gpus else "cpu",
        machine=platform.machine(),
        threads=torch.get_num_threads(),
        workers=settings.workers,
        gpus=settings.gpus,
        node=group.node,
    )

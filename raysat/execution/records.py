"""Finished work as the files of the ledger and of the generated stores."""

from __future__ import annotations

import io
import platform
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from raysat.config.schema import canonical_json
from raysat.data.store import PatchStore, StoreWriter
from raysat.execution.worker_context import SlotSettings, WorkerGroup
from raysat.formatting import to_csv
from raysat.generation.gan import GanReport, Generated
from raysat.generation.sample_grid import draw_losses, draw_samples
from raysat.plan.jobs import GenerateJob, PlannedTrial
from raysat.storage.artifacts import GenerateRecord
from raysat.storage.predictions import encode_predictions
from raysat.storage.records import DataRef, Hardware, Record, TrialSpec
from raysat.training.results import EpochReport, TrialResult

_PACKAGES: Final = ("raysat", "torch", "timm", "ray", "numpy")
_SHEETS: Final = 5  # pictures of samples over the training of a generator, the last one at its end


def trained_files(
    trial: PlannedTrial,
    result: TrialResult,
    store: PatchStore,
    generated: Sequence[PatchStore],
    *,
    started: float,
    hardware: Hardware,
) -> dict[str, bytes]:
    """Encode a finished trial as the files of the ledger.

    Args:
        trial: what was trained.
        result: its final model and what that predicts.
        store: the real patches.
        generated: stores of the synthetic ones.
        started: when its worker began, in seconds since 1970, UTC.
        hardware: what it was trained on.

    Returns:
        Contents by file name.
    """
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
        versions=_versions(),
        hardware=hardware,
        data=DataRef(
            fingerprint=store.fingerprint,
            path=str(store.path),
            generated=tuple(patches.fingerprint for patches in generated),
        ),
    )
    spec = TrialSpec(config=trial.trial.config, seed=trial.seed, data=store.fingerprint)
    return {
        "spec.json": canonical_json(spec).encode(),
        "history.csv": to_csv([_epoch_row(epoch) for epoch in result.history]).encode(),
        "predictions.npz": encode_predictions(result.labels, result.probabilities, result.indices),
        "model.pt": _weights(result.state_dict),
        "record.json": record.model_dump_json(indent=1).encode(),
    }


def generated_files(
    job: GenerateJob, generated: Generated, store: PatchStore, *, started: float, hardware: Hardware
) -> dict[str, bytes]:
    """Encode a finished generator and its patches as the files of a generated store.

    Args:
        job: what was asked for.
        generated: the generator, its patches and their quality.
        store: the real patches.
        started: when its worker began, in seconds since 1970, UTC.
        hardware: what it was trained on.

    Returns:
        Contents by file name.
    """
    name, work, reports = job.class_name, job.work, generated.history
    last = reports[-1]
    record = GenerateRecord(
        id=job.id,
        class_name=name,
        label=work.label,
        bands=work.bands,
        real=int(store.counts("train")[work.label]),
        patches=work.patches,
        steps=work.gan.steps,
        images=last.samples_seen,
        generator_loss=last.generator_loss,
        discriminator_loss=last.discriminator_loss,
        collapsed=generated.collapsed,
        note=generated.note,
        quality=generated.quality,
        parameters=generated.parameters,
        seconds=time.time() - started,
        started=started,
        versions=_versions(),
        hardware=hardware,
        data=DataRef(fingerprint=store.fingerprint, path=str(store.path)),
    )
    shown = sorted({round(len(reports) * (sheet + 1) / _SHEETS) - 1 for sheet in range(_SHEETS)} - {-1})
    sheets = {
        f"samples-{report.step:05d}.png": draw_samples(
            generated.real_samples,
            report.samples,
            bands=work.bands,
            title=f"{name}: step {report.step} of {report.steps}",
        )
        for report in (reports[index] for index in shown)
    }
    return {
        **_store_files(job, generated, store),
        **sheets,
        "spec.json": canonical_json({**work.model_dump(mode="json"), "data": store.fingerprint}).encode(),
        "history.csv": to_csv([_gan_row(report) for report in reports]).encode(),
        "losses.png": draw_losses(reports, title=name),
        "generator.pt": _weights(generated.state_dict),
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


def _gan_row(report: GanReport) -> dict[str, float | int | None]:
    return {
        "step": report.step,
        "generator_loss": report.generator_loss,
        "discriminator_loss": report.discriminator_loss,
        "diversity": report.diversity,
        "images": report.samples_seen,
        "seconds": report.seconds,
    }


def _store_files(job: GenerateJob, generated: Generated, store: PatchStore) -> dict[str, bytes]:
    """The generated patches as the files of a patch store of the same classes."""
    with tempfile.TemporaryDirectory(prefix="raysat-generated-") as folder:
        target = Path(folder) / "store"
        with StoreWriter(
            target,
            bands=job.work.bands,
            classes=store.classes,
            sensor=store.sensor,
            ordinal=store.ordinal,
            source={"kind": "dcgan", "job": job.id, "of": store.fingerprint},
            generated=True,
        ) as writer:
            for patch in generated.images:
                writer.add(patch, job.work.label)
            writer.close()
        return {file.name: file.read_bytes() for file in target.iterdir()}


def _weights(state_dict: dict[str, Tensor]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state_dict, buffer)
    return buffer.getvalue()


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}


def describe_hardware(settings: SlotSettings, group: WorkerGroup) -> Hardware:
    """What a job runs on: this worker's device and threads, and how many workers there are."""
    return Hardware(
        device=torch.cuda.get_device_name() if settings.gpus else "cpu",
        machine=platform.machine(),
        threads=torch.get_num_threads(),
        workers=settings.workers,
        node=group.node,
    )

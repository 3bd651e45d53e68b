"""Does a generate job in a worker: a generator, its patches, and these as the files of a generated store."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

import torch

from raysat.config.schema import canonical_json
from raysat.data.store import PatchStore, StoreWriter
from raysat.execution.messages import EpochDone, JobDone, StoreTold
from raysat.execution.monitoring.worker_metrics import job_metrics
from raysat.execution.versions import versions
from raysat.execution.workers.node_stores import open_store
from raysat.execution.workers.records import describe_hardware, encode_weights
from raysat.execution.workers.worker_context import WorkerContext, WorkerGroup
from raysat.formatting import to_csv
from raysat.generation.generate import Generated, Report, generate
from raysat.generation.sample_grid import draw_losses, draw_samples
from raysat.planning.jobs import GenerateJob
from raysat.storage.artifacts import GenerateRecord
from raysat.storage.records import DataRef, Hardware
from raysat.training.stopwatch import Part, Stopwatch

_SHEETS: Final = 5  # pictures of samples over the training of a generator, the last one at its end


def run_generate_job(job: GenerateJob, context: WorkerContext, group: WorkerGroup, *, device: torch.device) -> None:
    """Train one generator, and send its patches to the storage, unless they are there already.

    Args:
        job: what to do.
        context: where its data are, and where its records and messages go.
        group: describes the machine.
        device: where it trains.

    Raises:
        StorageError: the patches cannot be written.
        TrainingError: the generator cannot be trained.
    """
    settings, storage, started, watch = context.settings, context.storage, time.time(), Stopwatch[Part]()
    if storage.is_generated(job.id):  # another study asked for the same, and was first
        context.outbox.put(JobDone(job=job.id))
        return
    with watch.timing(Part.SETUP):
        store = open_store(
            settings.store,
            settings.digest,
            settings.storage.driver,
            tell=lambda news: context.outbox.put(StoreTold(job=job.id, news=news)),
        )
    began, images = time.monotonic(), 0

    def tell(report: Report) -> None:
        nonlocal images
        images = report.samples_seen
        context.outbox.put(EpochDone(job=job.id, epoch=report.step, seconds=time.monotonic() - began))

    with (
        watch.timing(Part.GENERATION),
        job_metrics(
            settings.study, "generate", images=lambda: images, device=device, gpus=settings.gpus, leads=True
        ) as metrics,
    ):
        metrics.trial(job.name, job.seed)
        generated = generate(job.work, store, device=device, on_report=tell)
    hardware = describe_hardware(settings, group)
    with watch.timing(Part.RECORDS):
        files = _files(job, generated, store, started=started, hardware=hardware)
        storage.write_generated(job.id, files)
    context.outbox.put(JobDone(job=job.id, seconds=watch.seconds))


def _files(
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
        steps=work.generator.steps,
        images=last.samples_seen,
        kind=work.generator.kind,
        generator_loss=last.generator_loss,
        discriminator_loss=last.discriminator_loss,
        collapsed=generated.collapsed,
        note=generated.note,
        quality=generated.quality,
        parameters=generated.parameters,
        seconds=time.time() - started,
        started=started,
        versions=versions(),
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
        "history.csv": to_csv([_row(report) for report in reports]).encode(),
        "losses.png": draw_losses(reports, title=name),
        "generator.pt": encode_weights(generated.state_dict),
        "record.json": record.model_dump_json(indent=1).encode(),
    }


def _row(report: Report) -> dict[str, float | int | None]:
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
            source={"kind": job.work.generator.kind, "job": job.id, "of": store.fingerprint},
            generated=True,
        ) as writer:
            for patch in generated.images:
                writer.add(patch, job.work.label)
            writer.close()
        return {file.name: file.read_bytes() for file in target.iterdir()}

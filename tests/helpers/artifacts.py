"""A made-up generator's patches and record, for tests of what studies share."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from raysat.data.store import StoreWriter
from raysat.metrics.synthetic import Measure, Quality
from raysat.storage.artifacts import GenerateRecord

JOB = "0123456789abcdef"


def generate_record(job: str = JOB) -> bytes:
    made = GenerateRecord(
        id=job,
        class_name="water",
        label=1,
        bands=("B6", "B5"),
        real=9,
        patches=4,
        steps=10,
        images=320,
        generator_loss=1.0,
        discriminator_loss=0.7,
        collapsed=False,
        note="",
        quality=Quality(kid=Measure(generated=0.1)),
        parameters=5,
        seconds=1.5,
        started=1e9,
        versions={},
        hardware={},
        data={"fingerprint": "f"},
    )
    return made.model_dump_json().encode()


def generated_files(folder: Path, *, job: str = JOB, generated: bool = True, name: str = "made") -> dict[str, bytes]:
    with StoreWriter(
        folder / name, bands=("B6", "B5"), classes=("a", "water"), sensor=None, source={}, generated=generated
    ) as writer:
        for value in range(4):
            writer.add(np.full((2, 4, 4), value, dtype=np.uint16), 1)
        writer.close()
    return {file.name: file.read_bytes() for file in (folder / name).iterdir()} | {"record.json": generate_record(job)}


def files_of_job(job: str = JOB) -> dict[str, bytes]:
    """The files of a finished job."""
    with tempfile.TemporaryDirectory() as folder:
        return generated_files(Path(folder), job=job)

"""Generated patches that trials and studies share: one folder per generate job, named by its content hash.

    <root>/<id>/            a patch store, marked as generated, all of it training patches
        images.npy  labels.npy  store.json
        spec.json           what was asked for, and of which data
        record.json         quality, losses at the end, timing, versions
        history.csv         losses and diversity over training
        samples-<step>.png  generated beside real patches, now and then and at the end
        losses.png
        generator.pt        state_dict alone

For a study the root is ``OUT/generated``, beside the runs. Folders are written whole, like a trial's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from raysat.data.store import PatchStore
from raysat.errors import LedgerError, StoreError
from raysat.formatting import safe_name
from raysat.storage.atomic import aside, turn, write_folder

FOLDER: Final = "generated"  # beside the runs of studies, so no study may be called so


class GenerateRecord(BaseModel):
    """What is known of a finished generator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    class_name: str
    label: int
    bands: tuple[str, ...]
    real: int  # training patches of the class
    patches: int  # made
    steps: int
    images: int  # real patches that the discriminator saw, repeats included
    generator_loss: float  # at the end
    discriminator_loss: float
    collapsed: bool
    note: str  # what to know before trusting the patches, or empty
    quality: dict[str, Any]
    parameters: int
    seconds: float
    started: float  # seconds since the epoch, UTC
    versions: dict[str, str]
    hardware: dict[str, Any]
    data: dict[str, Any]  # fingerprint and path of the real store


class Artifacts:
    """Reads and writes the generated stores under one root."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def path(self, job: str) -> Path:
        """The store of a generate job: where it is, or the one moved aside by a replacement that was killed midway."""
        target = self.root / safe_name(job, "generate job")
        folders = (target, aside(target))
        return next((folder for folder in folders if (folder / "record.json").is_file()), target)

    def is_finished(self, job: str) -> bool:
        """Whether a job's patches and record can be read; else they are to be made again."""
        try:
            self.read(job)
            self.open(job)
        except (LedgerError, StoreError):
            return False
        return True

    def read(self, job: str) -> GenerateRecord:
        """Read a finished record. Raises LedgerError where it is missing or damaged."""
        file = self.path(job) / "record.json"
        hint = f"delete {file.parent} and run the same command again"
        try:
            record = GenerateRecord.model_validate(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            raise LedgerError(f"{file} cannot be read: {error}", hint=hint) from error
        if record.id != job:
            raise LedgerError(f"{file} is the record of another job, {record.id}", hint=hint)
        return record

    def open(self, job: str) -> PatchStore:
        """Open the patches of a finished job. Raises StoreError where they are missing or damaged, or not generated."""
        store = PatchStore.open(self.path(job))
        if not store.generated:
            raise StoreError(
                f"{store.path} is not marked as generated", hint="delete it and run the same command again"
            )
        return store

    def write(self, job: str, files: Mapping[str, bytes]) -> None:
        """Write a finished job's files at once, unless another run made them first; runs wait for each other here.

        Raises LedgerError; what stood there then stands.
        """
        target = self.root / safe_name(job, "generate job")
        content = {safe_name(name, "file"): data for name, data in files.items()}
        with turn(self.root, f".{job}.lock"):
            if not self.is_finished(job):
                write_folder(target, content)

    def check_writable(self) -> None:
        """Raise LedgerError where nothing can be written: better before a generator is trained than after."""
        with turn(self.root, ".probe.lock"):
            pass

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

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from raysat.data.store import PatchStore
from raysat.errors import DeniedError, DiskError, FormatError, StorageError, StoreError, UsageError
from raysat.files import FileModel, current_folder, read_model, safe_name, sweep_partial, write_folder
from raysat.files.fields import MAX_CLASSES, Amount, Count, Id, Line, Number, Time
from raysat.files.locks import exclusive
from raysat.metrics.synthetic import Quality
from raysat.storage.ledger import Ledger
from raysat.storage.records import DataRef, Hardware

FOLDER: Final = "generated"  # beside the runs of studies, so no study may be called so


class GenerateRecord(FileModel):
    """What is known of a finished generator."""

    format: Literal[1] = 1
    id: Id
    class_name: Line
    label: Annotated[int, Field(ge=0, lt=MAX_CLASSES)]
    bands: tuple[Line, ...]
    real: Count  # training patches of the class
    patches: Count  # made
    steps: Count
    images: Count  # real patches that the discriminator saw, repeats included
    generator_loss: Number  # at the end
    discriminator_loss: Number
    collapsed: bool
    note: Line  # what to know before trusting the patches, or empty
    quality: Quality
    parameters: Count
    seconds: Amount
    started: Time
    versions: dict[Line, Line]
    hardware: Hardware
    data: DataRef  # the real store


class Artifacts:
    """Reads and writes the generated stores under one root."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def path(self, job: str) -> Path:
        """The store of a generate job: where it is, or the backup of a replacement that was killed midway."""
        return current_folder(self.root / safe_name(job, "generate job"), "record.json")

    def is_finished(self, job: str) -> bool:
        """Whether a job's patches and record can be read; else they are to be made again. Raises as the ledger's."""
        try:
            self.read(job)
            self.open(job)
        except (DeniedError, DiskError, FormatError):  # what is there is not known, or of use to another raysat
            raise
        except (StorageError, StoreError):
            return False
        return True

    def read(self, job: str) -> GenerateRecord:
        """Read a finished record. Raises StorageError where it is missing or damaged."""
        file = self.path(job) / "record.json"
        hint = f"delete {file.parent} and run the same command again"
        record = read_model(GenerateRecord, file, remedy=hint)
        if record.id != job:
            raise StorageError(f"{file} is the record of another job, {record.id}", hint=hint)
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

        Raises StorageError; what was there is then kept.
        """
        target = self.root / safe_name(job, "generate job")
        content = {safe_name(name, "file"): data for name, data in files.items()}
        with exclusive(self.root / f".{job}.lock"):
            if not self.is_finished(job):
                write_folder(target, content)

    def sweep(self) -> None:
        """Remove what killed writers left half-written."""
        sweep_partial(self.root)

    def check_writable(self) -> None:
        """Raise StorageError where nothing can be written: better before a generator is trained than after."""
        with exclusive(self.root / ".probe.lock"):
            pass


def run_folder(out: Path, name: str) -> tuple[Ledger, Artifacts]:
    """Return the ledger of a run, and the generated patches beside it. Raises UsageError for the name of these."""
    if name == FOLDER:
        raise UsageError(
            f"a study cannot be called {name!r}: its run would lie where generated patches are kept",
            hint="give it another name with the key 'study'",
        )
    return Ledger(out / name), Artifacts(out / FOLDER)

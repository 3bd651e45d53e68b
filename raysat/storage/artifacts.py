"""Generated patches that trials and studies share: one folder per generate job, named by its content hash.

    <root>/<id>/            a patch store, marked as generated, all of it training patches
        images.npy  labels.npy  store.json
        spec.json           what was asked for, and of which data
        record.json         quality, losses at the end, timing, versions
        history.csv         losses and diversity over training
        samples-<step>.png  generated beside real patches, now and then and at the end
        losses.png
        generator.pt        state_dict alone

For a study the root is ``OUT/generated``, beside the runs. Folders are written whole, like a trial's; in an object
store they have the layout of a trial's too (``sealed.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field

from raysat.data.remote.object_source import ObjectSource
from raysat.data.remote.open import open_remote
from raysat.data.store import PatchStore
from raysat.data.store_files import IMAGES, LABELS, META
from raysat.data.verify import content_faults
from raysat.errors import DeniedError, DiskError, FormatError, StorageError, StoreError, UsageError
from raysat.files import (
    SAFE_NAME,
    AnyPath,
    FileModel,
    ObjectPath,
    absolute,
    as_path,
    check_put_if_absent,
    file_exists,
    folder_entries,
    read_bytes,
    read_model,
    safe_name,
    sweep_partial,
    write_folder,
)
from raysat.files.fields import MAX_CLASSES, Amount, Count, Id, Line, Number, Time
from raysat.files.locks import exclusive
from raysat.metrics.synthetic import Quality
from raysat.storage.ledger import Ledger
from raysat.storage.records import DataRef, Hardware
from raysat.storage.sealed import MAX_FILE, RECORD, SUMS, SealedFolder, write_sealed

NEEDED: Final = (RECORD, IMAGES, LABELS, META)
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
    images: Count  # real patches that it was shown, repeats included
    kind: Literal["dcgan", "flow"] = "dcgan"
    generator_loss: Number  # at the end
    discriminator_loss: Number | None  # a flow has none
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

    def __init__(self, root: AnyPath | str) -> None:
        self.root = as_path(root)

    @classmethod
    def beside(cls, run: AnyPath) -> Self:
        """The generated patches that a run shares with those beside it."""
        return cls(absolute(run).parent / FOLDER)

    def path(self, job: str) -> AnyPath:
        """Where the files of a generate job are. Raises StorageError where only their checksums would say that."""
        return self._sealed(job).folder

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
        files = self._sealed(job)
        file, hint = files.folder / RECORD, f"delete {files.root} and run the same command again"
        record = read_model(GenerateRecord, file, remedy=hint)
        if record.id != job:
            raise StorageError(f"{file} is the record of another job, {record.id}", hint=hint)
        return record

    def open(self, job: str) -> PatchStore:
        """Open the patches of a finished job. Raises StoreError where they are missing or damaged, or not generated."""
        path = self._path(job)
        store = PatchStore.open(path) if isinstance(path, Path) else open_remote(ObjectSource(path), path)
        if not store.generated:
            raise StoreError(
                f"{store.path} is not marked as generated", hint="delete it and run the same command again"
            )
        return store

    def has_record(self, job: str) -> bool:
        """Whether a job has a record, even if damaged. Raises StorageError where that cannot be seen."""
        return self._sealed(job).is_there()

    def read_files(self, job: str) -> dict[str, bytes]:
        """Read all files of a finished job, by name, once they are checked.

        Raises:
            StorageError: a file is not what was written, by its checksum where there are some.
            StoreError: the patches are damaged, by their fingerprint.
        """
        self.read(job)  # that it is the record of this job
        files, store = self._sealed(job), self.open(job)
        if faults := content_faults(store):
            raise StoreError(f"{store.path} is damaged: {faults[0]}", hint=f"delete {files.root}: it is made anew")
        if file_exists(files.root / SUMS):
            return {name: files.read(name, max_bytes=MAX_FILE) for name in files.names}
        names = [entry.name for entry in folder_entries(files.folder) if SAFE_NAME.fullmatch(entry.name)]
        return {name: read_bytes(files.folder / name, max_bytes=MAX_FILE) for name in names}

    def _path(self, job: str) -> AnyPath:
        """As ``path``, with the error of a store."""
        try:
            return self.path(job)
        except (DeniedError, DiskError):
            raise
        except StorageError as error:
            raise StoreError(error.template, hint=error.hint_template) from error

    def _sealed(self, job: str) -> SealedFolder:
        return SealedFolder(self.root / safe_name(job, "generate job"), needed=NEEDED)

    def write(self, job: str, files: Mapping[str, bytes]) -> None:
        """Write a finished job's files at once, unless another run made them first; runs wait for each other here.

        Raises StorageError; what was there is then kept.
        """
        name = safe_name(job, "generate job")
        content = {safe_name(name, "file"): data for name, data in files.items()}
        if isinstance(self.root, ObjectPath):
            if not self.is_finished(job):
                write_sealed(self.root / name, content, replace=self._sealed(job).is_there())
            return
        with exclusive(self.root / f".{job}.lock"):
            if not self.is_finished(job):
                write_folder(self.root / name, content)

    def sweep(self) -> None:
        """Remove what killed writers left half-written."""
        sweep_partial(self.root)

    def check_writable(self) -> None:
        """Raise StorageError where nothing can be written: better before a generator is trained than after."""
        if isinstance(self.root, ObjectPath):
            check_put_if_absent(self.root)
        else:
            with exclusive(self.root / ".probe.lock"):
                pass


def run_folder(out: AnyPath, name: str) -> tuple[Ledger, Artifacts]:
    """Return the ledger of a run, and the generated patches beside it. Raises UsageError for the name of these."""
    if name == FOLDER:
        raise UsageError(
            f"a study cannot be called {name!r}: its run would lie where generated patches are kept",
            hint="give it another name with the key 'study'",
        )
    return Ledger(out / name), Artifacts(out / FOLDER)

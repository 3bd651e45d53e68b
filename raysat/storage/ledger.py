"""The ledger: the folder of finished records, the only thing that training and reporting share.

    <out>/<study>/study.yaml            the study as given
                  plan.json             arms, their trials, what they cost
                  trials/<id>/          one finished trial
                      spec.json         configuration, seed and data it is the result of
                      record.json       metrics, timing, versions, hardware
                      history.csv       one row per epoch
                      predictions.npz   on the reported split: labels (N,) uint8, predicted (N,) uint8,
                                        probabilities (N, K) float16, indices (N,) int64 of the store
                      model.pt          state_dict alone
                      SHA256SUMS        checksums of these, for ``sha256sum -c`` and ``raysat ledger verify``
                  failures/<id>.json    why a trial failed; gone once it succeeds
                  checkpoints/          of trials that are not finished (``checkpoints.py``)
                  progress.json         how far the run that fills it is, for ``raysat status``
                  .lock                 held by the one raysat that fills the run

A trial's folder is written under a temporary name, synced and renamed, so a half-written record is never taken for a
finished one. One that replaces another moves it to a backup first, which is read until the new one is in place.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from raysat.errors import FormatError, StorageError
from raysat.files import (
    check_real_folder,
    current_folder,
    file_exists,
    folder_entries,
    read_model,
    remove_file,
    safe_name,
    sweep_partial,
    write_atomic,
    write_folder,
)
from raysat.storage.checkpoints import Checkpoints
from raysat.storage.lock import locked
from raysat.storage.plan_file import PlanFile
from raysat.storage.predictions import Predictions, decode_predictions
from raysat.storage.records import Failure, Record, TrialSpec

_M = TypeVar("_M", bound=BaseModel)
SUMS: Final = "SHA256SUMS"
_BESIDE_RECORD: Final = ("spec.json", "history.csv", "predictions.npz", "model.pt", SUMS)


class Ledger:
    """Reads and writes the records of one study's run."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.checkpoints = Checkpoints(self.root)
        self.progress = self.root / "progress.json"

    @classmethod
    def open(cls, root: Path | str) -> Ledger:
        """Open the ledger of a run. Raises StorageError where the folder is not one."""
        ledger = cls(root)
        if not file_exists(ledger.root / "plan.json"):
            inside = [run.name for run in folder_entries(ledger.root) if _is_run(Path(run))]
            hint = (
                f"it holds the runs {', '.join(inside)}: name one" if inside else "give what ablate wrote: runs/<study>"
            )
            raise StorageError(f"{root} is not a run (no plan.json)", hint=hint)
        return ledger

    def lock(self, waiting: Callable[[str], None] | None = None) -> AbstractContextManager[None]:
        """Hold the run while it is filled; ``write`` needs no lock of its own where the driver of its run holds this.

        Where another process holds it, raises StorageError or, given ``waiting``, calls that with who it is and waits.
        A process that dies lets go of it. Raises StorageError, too, as ``check_folders``.
        """
        self.check_folders()
        return locked(self.root, waiting)

    def check_folders(self) -> None:
        """Raise StorageError where a folder of the run is a link: what is written and deleted there lies elsewhere."""
        for folder in self._folders:
            check_real_folder(folder)

    @property
    def _folders(self) -> tuple[Path, ...]:
        return self.root / "trials", self.root / "failures", self.checkpoints.root

    def sweep(self) -> None:
        """Remove what killed writers left half-written."""
        for folder in (self.root, *self._folders):
            if not folder.is_symlink() or folder == self.root:
                sweep_partial(folder)

    def write_plan(self, study_text: str, plan: PlanFile) -> None:
        """Write the study as given and its plan."""
        write_atomic(self.root / "study.yaml", study_text)
        write_atomic(self.root / "plan.json", plan.model_dump_json(indent=1))

    def read_plan(self) -> PlanFile:
        """Read the plan. Raises StorageError where it is missing or damaged."""
        return self._read(PlanFile, self.root / "plan.json")

    def is_finished(self, trial_id: str) -> bool:
        """Whether a trial has a record that can be read, with all files beside it; else it is to be trained again.

        Raises FormatError for the record of another raysat, which is not to be replaced.
        """
        folder = self._finished(trial_id)
        try:
            self.read(trial_id)
        except FormatError:
            raise
        except StorageError:
            return False
        return all((folder / name).is_file() for name in _BESIDE_RECORD)

    def has_record(self, trial_id: str) -> bool:
        """Whether a trial has a record, even if damaged: what ``read`` has something to say of."""
        return (self._finished(trial_id) / "record.json").is_file()

    def read(self, trial_id: str) -> Record:
        """Read a finished record. Raises StorageError where it is missing or damaged."""
        file = self._finished(trial_id) / "record.json"
        record = self._read(Record, file)
        if record.id != trial_id:
            raise StorageError(f"{file} is the record of another trial, {record.id}", hint=_again(file))
        return record

    def read_spec(self, trial_id: str) -> TrialSpec:
        """Read what a finished trial is the result of. Raises StorageError, as ``read``."""
        return self._read(TrialSpec, self._finished(trial_id) / "spec.json")

    def read_history(self, trial_id: str) -> list[dict[str, float]]:
        """Read the learning curve of a finished trial, a row per epoch without empty cells. Raises StorageError."""
        file = self._finished(trial_id) / "history.csv"
        try:
            with file.open(encoding="utf-8", newline="") as text:
                rows = list(csv.DictReader(text))
            return [{key: float(value) for key, value in row.items() if value} for row in rows]
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(f"{file} cannot be read: {error}", hint=_again(file)) from error

    def read_predictions(self, trial_id: str) -> Predictions:
        """Read the predictions of a finished trial. Raises StorageError where they are missing or damaged."""
        file = self._finished(trial_id) / "predictions.npz"
        try:
            predictions = decode_predictions(file)
        except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise StorageError(f"{file} cannot be read: {error}", hint=_again(file)) from error
        if (fault := predictions.fault()) is not None:
            raise StorageError(f"{file} is damaged: {fault}", hint=_again(file))
        return predictions

    def write(self, trial_id: str, files: Mapping[str, bytes]) -> None:
        """Write a finished trial's files at once, its record among them; clears an earlier failure.

        An earlier record of the trial is replaced, and stays where that fails midway. Raises StorageError.
        """
        if "record.json" not in files:
            raise StorageError(f"trial {trial_id} has no record.json to write")
        content = {safe_name(name, "file"): data for name, data in files.items()}
        sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in content.items())
        write_folder(self._trial(trial_id), {**content, SUMS: sums.encode()})
        self.clear_failure(trial_id)

    def clear_failure(self, job: str) -> None:
        """Forget an earlier failure of a job that is finished now."""
        with suppress(StorageError):  # a record outranks a failure
            remove_file(self._failure(job), self.root)

    def write_failure(self, failure: Failure) -> None:
        """Record why a job failed."""
        write_atomic(self._failure(failure.id), failure.model_dump_json(indent=1))

    def read_failure(self, trial_id: str) -> Failure | None:
        """Return why a trial failed, or None. Raises StorageError where that is damaged."""
        file = self._failure(trial_id)
        return self._read(Failure, file) if file.is_file() else None

    def _read(self, model: type[_M], file: Path) -> _M:
        return read_model(model, file, remedy=_again(file))

    def _trial(self, trial_id: str) -> Path:
        return self.root / "trials" / safe_name(trial_id, "trial")

    def _finished(self, trial_id: str) -> Path:
        return current_folder(self._trial(trial_id), "record.json")

    def _failure(self, trial_id: str) -> Path:
        return self.root / "failures" / f"{safe_name(trial_id, 'trial')}.json"


def _is_run(folder: Path) -> bool:
    try:
        return file_exists(folder / "plan.json")
    except StorageError:  # another's folder
        return False


def _again(path: Path) -> str:
    """A trial's folder is whole or worthless; other files are written anew by every run."""
    lost = path.parent if path.parent.parent.name == "trials" else path
    return f"delete {lost} and run the study again"

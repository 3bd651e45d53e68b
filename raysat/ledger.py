"""The ledger: the folder of finished records, the only thing that training and reporting share.

    <out>/<study>/study.yaml            the study as given
                  plan.json             arms, their trials, what they cost
                  trials/<id>/          one finished trial
                      spec.json         configuration, seed and data it is the result of
                      record.json       metrics, timing, versions, hardware
                      history.csv       one row per epoch
                      predictions.npz   labels (N,) uint8, probabilities (N, K) float16, indices (N,) of the store
                      model.pt          state_dict alone
                  failures/<id>.json    why a trial failed; gone once it succeeds

A trial's folder is written under a temporary name, synced and renamed, so a half-written record is never taken for a
finished one.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from raysat.errors import LedgerError
from raysat.metrics import Metrics

_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Record(BaseModel):
    """What is known of a finished trial."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    reported: str  # the split that the leaderboard shows
    metrics: dict[str, Metrics]  # by split
    classes: tuple[str, ...]
    epochs: int
    images: int  # images trained on, forward passes of augmented views included
    seconds: float
    started: float  # seconds since the epoch, UTC
    parameters: int
    versions: dict[str, str]
    hardware: dict[str, Any]
    data: dict[str, Any]  # fingerprint and path of the store


class Failure(BaseModel):
    """Why a trial failed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    error: str
    hint: str | None = None
    traceback: str | None = None
    time: float


def safe_name(name: str, what: str) -> str:
    """Return a name that is safe as a file name, or raise LedgerError."""
    if not _SAFE_NAME.fullmatch(name):
        raise LedgerError(
            f"{what} {name!r} cannot name a folder",
            hint="use letters, digits, '.', '_' and '-', starting with a letter or digit",
        )
    return name


class Ledger:
    """Reads and writes the records of one study's run."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    @classmethod
    def open(cls, root: Path | str) -> Ledger:
        """Open the ledger of a run. Raises LedgerError where the folder is not one."""
        ledger = cls(root)
        if not (ledger.root / "plan.json").is_file():
            raise LedgerError(
                f"{root} is not a run (no plan.json)", hint="give the folder that ablate wrote: runs/<study>"
            )
        return ledger

    def write_plan(self, study_text: str, plan: Mapping[str, Any]) -> None:
        """Write the study as given and its plan."""
        self.root.mkdir(parents=True, exist_ok=True)
        write_atomic(self.root / "study.yaml", study_text)
        write_atomic(self.root / "plan.json", json.dumps(plan, indent=1))

    def read_plan(self) -> dict[str, Any]:
        """Read the plan."""
        return _read_json(self.root / "plan.json")

    def is_finished(self, trial_id: str) -> bool:
        """Whether a trial has a finished record."""
        return (self._trial(trial_id) / "record.json").is_file()

    def read(self, trial_id: str) -> Record:
        """Read a finished record. Raises LedgerError where it is missing or damaged."""
        file = self._trial(trial_id) / "record.json"
        try:
            return Record.model_validate(_read_json(file))
        except ValidationError as error:
            raise LedgerError(
                f"{file} is damaged: {error.errors()[0]['msg']}", hint="delete its folder and run again"
            ) from error

    def read_predictions(self, trial_id: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]]:
        """Return labels (N,) and probabilities (N, K) on the reported split."""
        file = self._trial(trial_id) / "predictions.npz"
        try:
            with np.load(file, allow_pickle=False) as saved:
                return saved["labels"], saved["probabilities"]
        except (OSError, KeyError, ValueError) as error:
            raise LedgerError(f"{file} cannot be read: {error}") from error

    def write(self, trial_id: str, files: Mapping[str, bytes]) -> None:
        """Write a finished trial's files at once, its record among them; clears an earlier failure."""
        if "record.json" not in files:
            raise LedgerError(f"trial {trial_id} has no record.json to write")
        target = self._trial(trial_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{trial_id}-", suffix=".partial", dir=target.parent))
        try:
            for name, content in files.items():
                with (work / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            work.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            work.rename(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise LedgerError(
                f"trial {trial_id} cannot be written to {target}: {error.strerror}", hint=_advice(error)
            ) from error
        finally:
            if work.exists():
                shutil.rmtree(work, ignore_errors=True)
        self._failure(trial_id).unlink(missing_ok=True)

    def write_failure(self, failure: Failure) -> None:
        """Record why a trial failed."""
        self._failure(failure.id).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._failure(failure.id), failure.model_dump_json(indent=1))

    def read_failure(self, trial_id: str) -> Failure | None:
        """Return why a trial failed, or None."""
        file = self._failure(trial_id)
        return Failure.model_validate(_read_json(file)) if file.is_file() else None

    def _trial(self, trial_id: str) -> Path:
        return self.root / "trials" / safe_name(trial_id, "trial")

    def _failure(self, trial_id: str) -> Path:
        return self.root / "failures" / f"{safe_name(trial_id, 'trial')}.json"


def write_atomic(path: Path, text: str) -> None:
    """Replace a text file at once: written beside it, synced, renamed. Raises LedgerError where that fails."""
    work = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with work.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        work.replace(path)
    except OSError as error:
        work.unlink(missing_ok=True)
        raise LedgerError(f"{path} cannot be written: {error.strerror}", hint=_advice(error)) from error


def _advice(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space and run the same command again: finished trials are kept"
    return "check the permissions of the output folder and run the same command again: finished trials are kept"


def _sync_folder(path: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LedgerError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise LedgerError(f"{path} is damaged: not a JSON object")
    return value

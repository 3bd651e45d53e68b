"""What was evaluated of a run's finished models later on: a folder for each evaluation and trial, beside the records.

    <run>/evaluations/<name>/<trial>/record.json      what was evaluated, on which patches, and what came out
                                     predictions.npz  of these patches, as a trial has it, where it is of predictions
                                     ...              further files of its kind
                                     SHA256SUMS       checksums, as a trial has it

A name says what is evaluated, ``haze-3`` or ``temperature``, so that what is missing can be told from what is there. A
folder is whole or not there (``sealed.py``). A record says of which weights it is: a trial that is trained again keeps
its id, and not what was evaluated of it. What is damaged or outdated is evaluated again: a model is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from raysat.data.corruptions import CORRUPTIONS, SEVERITIES
from raysat.errors import DeniedError, DiskError, FormatError, StorageError
from raysat.files import (
    SAFE_NAME,
    AnyPath,
    FileModel,
    as_path,
    check_real_folder,
    folder_entries,
    parse_model,
    safe_name,
)
from raysat.files.fields import Amount, Count, Id, Line, Time
from raysat.storage.explanations import Importance, Occlusion
from raysat.storage.npz import MAX_BYTES as PREDICTIONS_BYTES
from raysat.storage.predictions import Predictions, decode_predictions
from raysat.storage.sealed import MAX_FILE, RECORD, SealedFolder, write_sealed

FOLDER: Final = "evaluations"
PREDICTIONS: Final = "predictions.npz"
VALIDATION: Final = "validation.npz"  # predictions that something was calibrated on
_MAX_RECORD: Final = 16 << 20  # bytes

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # SHA-256


class Corrupted(FileModel):
    """The run's own patches, corrupted."""

    kind: Literal["corruption"] = "corruption"
    corruption: Id
    severity: Annotated[int, Field(ge=1, le=SEVERITIES)]
    version: Count  # of the corruption

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.corruption}-{self.severity}"


class OtherData(FileModel):
    """The patches of another store."""

    kind: Literal["data"] = "data"
    store: Line  # that it was called by
    fingerprint: Id
    split: Id

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"data-{self.fingerprint[:12]}-{self.split}"


class Temperature(FileModel):
    """The run's own patches, the model's logits divided by a temperature that was fitted to patches held out."""

    kind: Literal["temperature"] = "temperature"
    temperature: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    halved: bool  # where a store has no test patches: fitted to one half of val, and evaluated on the other
    fitted_to: Count  # patches
    nll_before: Amount  # of these, with temperature 1
    nll_after: Amount

    @property
    def name(self) -> str:
        """Of its folder."""
        return "temperature"


Subject = Annotated[Corrupted | OtherData | Temperature | Importance | Occlusion, Field(discriminator="kind")]


class EvaluationRecord(FileModel):
    """``record.json`` of an evaluation."""

    format: Literal[1] = 1
    trial: Id
    weights: Digest  # of its model.pt
    subject: Subject  # what was evaluated
    data: Line | None  # fingerprint of the store whose patches these are
    n: Annotated[int, Field(ge=1)]  # patches
    seconds: Amount
    ended: Time
    versions: dict[Line, Line]  # by package

    def is_current(self, weights: str) -> bool:
        """Whether it is of these weights, by their SHA-256, and of a corruption as it is now."""
        if isinstance(subject := self.subject, Corrupted):
            known = CORRUPTIONS.get(subject.corruption)
            if known is None or known.version != subject.version:
                return False
        return self.weights == weights


class Evaluations:
    """Reads and writes the evaluations of one run."""

    def __init__(self, run: AnyPath | str) -> None:
        """Take the folder of a run."""
        self.root = as_path(run) / FOLDER

    def folders(self) -> tuple[AnyPath, ...]:
        """Where folders of evaluations lie; none where the first of them is a link, and leads elsewhere."""
        inside = () if isinstance(self.root, Path) and self.root.is_symlink() else self.names()
        return (self.root, *(self.root / name for name in inside))

    def check_folders(self) -> None:
        """Raise StorageError where a folder is a link: what is written and deleted there lies elsewhere."""
        for folder in self.folders():
            check_real_folder(folder)

    def names(self) -> tuple[str, ...]:
        """What was evaluated of some trial."""
        return tuple(entry.name for entry in folder_entries(self.root) if SAFE_NAME.fullmatch(entry.name))

    def trials(self, name: str) -> tuple[str, ...]:
        """Trials with a folder in an evaluation, whole or not."""
        entries = folder_entries(self.root / safe_name(name, "evaluation"))
        return tuple(entry.name for entry in entries if SAFE_NAME.fullmatch(entry.name))

    def sealed(self, name: str, trial: str) -> SealedFolder:
        """The files of an evaluation of a trial."""
        return SealedFolder(self._folder(name, trial), needed=(RECORD,))

    def has(self, name: str, trial: str) -> bool:
        """Whether a trial has an evaluation, even a damaged one. Raises StorageError where that cannot be seen."""
        return self.sealed(name, trial).is_there()

    def read(self, name: str, trial: str) -> EvaluationRecord:
        """Read what came out. Raises StorageError where it is missing, damaged or not what was written."""
        files = self.sealed(name, trial)
        content, hint = files.read(RECORD, max_bytes=_MAX_RECORD), f"delete {files.root} and evaluate again"
        record = parse_model(EvaluationRecord, content, files.folder / RECORD, remedy=hint)
        if (record.subject.name, record.trial) != (name, trial):
            found = f"{record.subject.name} of trial {record.trial}"
            raise StorageError(f"{files.folder / RECORD} is of another evaluation, {found}", hint=hint)
        return record

    def read_whole(self, name: str, trial: str) -> EvaluationRecord:
        """Read what came out, as ``read``, where its other files are what was written, too."""
        record, files = self.read(name, trial), self.sealed(name, trial)
        for file in files.names:
            files.check(file)
        return record

    def read_predictions(self, name: str, trial: str, file: str = PREDICTIONS) -> Predictions:
        """Read predictions of an evaluation.

        Args:
            name: of the evaluation.
            trial: whose.
            file: of its files.

        Returns:
            Predictions, whole.

        Raises:
            StorageError: as ``read``.
        """
        files = self.sealed(name, trial)
        try:
            return decode_predictions(files.read(file, max_bytes=PREDICTIONS_BYTES))
        except (ValueError, KeyError) as error:
            why = f"it has no {file}" if isinstance(error, KeyError) else str(error)
            hint = f"delete {files.root} and evaluate again"
            raise StorageError(f"{files.root} is damaged: {why}", hint=hint) from error

    def read_files(self, name: str, trial: str) -> dict[str, bytes]:
        """Read all files of an evaluation, checked, by name. Raises StorageError, as ``read``."""
        self.read(name, trial)
        files = self.sealed(name, trial)
        return {file: files.read(file, max_bytes=MAX_FILE) for file in files.names}

    def damage(self, name: str, trial: str) -> str | None:
        """Why an evaluation is not whole, or None.

        Raises:
            FormatError: another raysat wrote it.
            DeniedError: this user may not read it.
            DiskError: the machine cannot.
        """
        try:
            self.read_whole(name, trial)
        except (DeniedError, DiskError, FormatError):
            raise
        except StorageError as error:
            return error.message
        return None

    def write(self, record: EvaluationRecord, files: Mapping[str, bytes]) -> None:
        """Write an evaluation at once; one that is there is replaced.

        Args:
            record: what came out.
            files: its other files, by name.

        Raises:
            DiskError: it cannot be written; what was there is kept.
        """
        content = {safe_name(file, "file"): data for file, data in files.items()}
        content[RECORD] = record.model_dump_json(indent=1).encode()
        name, trial = record.subject.name, record.trial
        write_sealed(self._folder(name, trial), content, replace=self.has(name, trial))

    def _folder(self, name: str, trial: str) -> AnyPath:
        return self.root / safe_name(name, "evaluation") / safe_name(trial, "trial")

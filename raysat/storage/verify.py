"""Looks a run's folder over: checksums, records that nothing asks for, and what killed processes left half-written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from raysat.errors import DeniedError, DiskError, FormatError, StorageError
from raysat.files import AnyPath, ObjectPath, backup_path, file_exists, folder_entries, is_abandoned, map_at_once
from raysat.storage import places
from raysat.storage.evaluations import Evaluations
from raysat.storage.ledger import Ledger
from raysat.storage.mark import is_mark
from raysat.storage.places import read_places
from raysat.storage.sealed import ATTEMPT, FILES, RECORD, SealedFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in a run's folder that should not be there as it is."""

    # Damaged and leftover are of no use; an orphan is whole, and the study that ran last did not ask for it.
    kind: Literal["damaged", "leftover", "orphan"]
    path: AnyPath
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a look over a run found."""

    whole: int  # records
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What is damaged or left over; an orphan is neither."""
        return tuple(found for found in self.findings if found.kind != "orphan")


def verify(ledger: Ledger) -> Verification:
    """Look a run over: how many whole records it holds, and what is wrong. Raises StorageError without a plan."""
    ledger.check_folders()
    plan = ledger.read_plan()
    asked = set(plan.trial_ids)
    whole, trials = check_records(ledger, asked)
    left = [path for path in _entries(ledger.root) if path.name.endswith(".partial") and not is_mark(path.name)]
    half_written = [_leftover(path, "half-written") for path in left if not is_being_written(path)]
    failures = _failures(ledger, asked | {job.id for job in plan.generate})
    findings = (
        *half_written,
        *_places(ledger),
        *trials,
        *failures,
        *_checkpoints(ledger, asked),
        *check_evaluations(ledger, asked),
    )
    ledger.index.forget({found.path.name for found in findings if found.kind == "damaged"})
    return Verification(whole=whole, findings=findings)


def check_records(ledger: Ledger, asked: Collection[str] | None) -> tuple[int, list[Finding]]:
    """Look records over.

    Args:
        ledger: holds them.
        asked: trials that somebody asks for, others are orphans; None where that is not known.

    Returns:
        How many are whole, and what is wrong.

    Raises:
        StorageError: that cannot be seen.
    """
    folders = _entries(ledger.root / "trials")
    trials = map_at_once(ledger.root, lambda folder: _trial(ledger, folder, asked), folders)
    is_whole = [found is None or found.kind == "orphan" for found in trials]
    whole = sum(whole for whole, folder in zip(is_whole, folders, strict=True) if not is_being_written(folder))
    others = [found for of in map_at_once(ledger.root, attempts, folders) for found in of]
    return whole, [*filter(None, trials), *others]


def is_being_written(path: AnyPath) -> bool:
    """Whether a process writes what is half-written on a disk; of an object store that cannot be told."""
    return isinstance(path, Path) and path.name.endswith(".partial") and not is_abandoned(path)


def _leftover(path: AnyPath, what: str) -> Finding:
    return Finding(kind="leftover", path=path, what=what)


def _trial(ledger: Ledger, folder: AnyPath, asked: Collection[str] | None) -> Finding | None:
    """What is wrong with an entry of ``trials/``."""
    name = folder.name
    if is_being_written(folder):
        return None
    if isinstance(folder, ObjectPath):
        if not SealedFolder(folder).is_there():
            return _leftover(folder, "half-written")
    elif name.startswith("."):
        target = folder.parent / name.removeprefix(".").removesuffix(".replaced")
        if folder != backup_path(target) or file_exists(target / "record.json"):
            return _leftover(folder, "half-written or replaced")
        name = target.name  # its replacement was killed midway: it is still the record that is read
    if (wrong := _wrong(ledger, name, folder)) is not None:
        return Finding(kind="damaged", path=folder, what=wrong)
    if asked is not None and name not in asked:
        return Finding(kind="orphan", path=folder, what="a whole record that is not asked for")
    return None


def attempts(folder: AnyPath, needed: Collection[str] = FILES) -> list[Finding]:
    """What attempts left in an object store that did not finish the work, or not first; ``needed`` are its files."""
    if not isinstance(folder, ObjectPath):
        return []
    files = SealedFolder(folder, needed=needed)
    try:
        record = files.folder if files.is_there() else folder
    except StorageError:  # damaged, which is said, and deleted whole
        return []
    others = [path for path in _entries(folder) if record not in (folder, path) and ATTEMPT.fullmatch(path.name)]
    return [_leftover(path, "half-written, or written after another had finished the work") for path in others]


def _places(ledger: Ledger) -> Iterator[Finding]:
    try:
        read_places(ledger)
    except (DeniedError, DiskError):
        raise
    except StorageError as error:
        path = ledger.root / places.FILE
        yield Finding(kind="damaged", path=path, what=error.message.removeprefix(f"{path} "))


def _failures(ledger: Ledger, known: Collection[str]) -> Iterator[Finding]:
    for file in _entries(ledger.root / "failures"):
        if is_being_written(file):
            continue
        if file.name.startswith("."):
            yield _leftover(file, "half-written")
        elif file.stem not in known:
            yield _leftover(file, "a failure that the study does not ask about")
        elif ledger.is_finished(file.stem):
            yield _leftover(file, "a failure of a trial that is finished now")
        elif (wrong := _wrong_failure(ledger, file)) is not None:
            yield Finding(kind="damaged", path=file, what=wrong)


def _wrong_failure(ledger: Ledger, file: AnyPath) -> str | None:
    try:
        failure = ledger.read_failure(file.stem)
    except (DeniedError, DiskError, FormatError):
        raise
    except StorageError as error:
        return error.message.removeprefix(f"{file} ")
    return None if failure is not None and failure.id == file.stem else "no record of why a trial failed"


def _checkpoints(ledger: Ledger, asked: Collection[str]) -> Iterator[Finding]:
    files = _entries(ledger.checkpoints.root)
    all_finished = bool(files) and all(ledger.is_finished(trial) for trial in asked)
    names = set(ledger.checkpoints.names())
    for file in files:
        if is_being_written(file):
            continue
        if file.name.startswith("."):
            yield _leftover(file, "half-written")
        elif file.name not in names:
            yield _leftover(file, "no checkpoint")
        elif all_finished:
            yield _leftover(file, "a checkpoint, and all trials are finished")
        elif not ledger.checkpoints.is_whole(file.name):
            yield Finding(kind="damaged", path=file, what="a checkpoint whose checksum is wrong")


def check_evaluations(ledger: Ledger, asked: Collection[str]) -> list[Finding]:
    """Look evaluations over: an orphan is of a trial that nobody asks for. Raises StorageError as ``check_records``."""
    kept = Evaluations(ledger.root)
    places = [(name, folder) for name in kept.names() for folder in _entries(kept.root / name)]

    def look(place: tuple[str, AnyPath]) -> Finding | None:
        name, folder = place
        if is_being_written(folder):
            return None
        if folder.name.startswith(".") or (isinstance(folder, ObjectPath) and not kept.has(name, folder.name)):
            return _leftover(folder, "half-written or replaced")
        if (wrong := kept.damage(name, folder.name)) is not None:
            return Finding(kind="damaged", path=folder, what=f"an evaluation: {wrong.removeprefix(f'{folder}/')}")
        if folder.name not in asked:
            return Finding(kind="orphan", path=folder, what="a whole evaluation of a trial that is not asked for")
        if _is_outdated(ledger, name, folder.name):
            return _leftover(folder, "an evaluation of other weights than the trial has now, or of an older corruption")
        return None

    found = [*filter(None, map_at_once(ledger.root, look, places))]
    bad = {finding.path for finding in found}
    others = (folder for _, folder in places if folder not in bad)
    return [*found, *(each for folder in others for each in attempts(folder, (RECORD,)))]


def _is_outdated(ledger: Ledger, name: str, trial: str) -> bool:
    """Whether a whole evaluation is not of what there is now; not where its trial is damaged, which is said of that."""
    try:
        weights = ledger.weights_digest(trial)
    except (DeniedError, DiskError):
        raise
    except StorageError:
        return False
    return not Evaluations(ledger.root).read(name, trial).is_current(weights)


def _wrong(ledger: Ledger, trial: str, folder: AnyPath) -> str | None:
    """Say what is wrong with a trial's files, or nothing."""
    try:
        if not ledger.has_record(trial):
            return "it has no record.json"
        wrong = ledger.damage(trial)
        if wrong is None:
            ledger.check_weights(trial)
            wrong = contradiction(ledger, trial)
    except (DeniedError, DiskError, FormatError):
        raise
    except StorageError as error:
        wrong = error.message
    return None if wrong is None else wrong.removeprefix(f"{folder}/")


def contradiction(ledger: Ledger, trial: str) -> str | None:
    """Say why a record cannot be what it says, or nothing; checksums fit whatever was written. Raises StorageError."""
    ledger.read_spec(trial)
    ledger.read_history(trial)
    record, predictions = ledger.read(trial), ledger.read_predictions(trial)
    same = predictions.metrics() == record.metrics[record.reported]
    return None if same else "its metrics are not those of its predictions"


def _entries(folder: AnyPath) -> list[AnyPath]:
    return [folder / entry.name for entry in folder_entries(folder)]

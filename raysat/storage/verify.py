"""Looks a run's folder over: checksums, records that nothing asks for, and what killed processes left half-written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

from raysat.errors import DeniedError, DiskError, FormatError, StorageError
from raysat.files import AnyPath, ObjectPath, backup_path, file_exists, folder_entries, map_at_once, remove_tree
from raysat.storage.ledger import Ledger
from raysat.storage.mark import is_mark
from raysat.storage.sealed import ATTEMPT, SealedFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in a run's folder that should not be there as it is."""

    # Damaged and leftover are of no use; an orphan is a whole record that the last study did not ask for.
    kind: Literal["damaged", "leftover", "orphan"]
    path: AnyPath
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a look over a run found."""

    whole: int  # records
    findings: tuple[Finding, ...]
    removed: tuple[Finding, ...]  # of these

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What is still damaged or left over; an orphan is neither."""
        return tuple(found for found in self.findings if found.kind != "orphan" and found not in self.removed)


def verify(ledger: Ledger, *, clean: bool = False, orphans: bool = False) -> Verification:
    """Look a run over, and delete what is of no use where that is asked for.

    Args:
        ledger: of the run.
        clean: delete what is damaged or left over; no other process may fill the run meanwhile.
        orphans: with ``clean``: delete whole records too that the last study did not ask for.

    Returns:
        What was found, and what of it is gone.

    Raises:
        StorageError: there is no plan, another process holds the run, or something cannot be deleted.
    """
    with ledger.lock() if clean else nullcontext():
        whole, findings = check(ledger)
        removed = tuple(found for found in findings if clean and (found.kind != "orphan" or orphans))
        ledger.index.forget({found.path.name for found in findings if found.kind == "damaged"})
        for found in removed:
            remove_tree(found.path, ledger.root)
    return Verification(whole=whole, findings=tuple(findings), removed=removed)


def check(ledger: Ledger) -> tuple[int, list[Finding]]:
    """Look a run over: how many whole records it holds, and what is wrong. Raises StorageError without a plan."""
    ledger.check_folders()
    plan = ledger.read_plan()
    asked = set(plan.trial_ids)
    folders = _entries(ledger.root / "trials")
    trials = map_at_once(ledger.root, lambda folder: _trial(ledger, folder, asked), folders)
    whole = sum(finding is None or finding.kind == "orphan" for finding in trials)
    attempts = [found for of in map_at_once(ledger.root, _attempts, folders) for found in of]
    names = {path.name: path for path in _entries(ledger.root)}
    left = [name for name in names if name.startswith(".") and name.endswith(".partial") and not is_mark(name)]
    half_written = [_leftover(names[name], "half-written") for name in left]
    failures = _failures(ledger, asked | {job.id for job in plan.generate})
    return whole, [*half_written, *filter(None, trials), *attempts, *failures, *_checkpoints(ledger, asked)]


def _leftover(path: AnyPath, what: str) -> Finding:
    return Finding(kind="leftover", path=path, what=what)


def _trial(ledger: Ledger, folder: AnyPath, asked: Collection[str]) -> Finding | None:
    """What is wrong with an entry of ``trials/``."""
    name = folder.name
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
    if name not in asked:
        return Finding(kind="orphan", path=folder, what="a whole record that the last study did not ask for")
    return None


def _attempts(folder: AnyPath) -> list[Finding]:
    """What attempts left in an object store that did not finish a trial, or not first."""
    if not isinstance(folder, ObjectPath):
        return []
    files = SealedFolder(folder)
    try:
        record = files.folder if files.is_there() else folder
    except StorageError:  # damaged, which is said, and deleted whole
        return []
    others = [path for path in _entries(folder) if record not in (folder, path) and ATTEMPT.fullmatch(path.name)]
    return [_leftover(path, "half-written, or written after another had finished the trial") for path in others]


def _failures(ledger: Ledger, known: Collection[str]) -> Iterator[Finding]:
    for file in _entries(ledger.root / "failures"):
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
        if file.name.startswith("."):
            yield _leftover(file, "half-written")
        elif file.name not in names:
            yield _leftover(file, "no checkpoint")
        elif all_finished:
            yield _leftover(file, "a checkpoint, and all trials are finished")
        elif not ledger.checkpoints.is_whole(file.name):
            yield Finding(kind="damaged", path=file, what="a checkpoint whose checksum is wrong")


def _wrong(ledger: Ledger, trial: str, folder: AnyPath) -> str | None:
    """Say what is wrong with a trial's files, or nothing."""
    try:
        if not ledger.has_record(trial):
            return "it has no record.json"
        wrong = ledger.damage(trial) or _differing(ledger, trial)
    except (DeniedError, DiskError, FormatError):
        raise
    except StorageError as error:
        wrong = error.message
    return None if wrong is None else wrong.removeprefix(f"{folder}/")


def _differing(ledger: Ledger, trial: str) -> str | None:
    """Read what ``damage`` does not, and compare a record with its predictions. Raises StorageError."""
    ledger.check_weights(trial)
    ledger.read_spec(trial)
    ledger.read_history(trial)
    record, predictions = ledger.read(trial), ledger.read_predictions(trial)
    same = predictions.metrics() == record.metrics[record.reported]
    return None if same else "its metrics are not those of its predictions"


def _entries(folder: AnyPath) -> list[AnyPath]:
    return [folder / entry.name for entry in folder_entries(folder)]

"""Brings a run home or up: from a disk or an object store to another, every file checked by its hash on the way.

What is copied: the study and its plan, finished records, evaluations of their models, failures, generated patches that
the plan refers to, and what ``ablate``, ``tune`` and ``report`` wrote. What is not: checkpoints, and what lives only as
long as a run is filled. A record is there whole or not at all, in the layout of where it lies (``sealed.py``); one that
is there is not copied again, so a copy that ended early goes on.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from raysat.errors import DeniedError, DiskError, FormatError, RaysatError, StorageError, UsageError
from raysat.files import (
    SAFE_NAME,
    AnyPath,
    ObjectPath,
    absolute,
    check_real_folder,
    file_exists,
    folder_entries,
    read_bytes,
    write_atomic,
)
from raysat.formatting import plural
from raysat.storage import checkpoints, event_log, index, lease, places, plugins
from raysat.storage.artifacts import FOLDER as GENERATED
from raysat.storage.artifacts import Artifacts
from raysat.storage.evaluations import Evaluations
from raysat.storage.ledger import Ledger
from raysat.storage.sealed import MAX_FILE, RECORD, SealedFolder

Copying = Callable[[str, int, int], None]  # is told what is copied, how many are done, and of how many
_AT_ONCE: Final = 4  # records, each of which is held in memory
_MAX_WRITTEN: Final = 1 << 30  # bytes of a file of a report
_PLAN: Final = ("study.yaml", places.FILE, "plan.json")
_WRITTEN_IN: Final = (
    event_log.FOLDER,
    plugins.FOLDER,
    "figures",
    "report",
    "report/figures",
)  # besides the run's folder itself
_FOR_A_WHILE: Final = frozenset({"progress.json", index.FILE})
_OF_NO_STUDY: Final = frozenset({checkpoints.FOLDER, lease.FOLDER})  # left where nothing was copied to


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of a copy."""

    path: AnyPath  # of the run
    records: int  # copied now
    kept: int  # that were there
    generators: int  # whose patches were copied now
    damaged: tuple[str, ...]  # why a record or patches were left out, one line each


def copy_run(source: Ledger, out: AnyPath, copying: Copying = lambda _what, _done, _of: None) -> Copied:
    """Copy a run.

    Args:
        source: the run.
        out: a folder of runs; the copy has the name that the run has.
        copying: is told how far it is.

    Returns:
        What was copied, and what was not since it is damaged.

    Raises:
        UsageError: the run has no name to go by, or would be copied to itself.
        StorageError: another study is there, or another raysat fills that run; a file is damaged without which there
            is no run.
        DiskError: something cannot be read or written.
    """
    name = absolute(source.root).name
    if not SAFE_NAME.fullmatch(name) or name == GENERATED:
        raise UsageError(f"the run {source.root} cannot be copied: no run can be called {name!r}", hint="rename it")
    target = Ledger(out / name)
    if absolute(target.root) == absolute(source.root):
        raise UsageError(f"{source.root} would be copied to itself", hint="name another folder of runs")
    source.check_folders()
    _check_same_study(source, target)
    with target.lock():
        for file in _PLAN:
            if file_exists(source.root / file):
                write_atomic(target.root / file, read_bytes(source.root / file, max_bytes=_MAX_WRITTEN))
        trials = [entry.name for entry in folder_entries(source.root / "trials") if SAFE_NAME.fullmatch(entry.name)]
        kept = target.finished(trials)
        missing = [trial for trial in trials if trial not in kept]
        records = _copy_all(partial(_copy_record, source, target), missing, partial(copying, "records"))
        evaluations = _evaluations(source, target, copying)
        generated = _generated(source, target, copying)
        _copy_failures(source, target)
        _copy_written(source.root, target.root, copying)
    return Copied(
        path=target.root,
        records=sum(fault is None for fault in records),
        kept=len(kept),
        generators=sum(fault is None for fault in generated),
        damaged=tuple(fault for fault in [*records, *evaluations, *generated] if fault is not None),
    )


def _check_same_study(source: Ledger, target: Ledger) -> None:
    """Raise StorageError where a copy would mix two studies."""
    hint = "name another folder of runs, or delete what is there"
    if not file_exists(target.root / _PLAN[0]):
        names = [entry.name for entry in folder_entries(target.root)]
        if others := [name for name in names if not name.startswith(".") and name not in _OF_NO_STUDY]:
            raise StorageError(f"{target.root} is no run, and holds {plural(len(others), 'other file')}", hint=hint)
    elif file_exists(target.root / "plan.json") and file_exists(source.root / "plan.json"):
        here, there = source.read_plan(), target.read_plan()
        if here.study != there.study or not set(there.trial_ids) <= set(here.trial_ids):
            raise StorageError(f"{target.root} holds another study: trials that {source.root} lacks", hint=hint)
    elif source.read_study_text() != target.read_study_text():
        raise StorageError(f"{target.root} holds another study than {source.root}", hint=hint)


def _copy_all(
    copy: Callable[[str], bool], names: Sequence[str], copying: Callable[[int, int], None]
) -> list[str | None]:
    """Copy several at a time. Returns, for each that is there, why it was left out or None."""
    copying(0, len(names))
    faults: list[str | None] = []
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for done, (is_there, fault) in enumerate(threads.map(partial(_tried, copy), names), start=1):
            if is_there:
                faults.append(fault)
            copying(done, len(names))
    return faults


def _tried(copy: Callable[[str], bool], name: str) -> tuple[bool, str | None]:
    """Copy one. Returns whether it is there, and why it was left out."""
    try:
        return copy(name), None
    except (DeniedError, DiskError, FormatError):
        raise
    except RaysatError as error:
        return True, error.message


def _copy_record(source: Ledger, target: Ledger, trial: str) -> bool:
    """Copy a record; false where there is none: a worker may be writing it."""
    sealed = SealedFolder(source.root / "trials" / trial)
    if not sealed.is_there():
        return False
    source.read(trial)  # that it is the record of this trial
    target.write(trial, {name: sealed.read(name, max_bytes=MAX_FILE) for name in sealed.names})
    return True


def _evaluations(source: Ledger, target: Ledger, copying: Copying) -> list[str | None]:
    """Copy evaluations of the weights that the copy has; one that is there as it is here is not copied again."""
    theirs, ours = Evaluations(source.root), Evaluations(target.root)
    places = {f"{name}/{trial}": (name, trial) for name in theirs.names() for trial in theirs.trials(name)}

    def copy(place: str) -> bool:
        name, trial = places[place]
        if not theirs.has(name, trial) or not target.has_record(trial):
            return False
        record = theirs.read(name, trial)
        if record.weights != target.weights_digest(trial):
            return False
        if ours.damage(name, trial) is not None or ours.read(name, trial) != record:
            files = theirs.read_files(name, trial)
            ours.write(record, {file: files[file] for file in files if file != RECORD})
        return True

    return _copy_all(copy, list(places), partial(copying, "evaluations")) if places else []


def _generated(source: Ledger, target: Ledger, copying: Copying) -> list[str | None]:
    if not file_exists(source.root / "plan.json"):
        return []
    patches, copies = Artifacts.beside(source.root), Artifacts.beside(target.root)
    jobs = [job.id for job in source.read_plan().generate if not copies.is_finished(job.id)]

    def copy(job: str) -> bool:
        if not patches.has_record(job):
            return False
        copies.write(job, patches.read_files(job))
        return True

    return _copy_all(copy, jobs, partial(copying, "generated patches")) if jobs else []


def _copy_failures(source: Ledger, target: Ledger) -> None:
    """Copy why jobs failed, the damaged excepted: those that are not finished fail again, or do not."""
    for entry in folder_entries(source.root / "failures"):
        job = entry.name.removesuffix(".json")
        if not SAFE_NAME.fullmatch(job) or target.has_record(job):
            continue
        try:
            failure = source.read_failure(job)
        except (DeniedError, DiskError, FormatError):
            raise
        except StorageError:
            continue
        if failure is not None and failure.id == job:
            target.write_failure(failure)


def _copy_written(source: AnyPath, target: AnyPath, copying: Copying) -> None:
    """Copy the leaderboard, the log of a search, reports; not what a link leads to."""
    for folder in _WRITTEN_IN:
        check_real_folder(source / folder)
        check_real_folder(target / folder)
    names = [name for folder in ("", *_WRITTEN_IN) for name in _files(source, folder)]
    names = [name for name in names if name not in {*_PLAN, *_FOR_A_WHILE}]
    for done, name in enumerate(names, start=1):
        write_atomic(target / name, read_bytes(source / name, max_bytes=_MAX_WRITTEN))
        copying("written files", done, len(names))


def _files(run: AnyPath, folder: str) -> list[str]:
    """The files in a folder of a run, by their path from there."""
    place, prefix = (run / folder, f"{folder}/") if folder else (run, "")
    entries = [entry for entry in folder_entries(place) if SAFE_NAME.fullmatch(entry.name)]
    if isinstance(place, ObjectPath):
        return [f"{prefix}{entry.name}" for entry in entries if file_exists(place / entry.name)]
    return [f"{prefix}{entry.name}" for entry in entries if stat.S_ISREG((place / entry.name).lstat().st_mode)]

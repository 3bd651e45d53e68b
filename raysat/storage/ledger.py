"""The ledger: finished records, in a folder or an object store: the only thing that training and reporting share.

    <out>/<study>/study.yaml, plan.json   the study as given; arms, their trials, what they cost
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
                  index.json, metrics.json   which records are whole, and their metrics, without reading them
                  plugins/, places.npz  methods of one's own, groups of patches (``plugins.py``, ``places.py``)
                  evaluations/          of its models, made later (``evaluations.py``)
                  events/               what happened, an event a line (``event_log.py``)
                  progress.json         how far the run that fills it is, for ``raysat status``
                  .lock, lease/         held by the one raysat that fills the run: on a disk, in an object store
                  .driver-*.partial     its mark, by which workers know its disk (``mark.py``)

A trial's folder is written under a temporary name, synced and renamed, so a half-written record is never taken for a
finished one. One that replaces another moves it to a backup first, which is read until the new one is in place.
In an object store the checksums, put last, make a record (``sealed.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final, TypeVar

from raysat.errors import DeniedError, DiskError, FormatError, StorageError
from raysat.files import (
    AnyPath,
    ObjectPath,
    as_path,
    check_real_folder,
    file_exists,
    folder_entries,
    map_at_once,
    parse_model,
    read_bytes,
    read_model,
    read_text,
    remove_file,
    safe_name,
    sweep_partial,
    write_atomic,
)
from raysat.formatting import visible_text
from raysat.storage import checkpoints, event_log
from raysat.storage.checkpoints import Checkpoints
from raysat.storage.evaluations import Evaluations
from raysat.storage.history import MAX_BYTES as HISTORY_BYTES
from raysat.storage.history import decode_history
from raysat.storage.index import RecordIndex
from raysat.storage.lease import Lease, leased
from raysat.storage.lock import locked
from raysat.storage.npz import MAX_BYTES as PREDICTIONS_BYTES
from raysat.storage.plan_file import PlanFile
from raysat.storage.predictions import Predictions, decode_predictions
from raysat.storage.records import Failure, Record, TrialSpec
from raysat.storage.sealed import FILES, MAX_FILE, RECORD, WEIGHTS, SealedFolder, again, write_sealed

_T = TypeVar("_T")
_FOLDERS: Final = ("trials", "failures", checkpoints.FOLDER, event_log.FOLDER)
_FEW: Final = 16  # trials that are looked at one by one
_MAX_STUDY: Final = 1 << 20  # bytes: a study file has at most a tenth of it
_MAX_JSON: Final = 16 << 20  # bytes of a record: metrics of 256 classes have a tenth of it


class Ledger:
    """Reads and writes the records of one study's run."""

    def __init__(self, root: AnyPath | str) -> None:
        self.root = as_path(root)
        self.checkpoints = Checkpoints(self.root, self.check_held)
        self.index = RecordIndex(self.root, self.root / "trials")
        self.progress = self.root / "progress.json"
        self._lease: Lease | None = None

    @classmethod
    def open(cls, root: AnyPath | str) -> Ledger:
        """Open the ledger of a run. Raises StorageError where the folder is not one."""
        ledger = cls(root)
        if not file_exists(ledger.root / "plan.json"):
            inside = [run.name for run in folder_entries(ledger.root) if _is_run(ledger.root / run.name)]
            names = ", ".join(inside)
            hint = f"it holds the runs {names}: name one" if inside else "give what ablate wrote: runs/<study>"
            raise StorageError(f"{ledger.root} is not a run (no plan.json)", hint=hint)
        return ledger

    def lock(self, waiting: Callable[[str], None] | None = None) -> AbstractContextManager[None]:
        """Hold the run while it is filled; ``write`` needs no lock of its own where the driver of its run holds this.

        Where another process holds it, raises StorageError or, given ``waiting``, calls that with who it is and waits.
        A process that dies lets go of it. Raises StorageError, too, as ``check_folders``.
        """
        self.check_folders()
        return self._leased(self.root, waiting) if isinstance(self.root, ObjectPath) else locked(self.root, waiting)

    @contextmanager
    def _leased(self, root: ObjectPath, waiting: Callable[[str], None] | None) -> Iterator[None]:
        with leased(root, waiting) as lease:
            self._lease = lease
            try:
                yield
            finally:
                self._lease = None

    def __getstate__(self) -> dict[str, object]:
        """A copy in another process holds nothing."""
        return self.__dict__ | {"_lease": None}

    def check_held(self) -> None:
        """Raise DiskError where another raysat has taken the run over that this process holds; before it writes."""
        if self._lease is not None:
            self._lease.check()

    def check_folders(self) -> None:
        """Raise StorageError where a folder of the run is a link: what is written and deleted there lies elsewhere."""
        for folder in self._folders:
            check_real_folder(folder)

    @property
    def _folders(self) -> tuple[AnyPath, ...]:
        return *(self.root / name for name in _FOLDERS), *Evaluations(self.root).folders()

    def sweep(self) -> None:
        """Remove what killed writers left half-written."""
        for folder in (self.root, *self._folders):
            if isinstance(folder, ObjectPath) or not folder.is_symlink() or folder == self.root:
                sweep_partial(folder)

    def write_plan(self, study_text: str, plan: PlanFile) -> None:
        """Write the study as given and its plan."""
        self.check_held()
        write_atomic(self.root / "study.yaml", study_text)
        write_atomic(self.root / "plan.json", plan.model_dump_json(indent=1))

    def read_plan(self) -> PlanFile:
        """Read the plan. Raises StorageError where it is missing or damaged."""
        file = self.root / "plan.json"
        return read_model(PlanFile, file, remedy=_delete(file))

    def read_study_text(self) -> str:
        """Read the study as it was given, to be shown; empty where it is missing or no text. Raises DeniedError."""
        try:
            return visible_text(read_text(self.root / "study.yaml", max_bytes=_MAX_STUDY))
        except DeniedError:
            raise
        except StorageError:
            return ""

    def is_finished(self, trial_id: str) -> bool:
        """Whether a trial has a whole record, as ``damage`` has it; else it is to be trained again."""
        return self.has_record(trial_id) and self.damage(trial_id) is None

    def finished(self, trials: Iterable[str]) -> dict[str, str | None]:
        """Return those of some trials that are finished; of many, only what the index lacks is read. Raises as above.

        Each has the stamp of its record; None where that may change unseen. A few are read one by one, without stamps:
        they are no reason to list a whole run.
        """
        trials = tuple(trials)
        if len(trials) > _FEW:
            return self.index.finished(trials, self.is_finished)
        are_finished = map_at_once(self.root, self.is_finished, trials)
        return {trial: None for trial, is_finished in zip(trials, are_finished, strict=True) if is_finished}

    def has_record(self, trial_id: str) -> bool:
        """Whether a trial has a record, even if damaged. Raises StorageError where that cannot be seen."""
        return self._sealed(trial_id).is_there()

    def damage(self, trial_id: str) -> str | None:
        """Why a trial's record is not whole, or None: its files are there, and what was written by their checksums.

        The weights alone are not read: that takes long, and ``ledger verify`` does. Raises FormatError where another
        raysat wrote the record, which is not to be replaced, DeniedError or DiskError where it cannot be read.
        """
        try:
            files = self._sealed(trial_id)
            self._read(trial_id, files)
            for name in FILES:
                if name not in {RECORD, WEIGHTS}:
                    files.check(name)
            if not file_exists(files.folder / WEIGHTS):
                return f"{files.folder / WEIGHTS} is missing"
        except (DeniedError, DiskError, FormatError):
            raise
        except StorageError as error:
            return error.message
        return None

    def read(self, trial_id: str) -> Record:
        """Read a finished record. Raises StorageError where it is missing, damaged or not what was written."""
        return self._read(trial_id, self._sealed(trial_id))

    def _read(self, trial_id: str, files: SealedFolder) -> Record:
        file, remedy = files.folder / RECORD, again(files.root)
        content = read_bytes(file, max_bytes=_MAX_JSON, remedy=remedy)
        record = parse_model(Record, content, file, remedy=remedy)  # first: it may be another raysat's
        if record.id != trial_id:
            raise StorageError(f"{file} is the record of another trial, {record.id}", hint=remedy)
        files.check_content(RECORD, content)
        return record

    def read_spec(self, trial_id: str) -> TrialSpec:
        """Read what a finished trial is the result of. Raises StorageError, as ``read``."""
        files = self._sealed(trial_id)
        content = files.read("spec.json", max_bytes=_MAX_JSON)
        return parse_model(TrialSpec, content, files.folder / "spec.json", remedy=again(files.root))

    def read_history(self, trial_id: str) -> list[dict[str, float]]:
        """Read the learning curve of a finished trial, a row per epoch without empty cells. Raises StorageError."""
        return self._decode(trial_id, "history.csv", decode_history, HISTORY_BYTES)

    def read_predictions(self, trial_id: str) -> Predictions:
        """Read the predictions of a finished trial. Raises StorageError, as ``read``."""
        return self._decode(trial_id, "predictions.npz", decode_predictions, PREDICTIONS_BYTES)

    def read_weights(self, trial_id: str) -> bytes:
        """Read ``model.pt`` of a finished trial, as it was written. Raises StorageError, as ``read``."""
        return self._sealed(trial_id).read(WEIGHTS, max_bytes=MAX_FILE)

    def weights_digest(self, trial_id: str) -> str:
        """The SHA-256 of the weights of a finished trial, as written with them. Raises StorageError, as ``read``."""
        return self._sealed(trial_id).digests[WEIGHTS]

    def check_weights(self, trial_id: str) -> None:
        """Raise StorageError where the weights of a finished trial are missing or not what was written."""
        self._sealed(trial_id).check(WEIGHTS)

    def write(self, trial_id: str, files: Mapping[str, bytes]) -> None:
        """Write a finished trial's files at once, its record among them; clears an earlier failure.

        Whoever is first finishes a trial: where a whole record is there, nothing is written. A damaged one is replaced,
        and stays where that fails midway. Raises StorageError.
        """
        if RECORD not in files:
            raise StorageError(f"trial {trial_id} has no record.json to write")
        content = {safe_name(name, "file"): data for name, data in files.items()}
        is_there = self.has_record(trial_id)
        if not is_there or self.damage(trial_id) is not None:
            write_sealed(self._trial(trial_id), content, replace=is_there)
        self.clear_failure(trial_id)

    def clear_failure(self, job: str) -> None:
        """Forget an earlier failure of a job that is finished now."""
        self.check_held()
        with suppress(StorageError):  # a record outranks a failure
            remove_file(self._failure(job), self.root)

    def clear_failures(self, jobs: Iterable[str]) -> None:
        """Forget the earlier failures of jobs that are to run now."""
        for job in self.failed().intersection(jobs):
            self.clear_failure(job)

    def write_failure(self, failure: Failure) -> None:
        """Record why a job failed."""
        self.check_held()
        write_atomic(self._failure(failure.id), failure.model_dump_json(indent=1))

    def read_failure(self, trial_id: str) -> Failure | None:
        """Return why a trial failed, or None. Raises StorageError where that is damaged."""
        file = self._failure(trial_id)
        return read_model(Failure, file, remedy=_delete(file)) if file_exists(file) else None

    def failed(self) -> frozenset[str]:
        """Return the jobs that have a failure, even if damaged. Raises StorageError where that cannot be seen."""
        names = (entry.name for entry in folder_entries(self.root / "failures"))
        return frozenset(name.removesuffix(".json") for name in names if name.endswith(".json"))

    def _decode(self, trial_id: str, name: str, decode: Callable[[bytes], _T], max_bytes: int) -> _T:
        files = self._sealed(trial_id)
        try:
            return decode(files.read(name, max_bytes=max_bytes))
        except ValueError as error:
            raise StorageError(f"{files.folder / name} is damaged: {error}", hint=again(files.root)) from error

    def _sealed(self, trial_id: str) -> SealedFolder:
        return SealedFolder(self._trial(trial_id))

    def _trial(self, trial_id: str) -> AnyPath:
        return self.root / "trials" / safe_name(trial_id, "trial")

    def _failure(self, trial_id: str) -> AnyPath:
        return self.root / "failures" / f"{safe_name(trial_id, 'trial')}.json"


def _is_run(folder: AnyPath) -> bool:
    try:
        return file_exists(folder / "plan.json")
    except StorageError:  # another's folder
        return False


def _delete(file: AnyPath) -> str:
    return f"delete {file} and run the study again, which writes it anew"

"""What a search has tried: ``search.json`` in its run, whole after every candidate, and the order of what it found.

A candidate is finished (its record is in the ledger), stopped early, failed, or running: one that was running when the
search was interrupted is the first to run again.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from raysat.config.diff import flatten, label
from raysat.config.schema import Config, canonical_json
from raysat.data.store import SPLITS, PatchStore
from raysat.errors import PlanError, StorageError
from raysat.files import AnyPath, FileModel, file_exists, read_model, write_atomic
from raysat.files.fields import Amount, Count, Id, Line, Number, Seed, Share, Whole
from raysat.search import LOG_FILE
from raysat.search.load import Search
from raysat.search.options import Budget, Pruning, Sampling
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record

FILE: Final = LOG_FILE
_REMEDY: Final = "delete it and run the search again; finished trials stay"
BASE: Final = 0  # number of the candidate that is the base
MOST: Final = 1_000_000  # candidates of a search that hours alone bound


class Score(FileModel):
    """What counts of a candidate on one split."""

    balanced_accuracy: Share
    icv: Amount


class Candidate(FileModel):
    """One configuration that a search tries; number 0 is the base."""

    number: Annotated[int, Field(ge=0, lt=MOST)]
    job: Id  # in the ledger
    params: dict[Line, Number | Whole] | None = Field(alias="drawn")  # None for a base that lies outside the space
    config: Config
    state: Literal["running", "finished", "stopped", "failed"] = "running"
    curve: tuple[Share, ...] = ()  # balanced accuracy on val after each epoch, of the weights as they were then
    val: Score | None = None  # of the finished model: what a candidate is judged by
    test: Score | None = None  # reported, and used for nothing

    @property
    def name(self) -> str:
        """How people call it."""
        return "base" if self.number == BASE else f"#{self.number}"

    def finished(self, record: Record) -> Candidate:
        """The candidate with what its record says."""
        scores = {
            split: Score(balanced_accuracy=metrics.balanced_accuracy, icv=metrics.icv)
            for split, metrics in record.metrics.items()
            if split in ("val", "test")
        }
        return self.model_copy(update={"state": "finished", **scores})


class Identity(FileModel):
    """All that decides which candidates are suggested and what they are worth; what is spent may change."""

    base: Config
    seed: Seed
    search: dict[str, JsonValue]  # distributions as written, by parameter
    sampler: Sampling
    pruner: Pruning = Field(alias="stop")
    data: Line  # the store's fingerprint
    workers: Count

    def differing(self, other: Identity) -> list[str]:
        """The keys that differ, as the search file calls them; numbers differ where they are written otherwise."""
        ours, theirs = (identity.model_dump(mode="json", by_alias=True) for identity in (self, other))
        return [key for key in ours if canonical_json(ours[key]) != canonical_json(theirs[key])]


class Log(FileModel):
    """All that a search has tried, on what, and what that took."""

    format: Literal[1] = 1
    study: Line
    identity: Identity  # another search cannot resume from here
    data: Line  # the name that the store was asked for by
    patches: dict[Id, Count]  # by split
    reported: Id
    seconds: Amount = 0.0
    candidates: Annotated[tuple[Candidate, ...], Field(max_length=MOST)] = ()

    @model_validator(mode="after")
    def _has_each_candidate_once(self) -> Self:
        if len({candidate.number for candidate in self.candidates}) < len(self.candidates):
            raise ValueError("two candidates have one number")
        return self

    @property
    def ended(self) -> list[Candidate]:
        """The candidates that will not run again."""
        return [candidate for candidate in self.candidates if candidate.state != "running"]

    def ranked(self) -> list[Candidate]:
        """All candidates, best first: by balanced accuracy on val, then lower ICV; after those the unfinished ones."""

        def order(candidate: Candidate) -> tuple[float, ...]:
            if candidate.val is not None:
                return (0, -candidate.val.balanced_accuracy, candidate.val.icv, candidate.number)
            return (1, -len(candidate.curve), -candidate.curve[-1] if candidate.curve else 0.0, candidate.number)

        return sorted(self.candidates, key=order)

    def left(self, budget: Budget) -> int:
        """How many candidates may still be begun, or begun again."""
        if budget.hours is not None and self.candidates and self.seconds >= budget.hours * 3600:
            return 0
        return max(0, (MOST if budget.trials is None else budget.trials) - len(self.ended))

    def put(self, candidate: Candidate) -> Log:
        """The log with a candidate added, or in place of its earlier self."""
        others = {other.number: other for other in self.candidates} | {candidate.number: candidate}
        return self.model_copy(update={"candidates": tuple(others[number] for number in sorted(others))})


def open_log(root: AnyPath, search: Search, store: PatchStore, *, data: str, workers: int) -> Log:
    """Return the log of a search, or a new one; candidates that failed by no fault of their own are to run again.

    Args:
        root: the run's folder.
        search: what is to be searched now.
        store: the patches to train on.
        data: the name that the store was asked for by.
        workers: data-parallel workers per trial.

    Raises:
        PlanError: the store has no val split, or the run holds another search; says what differs.
        StorageError: the log is damaged.
    """
    if not len(store.indices("val")):
        raise PlanError(
            f"{store.path} has no val split, and a search must not choose by the test split",
            hint="import the data with a val split",
        )
    identity = Identity(
        base=search.base,
        seed=search.seed,
        search={parameter.name: parameter.tree.value for parameter in search.parameters},
        sampler=search.options.sampler,
        pruner=search.options.pruner,
        data=store.fingerprint,
        workers=workers,
    )
    patches = {split: len(store.indices(split)) for split in SPLITS}
    log = read_log(root)
    if log is None:
        return Log(study=search.name, identity=identity, data=data, patches=patches, reported=store.reported_split)
    if differing := identity.differing(log.identity):
        message = f"{root} holds another search (differing: {', '.join(differing)})"
        hint = f"name this one otherwise (study: ...), give another {{--out}}, or delete {root / FILE}"
        raise PlanError(message, hint=f"{hint}; finished trials stay")
    check_params(log, search, root)
    ledger = Ledger(root)
    return log.model_copy(update={"candidates": tuple(_to_resume(candidate, ledger) for candidate in log.candidates)})


def _to_resume(candidate: Candidate, ledger: Ledger) -> Candidate:
    """A candidate that failed by no fault of its own, as with a lost machine, is to run again, as in an ablation."""
    if candidate.state != "failed":
        return candidate
    failure = ledger.read_failure(candidate.job)
    if failure is not None and failure.traceback is None:
        return candidate
    return candidate.model_copy(update={"state": "running", "curve": ()})


def check_params(log: Log, search: Search, root: AnyPath) -> None:
    """Check that every candidate lies in the space.

    Args:
        log: of a run.
        search: that it is the log of.
        root: the run's folder, for errors.

    Raises:
        StorageError: a candidate has params that the search does not have.
    """
    for candidate in log.candidates:
        if candidate.params is not None and not search.holds(candidate.params):
            message = f"{root / FILE} is damaged: candidate {candidate.number} has params that its search does not have"
            raise StorageError(message, hint=_REMEDY)


def read_log(root: AnyPath) -> Log | None:
    """Read the log of a search as it is; None where the folder holds none. Raises StorageError for a damaged one."""
    if not file_exists(root / FILE):
        return None
    return read_model(Log, root / FILE, remedy=_REMEDY)


def save_log(root: AnyPath, log: Log) -> None:
    """Write the log, whole or not at all. Raises StorageError."""
    write_atomic(root / FILE, log.model_dump_json(indent=1, by_alias=True))


def read_curve(ledger: Ledger, job: str) -> tuple[float, ...]:
    """Balanced accuracy on val after each epoch of a finished trial. Raises StorageError."""
    rows = ledger.read_history(job)
    if not all("balanced_accuracy" in row for row in rows):
        folder = ledger.root / "trials" / job
        raise StorageError(
            f"the learning curve in {folder} has no balanced accuracy", hint=f"delete {folder} and run again"
        )
    return tuple(row["balanced_accuracy"] for row in rows)


def values_of(search: Search, candidate: Candidate) -> dict[str, str]:
    """A candidate's value of each parameter that it has one of; those of a base outside the space too."""
    settings = flatten(candidate.config)
    keys = {p.name: settings.get(p.name) for p in search.parameters if len(p.path) > 1}
    known = {name: label(value) for name, value in keys.items() if value is not None}
    return known | search.labels(candidate.params or {})


def settings_of(search: Search, candidate: Candidate) -> dict[str, str]:
    """How a candidate differs from the base, by parameter."""
    ours, theirs = flatten(candidate.config), flatten(search.base)
    changed = {key for key, value in ours.items() if key not in theirs or value != theirs[key]}
    settings: dict[str, str] = {}
    for parameter in search.parameters:
        param = (candidate.params or {}).get(parameter.name)
        if param is None:
            continue
        value: Any = parameter.distribution.value(param)
        if len(parameter.path) > 1:
            settings |= {parameter.name: label(value)} if parameter.name in changed else {}
        elif keys := {key for key in value if f"{parameter.section}.{key}" in changed}:  # others may set keys of it too
            settings[parameter.name] = label({key: value[key] for key in value if key in keys or key == "kind"})
    return settings

"""What a search has tried: ``search.json`` in its run, whole after every candidate, and the order of what it found.

A candidate is finished (its record is in the ledger), stopped early, failed, or running: one that was running when the
search was interrupted is the first to run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from raysat.config.diff import label
from raysat.config.schema import Config, canonical_json
from raysat.data.store import SPLITS, PatchStore
from raysat.errors import LedgerError, PlanError
from raysat.files import write_atomic
from raysat.metrics.confusion import Metrics
from raysat.search.load import Budget, Search
from raysat.search.space import Drawn
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record

FILE: Final = "search.json"
FORMAT: Final = 1
BASE: Final = 0  # number of the candidate that is the base
_UNBOUNDED: Final = 1_000_000  # candidates of a search that hours alone bound
_PARTS: Final = {"base": "base", "seed": "seed", "search": "axes", "sampler": "sampler", "stop": "stop"}


class Score(BaseModel):
    """What counts of a candidate on one split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    balanced_accuracy: float
    icv: float

    @classmethod
    def of(cls, metrics: Metrics | None) -> Score | None:
        """Take it from all metrics of a split; None where the store has no such split."""
        if metrics is None:
            return None
        return cls(balanced_accuracy=metrics.balanced_accuracy, icv=metrics.icv)


class Candidate(BaseModel):
    """One configuration that a search tries; number 0 is the base."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    job: str  # id in the ledger
    drawn: dict[str, float | int] | None  # by axis; None for a base that lies outside the space
    config: Config
    state: Literal["running", "finished", "stopped", "failed"] = "running"
    curve: tuple[float, ...] = ()  # balanced accuracy on val after each epoch, of the weights as they were then
    val: Score | None = None  # of the finished model: what a candidate is judged by
    test: Score | None = None  # reported, and used for nothing

    @property
    def name(self) -> str:
        """How people call it."""
        return "base" if self.number == BASE else f"#{self.number}"

    def finished(self, record: Record, curve: Sequence[float]) -> Candidate:
        """The candidate with what its record says."""
        val, test = (Score.of(record.metrics.get(split)) for split in ("val", "test"))
        return self.model_copy(update={"state": "finished", "curve": tuple(curve), "val": val, "test": test})


class Log(BaseModel):
    """All that a search has tried, on what, and what that took."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    study: str
    identity: dict[str, Any]  # what decides the candidates: another search cannot go on from here
    data: str  # the name that the store was asked for by
    patches: dict[str, int]  # by split
    reported: str
    seconds: float = 0.0
    candidates: tuple[Candidate, ...] = ()

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
        ended = sum(candidate.state != "running" for candidate in self.candidates)
        return max(0, (_UNBOUNDED if budget.trials is None else budget.trials) - ended)

    def put(self, candidate: Candidate) -> Log:
        """The log with a candidate added, or in place of its earlier self."""
        others = {each.number: each for each in self.candidates} | {candidate.number: candidate}
        return self.model_copy(update={"candidates": tuple(others[number] for number in sorted(others))})


def open_log(root: Path, search: Search, store: PatchStore, *, data: str, workers: int) -> Log:
    """Read the log of a search, or begin one.

    Raises:
        PlanError: the store has no val split, or the run holds another search; says what differs.
        LedgerError: the log is damaged.
    """
    if not len(store.indices("val")):
        raise PlanError(
            f"{store.path} has no val split, and a search must not choose by the test split",
            hint="import the data with a val split",
        )
    identity = search.identity() | {"data": store.fingerprint, "workers": workers}
    begun = Log(
        study=search.name,
        identity=identity,
        data=data,
        patches={split: len(store.indices(split)) for split in SPLITS},
        reported=store.reported_split,
    )
    file = root / FILE
    if not file.is_file():
        return begun
    try:
        log = Log.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        cause = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise LedgerError(f"{file} cannot be read: {cause}", hint=f"delete {file} and run the search again") from error
    differing = [
        _PARTS.get(part, part)
        for part in identity
        if canonical_json(log.identity.get(part)) != canonical_json(identity[part])
    ]
    if log.format != FORMAT or differing:
        what = f"differing: {', '.join(differing)}" if differing else "its format is older"
        hint = f"name this one otherwise (study: ...), give another {{--out}}, or delete {file}; finished trials stay"
        raise PlanError(f"{root} holds another search ({what})", hint=hint)
    ledger = Ledger(root)
    return log.model_copy(update={"candidates": tuple(_to_go_on(each, ledger) for each in log.candidates)})


def _to_go_on(candidate: Candidate, ledger: Ledger) -> Candidate:
    """A candidate that failed by no fault of its own, as with a lost machine, is to run again, as in an ablation."""
    if candidate.state != "failed":
        return candidate
    failure = ledger.read_failure(candidate.job)
    if failure is not None and failure.traceback is None:
        return candidate
    return candidate.model_copy(update={"state": "running", "curve": ()})


def read_log(root: Path) -> Log | None:
    """Read the log of a search as it is; None where the folder holds none. Raises LedgerError for a damaged one."""
    file = root / FILE
    if not file.is_file():
        return None
    try:
        return Log.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise LedgerError(f"{file} cannot be read: {error}", hint="look at it, or move it away") from error


def save_log(root: Path, log: Log) -> None:
    """Write the log, whole or not at all. Raises LedgerError."""
    write_atomic(root / FILE, log.model_dump_json(indent=1))


def read_curve(ledger: Ledger, job: str) -> tuple[float, ...]:
    """Balanced accuracy on the watched split after each epoch of a finished trial. Raises LedgerError."""
    rows = ledger.read_history(job)
    if not all("balanced_accuracy" in row for row in rows):
        folder = ledger.root / "trials" / job
        raise LedgerError(
            f"the learning curve in {folder} has no balanced accuracy", hint=f"delete {folder} and run again"
        )
    return tuple(row["balanced_accuracy"] for row in rows)


def values_of(search: Search, candidate: Candidate) -> dict[str, str]:
    """A candidate's value on each axis that it has one on; those of a base outside the space too."""
    config = candidate.config.model_dump(mode="json")
    keys = {axis.name: _at(config, axis.path) for axis in search.axes if len(axis.path) > 1}
    known = {name: label(value) for name, value in keys.items() if value is not None}
    return known | search.labels(candidate.drawn or {})


def settings_of(search: Search, candidate: Candidate) -> dict[str, str]:
    """How a candidate differs from the base, by axis."""
    base, config = (each.model_dump(mode="json") for each in (search.base, candidate.config))
    differing: dict[str, str] = {}
    drawn: Mapping[str, Drawn] = candidate.drawn or {}
    for axis in search.axes:
        if axis.name not in drawn:
            continue
        value, ours, theirs = axis.value(drawn[axis.name]), _at(config, axis.path), _at(base, axis.path)
        if len(axis.path) == 1:  # other axes set keys of this section too
            keys = [key for key in value if key not in theirs or ours.get(key) != theirs[key]]
            if keys:
                differing[axis.name] = label({key: value[key] for key in value if key in keys or key == "kind"})
        elif ours != theirs:
            differing[axis.name] = axis.label(drawn[axis.name])
    return differing


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree.get(key)
    return tree

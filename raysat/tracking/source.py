"""What a run's storage says of its trials, whoever trains them and wherever: of a study by its plan, or of a search."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from raysat.config.diff import flatten, label
from raysat.errors import DeniedError, DiskError, StorageError
from raysat.files import SAFE_NAME, AnyPath, folder_entries, read_bytes
from raysat.formatting import visible
from raysat.metrics.confusion import Metrics
from raysat.search.log import Candidate, Log, read_log
from raysat.storage.heartbeat import RunningJob
from raysat.storage.ledger import Ledger
from raysat.storage.outcome import read_outcomes
from raysat.storage.plan_file import PlanFile
from raysat.storage.progress import last_seen
from raysat.storage.records import Record
from raysat.tracking.models import EndedTrial, Epoch, Head, Point, RunFile, Setting
from raysat.tracking.names import metric_names, setting_names

_MOST: Final = 64 << 20  # bytes of a file of a report
_REPORT: Final = ("", "figures", "report", "report/figures")  # folders of a run
_WRITTEN: Final = ("leaderboard.", "report.", "search.", "best.")  # what begins so; and all below report
_OVERALL: Final = ("n", "accuracy", "balanced_accuracy", "icv", "icv_root", "macro_f1")
_BY_CLASS: Final = ("recall", "precision", "f1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A run at one moment."""

    study: str
    heads: tuple[Head, ...]  # every trial that is asked for, once
    ended: frozenset[str]  # trials that will not change: finished; or stopped, of a search
    failed: Mapping[str, str]  # why there is no result: it failed, or its record is damaged
    running: tuple[tuple[Head, Point], ...]  # that were scored
    is_alive: bool  # somebody trains it

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to train."""
        return not self.is_alive and self.ended.issuperset(head.id for head in self.heads)


class Source:
    """Reads a run, on a disk or in an object store; writes nothing there."""

    def __init__(self, run: AnyPath) -> None:
        self.ledger = Ledger(run)
        self._candidates: Mapping[str, Candidate] = {}

    def look(self) -> Look:
        """Look at it. Raises StorageError where there is no run, or its plan or log is damaged."""
        if (log := read_log(self.ledger.root)) is not None:
            return self._search(log)
        plan = Ledger.open(self.ledger.root).read_plan()
        heads = _heads(plan)
        outcomes = read_outcomes(self.ledger, [head.id for head in heads])
        return self._look(plan.study, heads, frozenset(outcomes.finished), outcomes.unusable)

    def _search(self, log: Log) -> Look:
        by_job = {candidate.job: candidate for candidate in log.candidates}
        heads = tuple(
            Head(id=job, study=log.study, arm=each.name, seed=log.identity.seed, arms=(each.name,))
            for job, each in by_job.items()
        )
        states = {job: candidate.state for job, candidate in by_job.items()}
        self._candidates = by_job
        ended = frozenset(job for job, state in states.items() if state in ("finished", "stopped"))
        return self._look(
            log.study, heads, ended, {job: "it failed" for job, state in states.items() if state == "failed"}
        )

    def _look(self, study: str, heads: tuple[Head, ...], ended: frozenset[str], failed: Mapping[str, str]) -> Look:
        seen, by_id = last_seen(self.ledger), {head.id: head for head in heads}
        points = ((by_id.get(job.job), _point(job)) for job in seen.running if job.job not in ended)
        running = tuple((head, point) for head, point in points if head is not None and point is not None)
        return Look(study=study, heads=heads, ended=ended, failed=failed, running=running, is_alive=seen.is_alive)

    def trial(self, head: Head) -> EndedTrial:
        """Read an ended trial. Raises StorageError where its record is damaged."""
        candidate = self._candidates.get(head.id)
        if candidate is not None and candidate.state == "stopped":
            return _stopped(head, candidate)
        record, spec = self.ledger.read(head.id), self.ledger.read_spec(head.id)
        return EndedTrial(
            head=head,
            settings=_settings(spec.settings),
            curve=_curve(self.ledger.read_history(head.id), record.started, record.ended),
            final=final_metrics(record),
            facts=_facts(record),
            started=record.started,
            ended=record.ended,
        )

    def files(self) -> Iterator[RunFile]:
        """Yield the files of the leaderboard and the report that there are; one that cannot be read is left out."""
        root = self.ledger.root
        for folder in _REPORT:
            for name in _names(root / folder if folder else root):
                if folder or name.startswith(_WRITTEN):
                    path = f"{folder}/{name}" if folder else name
                    try:
                        yield RunFile(path=path, content=read_bytes(root / path, max_bytes=_MOST, remedy=""))
                    except (DeniedError, DiskError):
                        raise
                    except StorageError:
                        continue


def final_metrics(record: Record) -> dict[str, float]:
    """Every metric of a finished trial, by split, overall and per class, and what it took."""
    classes = metric_names(record.classes)
    found: dict[str, float] = {}
    for split, metrics in record.metrics.items():
        name = metric_names([split])[split]
        found |= {
            f"{name}/{key}": value for key, value in _metrics(metrics, [classes[each] for each in record.classes])
        }
    return found | {
        "trained/seconds": record.seconds,
        "trained/images": float(record.images),
        "trained/epochs": float(record.epochs),
        "trained/parameters": float(record.parameters),
    }


def _metrics(metrics: Metrics, classes: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Values by name; a class without patches has none."""
    yield from ((key, float(getattr(metrics, key))) for key in _OVERALL)
    for position, name in enumerate(classes):
        for key in _BY_CLASS:
            if (value := getattr(metrics, key)[position]) is not None:
                yield f"{key}/{name}", value


def _heads(plan: PlanFile) -> tuple[Head, ...]:
    """Every trial once, in the order of the arms; then those of arms as they were before they were tuned."""
    arms: dict[str, tuple[int, list[str]]] = {}
    named = [*((arm.name, arm.trials) for arm in plan.arms), *((f"{t.arm} as written", t.trials) for t in plan.tuned)]
    for name, trials in named:
        for trial in trials:
            arms.setdefault(trial.id, (trial.seed, []))[1].append(name)
    return tuple(
        Head(id=trial, study=plan.study, arm=names[0], seed=seed, arms=tuple(dict.fromkeys(names)))
        for trial, (seed, names) in arms.items()
    )


def _point(job: RunningJob) -> Point | None:
    if not job.epoch or job.balanced_accuracy is None or job.icv is None:
        return None
    return Point(epoch=job.epoch, balanced_accuracy=job.balanced_accuracy, icv=job.icv)


def _stopped(head: Head, candidate: Candidate) -> EndedTrial:
    """What a search's log has of a candidate, which is no time."""
    rows = [{"epoch": float(step), "balanced_accuracy": value} for step, value in enumerate(candidate.curve, start=1)]
    settings, now = _settings(candidate.config.model_dump(mode="json")), time.time()
    return EndedTrial(
        head=head, settings=settings, curve=_curve(rows, now, now), final={}, facts={}, started=now, ended=now
    )


def _curve(rows: list[dict[str, float]], started: float, ended: float) -> tuple[Epoch, ...]:
    """A learning curve; a row without an epoch is counted."""
    names = metric_names(key for row in rows for key in row)
    seconds = max(0.0, ended - started)
    return tuple(
        Epoch(
            step=int(row.get("epoch", number)),
            time=started + seconds * number / len(rows),
            values={
                f"curve/{names[key]}": value for key, value in row.items() if key != "epoch" and math.isfinite(value)
            },
        )
        for number, row in enumerate(rows, start=1)
    )


def _settings(config: Mapping[str, Any]) -> dict[str, Setting]:
    flat = flatten(config)
    names = setting_names(flat)
    return {names[key]: _setting(value) for key, value in flat.items()}


def _setting(value: object) -> Setting:
    """A value as trackers compare it: a number as such, where it is one that all of them take."""
    match value:
        case None | bool():
            return value
        case int() if abs(value) < 1 << 53:
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            return visible(label(value))


def _facts(record: Record) -> dict[str, str]:
    hardware = {key: str(value) for key, value in record.hardware.model_dump().items() if value is not None}
    data = {key: value for key in ("fingerprint", "path") if (value := getattr(record.data, key)) is not None}
    groups = {"version": record.versions, "hardware": hardware, "data": data}
    facts = {f"{group}.{key}": value for group, of in groups.items() for key, value in of.items()}
    names = setting_names(facts)
    return {names[key]: value for key, value in facts.items()}


def _names(folder: AnyPath) -> list[str]:
    """The files of a folder that have safe names, no links among them."""
    names = [
        entry.name
        for entry in folder_entries(folder)
        if not isinstance(entry, os.DirEntry) or entry.is_file(follow_symlinks=False)
    ]
    return sorted(name for name in names if SAFE_NAME.fullmatch(name) and not name.endswith(".partial"))

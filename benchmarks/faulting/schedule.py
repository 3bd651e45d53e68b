"""Schedules of faults: each is drawn from its number alone, and says in one line what befalls a run, where and when.

    #17 disk, stages: kill slot at epoch 9 + 0.12 s; term machine at epoch 21 + 0.40 s

A moment is a count of epochs that the run has begun, whatever time these take, and a delay. A fault that lasts is over
after its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np


class Place(StrEnum):
    """Where a run's files lie, and on what machines it runs."""

    DISK = "disk"  # of this machine, with a Ray of the run's own, as in all but the last
    SMALL_DISK = "small disk"  # a file system of the run's own, in memory
    BUCKET = "bucket"  # of an S3 server
    HOSTS = "hosts"  # three, with one Ray over them, and a bucket


class Study(StrEnum):
    """What is trained."""

    STAGES = "stages"  # trials that share epochs
    GENERATOR = "generator"  # and one on generated patches


class Kind(StrEnum):
    """What happens."""

    KILL = "kill"  # SIGKILL
    TERM = "term"  # SIGTERM
    FILL = "fill"  # no space is left on the disk
    READ_ONLY = "read-only"  # the run's folder, for all who open a file in it
    SLOW = "slow"  # the bucket answers late
    FAIL = "fail"  # some requests to the bucket are answered by an error and do nothing
    CUT = "cut"  # the connection ends before the answer, some writes went through
    REPEAT = "repeat"  # some writes reach the bucket twice
    CLOCK = "clock"  # is moved
    LEAVE = "leave"  # a node ends in order
    JOIN = "join"  # a node joins


NEXT_DRIVER: Final = "next driver"  # a target: the driver is killed, and those that follow are started elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that happens."""

    kind: Kind
    target: str
    epochs: int  # that the run has begun when it is time; 0: when its driver is started
    delay: float  # seconds, after that
    length: float = 0.0  # seconds that it lasts

    @property
    def ends_nothing(self) -> bool:
        """Whether all goes on, and nothing has to be trained again."""
        is_moved = self.kind is Kind.CLOCK and self.target != NEXT_DRIVER
        return is_moved or self.kind in (Kind.REPEAT, Kind.JOIN)

    def __str__(self) -> str:
        lasting = f" for {self.length:.1f} s" if self.length else ""
        return f"{self.kind} {self.target}{lasting} at epoch {self.epochs} + {self.delay:.2f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What happens to one run."""

    number: int
    place: Place
    study: Study
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"#{self.number} {self.place}, {self.study}: {'; '.join(map(str, self.faults))}"


def _only(place: Place) -> frozenset[Place]:
    return frozenset({place})


@dataclass(frozen=True, slots=True)
class _Choice:
    """A fault that may be drawn."""

    kind: Kind
    target: str
    places: frozenset[Place]
    longest: float = 0.0  # seconds; 0 for one that does not last

    @property
    def weight(self) -> float:
        """How often it is drawn beside others of a place: what can happen nowhere else more often."""
        return _ONLY_THERE if len(self.places) == 1 else 1.0


_LOCAL: Final = frozenset({Place.DISK, Place.SMALL_DISK, Place.BUCKET})
_ALL: Final = _LOCAL | {Place.HOSTS}
_URL: Final = frozenset({Place.BUCKET, Place.HOSTS})
_CHOICES: Final = (
    _Choice(Kind.KILL, "driver", _ALL),
    _Choice(Kind.KILL, "slot", _ALL),
    _Choice(Kind.KILL, "raylet", _ALL),
    _Choice(Kind.KILL, "GCS", _ALL),
    _Choice(Kind.TERM, "driver", _ALL),
    _Choice(Kind.TERM, "slot", _ALL),
    _Choice(Kind.TERM, "group", _LOCAL),
    _Choice(Kind.TERM, "machine", _ALL),  # all of its processes: the notice of a spot machine
    _Choice(Kind.KILL, "machine", _only(Place.HOSTS)),  # it is gone at once
    _Choice(Kind.CUT, "machine", _only(Place.HOSTS), longest=25.0),  # its cable
    _Choice(Kind.CUT, "link", _only(Place.HOSTS), longest=25.0),  # between it and the head alone
    _Choice(Kind.LEAVE, "machine", _only(Place.HOSTS)),
    _Choice(Kind.JOIN, "machine", _only(Place.HOSTS)),
    *(_Choice(kind, "server", _URL, longest=6.0) for kind in (Kind.SLOW, Kind.FAIL, Kind.CUT, Kind.REPEAT)),
    _Choice(Kind.CLOCK, "server", _URL, longest=20.0),  # hours back
    _Choice(Kind.CLOCK, NEXT_DRIVER, _LOCAL),
    _Choice(Kind.CLOCK, "files ahead", _only(Place.DISK)),  # the times of all files of the run: lock, status and so on
    _Choice(Kind.CLOCK, "files back", _only(Place.DISK)),
    _Choice(Kind.FILL, "disk", _only(Place.SMALL_DISK), longest=3.0),
    _Choice(Kind.READ_ONLY, "folder", _only(Place.SMALL_DISK), longest=3.0),
)
_SHARES: Final = {Place.DISK: 0.33, Place.SMALL_DISK: 0.25, Place.BUCKET: 0.3, Place.HOSTS: 0.12}
_ONLY_THERE: Final = 3.0
_COUNTS: Final = {1: 0.5, 2: 0.35, 3: 0.15}  # of faults
_GENERATOR: Final = 0.2  # of the schedules
_EPOCHS: Final = {Study.STAGES: 20, Study.GENERATOR: 56}  # and steps, after which no fault begins
_LONGEST_DELAY: Final = 0.6  # seconds
_LONGEST_START: Final = 10.0  # until the first epoch begins, or longer
_AT_START: Final = 0.15  # of the faults


def draw(number: int) -> Schedule:
    """Draw the schedule of a number."""
    rng = np.random.default_rng([18, number])
    place = rng.choice(list(_SHARES), p=list(_SHARES.values()))
    study = Study.GENERATOR if rng.random() < _GENERATOR else Study.STAGES
    choices = [choice for choice in _CHOICES if place in choice.places]
    weights = np.array([choice.weight for choice in choices])
    count = rng.choice(list(_COUNTS), p=list(_COUNTS.values()))
    faults = [_fault(choices[rng.choice(len(choices), p=weights / weights.sum())], study, rng) for _ in range(count)]
    faults.sort(key=lambda fault: (fault.epochs, fault.delay))
    return Schedule(number=number, place=Place(place), study=study, faults=tuple(faults))


def _fault(choice: _Choice, study: Study, rng: np.random.Generator) -> Fault:
    at_start = rng.random() < _AT_START
    return Fault(
        kind=choice.kind,
        target=choice.target,
        epochs=0 if at_start else int(rng.integers(1, _EPOCHS[study] + 1)),
        delay=round(float(rng.uniform(0.0, _LONGEST_START if at_start else _LONGEST_DELAY)), 2),
        length=round(float(rng.uniform(0.5, choice.longest)), 1) if choice.longest else 0.0,
    )

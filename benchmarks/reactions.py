"""How soon a run ends, or goes on elsewhere, when something befalls it: seconds from the fault, beside what is allowed.

    python benchmarks/reactions.py [--times 3] [--only "full disk"]

The study is the one of ``faults.py``; the fault strikes when it has begun a few epochs. *ends*: until the command has
ended, and until none of its processes is left. *goes on*: until a worker on another machine begins an epoch. A killed
machine says nothing to anybody, nor does one whose cable is out: that takes until it is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.faulting.machine import Machine
from benchmarks.faulting.schedule import Fault, Kind, Place, Study
from benchmarks.faulting.three_hosts import ThreeHosts
from benchmarks.faulting.world import World
from tests.helpers.cluster import leave
from tests.helpers.hosts import Host

_LONGEST_S: Final = 180.0  # of anything that is waited for
_LOOK_S: Final = 0.02
_EPOCHS: Final = 4  # begun when the fault strikes
_WORK: Final = 2  # hosts, of three


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that befalls a run."""

    name: str
    place: Place
    kind: Kind
    target: str
    allowed: float  # seconds
    goes_on: bool = False  # elsewhere; else the command ends
    workers: int = 1  # of a trial

    def strike(self, place: Machine) -> None:
        """Have it happen."""
        lasting = _LONGEST_S if self.kind in (Kind.CUT, Kind.FILL) else 0.0
        if not place.strike(Fault(kind=self.kind, target=self.target, epochs=0, delay=0.0, length=lasting)):
            raise LookupError(f"{self.name}: there is nothing to befall")


_CASES: Final = (
    Case(name="SIGTERM", place=Place.DISK, kind=Kind.TERM, target="driver", allowed=2),
    Case(name="SIGTERM to the group", place=Place.DISK, kind=Kind.TERM, target="group", allowed=2),
    Case(name="own GCS killed", place=Place.DISK, kind=Kind.KILL, target="GCS", allowed=30),
    Case(name="own raylet killed", place=Place.DISK, kind=Kind.KILL, target="raylet", allowed=10),
    Case(name="full disk", place=Place.SMALL_DISK, kind=Kind.FILL, target="disk", allowed=10),
    Case(name="cluster's GCS killed", place=Place.HOSTS, kind=Kind.KILL, target="GCS", allowed=30),
    Case(name="head's cable out", place=Place.HOSTS, kind=Kind.CUT, target="head", allowed=30),
    Case(name="node killed", place=Place.HOSTS, kind=Kind.KILL, target="node", allowed=30, goes_on=True),
    Case(name="node's cable out", place=Place.HOSTS, kind=Kind.CUT, target="node", allowed=30, goes_on=True),
    Case(
        name="node of two workers killed",
        place=Place.HOSTS,
        kind=Kind.KILL,
        target="node",
        allowed=60,
        goes_on=True,
        workers=2,
    ),
)


def main() -> int:
    """Measure each case some times, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in _CASES], default=None)
    options = parser.parse_args()
    print(f"{'what happens':<28}{'then it':<9}{'s, median':>10}{'range':>16}{'n':>4}{'allowed':>9}  exit, last words")
    late = False
    for case in _CASES:
        if options.only and case.name not in options.only:
            continue
        found = [measure(case) for _ in range(options.times)]
        seconds = [each for each, _ in found]
        late |= max(seconds) > case.allowed
        print(
            f"{case.name:<28}{'goes on' if case.goes_on else 'ends':<9}{median(seconds):>10.1f}"
            f"{f'{min(seconds):.1f} to {max(seconds):.1f}':>16}{len(seconds):>4}{case.allowed:>9.0f}  {found[-1][1]}",
            flush=True,
        )
    return int(late)


def measure(case: Case) -> tuple[float, str]:
    """Have a case happen to a run; seconds until it has reacted, and what the command said."""
    with (
        tempfile.TemporaryDirectory(prefix="raysat-reactions-") as folder,
        World(Path(folder)) as world,
        world.place(case.place, Study.STAGES) as place,
    ):
        place.more_words += ["--workers", str(case.workers)] if case.workers > 1 else []
        if isinstance(place, ThreeHosts):
            return _on_hosts(case, place)
        command = place.start()
        _await(lambda: len(place.begun()) >= _EPOCHS)
        began = time.monotonic()
        case.strike(place)
        command.wait(_LONGEST_S)
        _await(lambda: not place.left())
        return time.monotonic() - began, _said(place, command.returncode)


def _on_hosts(case: Case, place: ThreeHosts) -> tuple[float, str]:
    """The same on hosts. Of the three that a run may go on with, two work, and one of these, not the head, is lost."""
    head, second, third = place.hosts
    if case.goes_on:
        place.join(third)
    else:
        place.drive_from(second)
    command = place.start()
    _await(lambda: len(place.begun()) >= _EPOCHS and len(_working(place)) == _WORK)
    lost = next(host for host in _working(place) if host is not head)
    began = time.monotonic()
    match case.kind, case.target:
        case Kind.KILL, "node":
            leave(lost)
        case Kind.CUT, "node":
            lost.cut()
        case Kind.CUT, "head":
            head.cut()
        case _:
            case.strike(place)
    if case.goes_on:
        _await(lambda: len(_working(place)) > _WORK)
        return time.monotonic() - began, "an epoch begins on the third"
    command.wait(_LONGEST_S)
    _await(lambda: not place.left())
    return time.monotonic() - began, _said(place, command.returncode)


def _working(place: ThreeHosts) -> list[Host]:
    """The hosts on which an epoch has begun."""
    return [host for host in place.hosts if place.begun_on(host)]


def _await(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came of it in {_LONGEST_S:.0f} s")
        time.sleep(_LOOK_S)


def _said(place: Machine, code: int) -> str:
    lines = [line.strip() for line in place.printed().splitlines() if line.strip()]
    error = next((line for line in lines if line.startswith("error")), lines[-1] if lines else "")
    return f"{code}, {error[:90]}"


if __name__ == "__main__":
    sys.exit(main())

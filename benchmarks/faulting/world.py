"""What all schedules share: the store, the studies, and what each comes to when nothing happens."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.faulting.bucket import S3, bucket, s3
from benchmarks.faulting.machine import Machine
from benchmarks.faulting.run import Result, run_schedule
from benchmarks.faulting.schedule import Place, Schedule, Study, draw
from benchmarks.faulting.small_disk import small_disk
from benchmarks.faulting.study import Work, work_of, write_store, write_study
from benchmarks.faulting.three_hosts import three_hosts
from tests.helpers.outcome import outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A study when nothing happens."""

    space: Path
    work: Work
    outcome: Mapping[str, str]
    place: Machine  # where it ran


class World:
    """Runs schedules in a folder; what they share is made when it is first asked for. A context, which ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._store = folder, write_store(folder / "store")
        self._undisturbed: dict[Study, Undisturbed] = {}
        self._s3: S3 | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def undisturbed(self, study: Study) -> Undisturbed:
        """A study when nothing happens. Raises AssertionError where that fails."""
        if study not in self._undisturbed:
            space = write_study(study, self._folder)
            work = work_of(space, self._store)
            schedule = Schedule(number=-1, place=Place.DISK, study=study, faults=())
            with self._place(schedule, f"undisturbed {study}", space) as place:
                result = run_schedule(schedule, place, work, {})
                assert result.commands == 1, result.printed
                assert result.trained == result.needed, result
                self._undisturbed[study] = Undisturbed(space=space, work=work, outcome=outcome(place.run), place=place)
        return self._undisturbed[study]

    def run(self, number: int) -> Result:
        """Run the schedule of a number."""
        schedule = draw(number)
        known = self.undisturbed(schedule.study)
        with self._place(schedule, f"schedule {number}", known.space) as place:
            return run_schedule(schedule, place, known.work, known.outcome)

    @contextmanager
    def place(self, place: Place, study: Study) -> Iterator[Machine]:
        """Have a place for a study, for who strikes it himself."""
        schedule = Schedule(number=-1, place=place, study=study, faults=())
        with self._place(schedule, f"{place} {study}", write_study(study, self._folder)) as machine:
            yield machine

    @contextmanager
    def _place(self, schedule: Schedule, name: str, space: Path) -> Iterator[Machine]:
        """Have a place for a schedule, in a folder of a name."""
        folder = self._folder / name
        folder.mkdir()
        place = Machine(folder, schedule.study, space, self._folder / "store", random.Random(schedule.number))
        with ExitStack() as stack:
            stack.callback(place.end)
            match schedule.place:
                case Place.DISK:
                    yield place
                case Place.BUCKET:
                    yield stack.enter_context(bucket(self._server(), place))
                case Place.SMALL_DISK:
                    yield stack.enter_context(small_disk(place))
                case Place.HOSTS:
                    yield stack.enter_context(three_hosts(place))

    def _server(self) -> S3:
        if self._s3 is None:
            self._s3 = self._stack.enter_context(s3(18))
        return self._s3

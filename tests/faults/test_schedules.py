"""Schedules of faults drawn from numbers: each run comes to what the undisturbed does (``benchmarks/faults.py``)."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from benchmarks.faulting.judge import Seal, problems, seal
from benchmarks.faulting.schedule import Place, Study, draw
from benchmarks.faulting.world import World
from tests.helpers.hosts import NO_HOSTS

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc")

# Few, with each fault once, each place and each study; in one file, which needs each undisturbed study once.
NUMBERS: Final = (1778, 277, 1857, 860, 304, 939, 305, 4473)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_disturbed_run_equals_the_undisturbed_one(world: World, number: int) -> None:
    if draw(number).place in (Place.HOSTS, Place.SMALL_DISK) and os.environ.get(NO_HOSTS) == "1":
        pytest.skip(f"{NO_HOSTS}=1")
    result = world.run(number)
    assert not result.problems, f"{result}\n{result.printed}"


def test_each_fault_is_among_them() -> None:
    def drawn(numbers: Iterable[int]) -> set[tuple[str, str]]:
        return {(fault.kind, fault.target) for number in numbers for fault in draw(number).faults}

    assert drawn(NUMBERS) == drawn(range(2000))
    assert {draw(number).place for number in NUMBERS} == set(Place)
    assert {draw(number).study for number in NUMBERS} == set(Study)


def test_what_would_be_wrong_is_found(world: World, tmp_path: Path) -> None:
    known = world.undisturbed(Study.STAGES)
    shutil.copytree(known.place.folder, tmp_path / "copy")
    place = replace(known.place, folder=tmp_path / "copy")
    run, epochs = Path(f"{place.run}"), len(place.begun())
    seals = {trial: Seal(seal(place.run, trial) or "", epochs) for trial in known.work.trials}

    def wrong(lost: int = 0) -> list[str]:
        return list(problems(place, known.work, known.outcome, seals=seals, lost=lost))

    assert wrong() == []
    count, lines = place.folder / "count", (place.folder / "count").read_text(encoding="utf-8")
    first, last = lines.splitlines()[0], lines.splitlines()[-1]
    count.write_text(f"{lines}{first}\n", encoding="utf-8")
    images = int(first.split()[1])
    assert f"{images} images too many, {images - 1} could be lost" in wrong(lost=images - 1)
    assert [problem.rpartition(" ")[2] for problem in wrong(lost=images)] == ["again"], "all its trials were finished"
    count.write_text(lines.removesuffix(f"{last}\n"), encoding="utf-8")
    assert wrong() == [f"{known.work.needed - images:,} images trained, {known.work.needed:,} needed"]
    count.write_text(lines, encoding="utf-8")
    board = run / "leaderboard.csv"
    board.write_bytes(board.read_bytes() + b" ")
    assert wrong() == ["differs: leaderboard.csv"]
    trial = next(iter(known.work.trials))
    (run / "trials" / trial / "record.json").unlink()
    assert any(problem.startswith("not finished: ") for problem in wrong())


def test_a_number_is_one_schedule() -> None:
    assert str(draw(7)) == str(draw(7))
    assert len({str(draw(number)) for number in range(200)}) == 200

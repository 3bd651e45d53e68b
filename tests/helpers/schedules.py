"""The schedules of faults that the suite runs: few, with each fault once; ``benchmarks/faults.py`` runs more."""

import os
from pathlib import Path

import pytest

from benchmarks.faulting.schedule import Place, draw
from benchmarks.faulting.world import World
from tests.helpers.hosts import NO_HOSTS

MARKS = [
    pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc"),
]
ON_HOSTS = (1778, 277)
ON_ONE_MACHINE = (51, 1857, 860, 304, 939, 305, 953)


def check_schedule(world: World, number: int) -> None:
    """Run the study under a schedule; it must come to what the undisturbed one does."""
    if draw(number).place in (Place.HOSTS, Place.SMALL_DISK) and os.environ.get(NO_HOSTS) == "1":
        pytest.skip(f"{NO_HOSTS}=1")
    result = world.run(number)
    assert not result.problems, f"{result}\n{result.printed}"

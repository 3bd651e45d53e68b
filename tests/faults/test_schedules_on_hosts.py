"""Schedules of faults on three hosts without a shared disk, whose results go to a bucket."""

import pytest

from benchmarks.faulting.world import World
from tests.helpers.schedules import MARKS, ON_HOSTS, check_schedule

pytestmark = MARKS


@pytest.mark.parametrize("number", ON_HOSTS)
def test_a_disturbed_run_equals_the_undisturbed_one(world: World, number: int) -> None:
    check_schedule(world, number)

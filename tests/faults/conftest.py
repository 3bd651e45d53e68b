"""The study that the fault tests start, and what schedules of faults share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faulting.world import World
from tests.helpers.faults import write_study


@pytest.fixture(scope="session", name="space")
def _space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("schedules")) as world:
        yield world

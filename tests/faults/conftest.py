"""A study undisturbed, to compare with, and how many times each fault is tried."""

from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from tests.helpers.faults import finish, write_study


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try each fault ``--faults`` times, every time at another moment."""
    if "moment" in metafunc.fixturenames:
        metafunc.parametrize("moment", range(metafunc.config.getoption("--faults")))


@pytest.fixture(scope="session", name="space")
def _space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session", name="undisturbed")
def _undisturbed(tmp_path_factory: pytest.TempPathFactory, space: Path, landsat_store: PatchStore) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    finish(space, landsat_store, out)
    return out

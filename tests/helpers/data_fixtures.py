"""Real test data, and a small store."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.data import patches, splits_of, write_store
from tests.helpers.paths import ROOT


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("RAYSAT_TEST_DATA", ROOT / "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set RAYSAT_TEST_DATA)")
    return folder


@pytest.fixture
def real_part(real_data):
    return real_data / "droughtwatch" / "part-r-00012"


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "store", patches(), np.arange(12) % 2, splits_of(12), ordinal=True, sensor="naip")

"""Real test data, and small stores."""

import os
from pathlib import Path

import numpy as np
import pytest

from raysat.data.store import PatchStore, StoreWriter
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


@pytest.fixture(scope="session", name="small_store")
def _small_store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """Three classes, 40, 14 and 10 training patches of 3 bands, 16 x 16: enough for two generators."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("stores") / "store"
    with StoreWriter(path, bands=("B2", "B5", "B6"), classes=("a", "b", "c"), sensor="landsat8", source={}) as writer:
        for label, count in enumerate((40, 14, 10)):
            for split, share in (("train", count), ("val", 8), ("test", 8)):
                for _ in range(share):
                    writer.add(rng.integers(50 * label, 50 * label + 100, (3, 16, 16)).astype(np.uint8), label, split)
        return writer.close()

"""A run and things to import, whole, for tests to spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from raysat.storage.ledger import Ledger
from tests.helpers.data import left_behind, patch_features, random_pixels, write_manifest, write_part, write_tiff
from tests.helpers.hostile import Raysat, assert_refused, hostile_run


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Ledger:
    return hostile_run(tmp_path / "run")


@pytest.fixture(scope="session", name="whole_source")
def _whole_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something of each kind to import: arrays, GeoTIFFs with their manifest, TFRecords."""
    folder = tmp_path_factory.mktemp("source") / "in"
    for seed, name in enumerate(("train/a/0", "train/a/1", "train/b/0", "val/a/0", "val/b/0")):
        file = folder / "arrays" / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, random_pixels(seed).transpose(1, 2, 0))
        write_tiff(folder / f"{seed}.tif", random_pixels(seed))
    rows = ["0.tif,a,train", "1.tif,b,train", "2.tif,a,val", "3.tif,b,val"]
    write_manifest(folder / "m.csv", rows)
    images = np.random.default_rng(0).integers(1, 255, (4, 11, 65, 65), dtype=np.uint8)
    for split in ("train", "val"):
        features = [patch_features(images[index + 2 * (split == "val")], index) for index in range(2)]
        write_part(folder / "parts" / split / "part-0", features)
    return folder


@pytest.fixture(name="source")
def _source(whole_source: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to spoil."""
    return shutil.copytree(whole_source, tmp_path / "in")


@pytest.fixture(name="refused")
def _refused(raysat: Raysat, source: Path, tmp_path: Path) -> Callable[..., None]:
    """Check that an import is refused, and that it leaves nothing."""

    def check(kind: str, *said: str, options: tuple[str, ...] = ()) -> None:
        where = {"folder": "arrays", "geotiff": "m.csv", "droughtwatch": "parts"}[kind]
        bands = () if kind == "droughtwatch" else ("--bands", "r,g")
        result = raysat("data", "import", kind, source / where, *(options or bands), "--out", tmp_path / "s")
        assert_refused(result, 2, *said)
        assert left_behind(tmp_path) == ["in"]

    return check

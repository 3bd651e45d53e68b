"""The script that goes from the bands of a scene to a map, on the real scene."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import rasterio

import raysat
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S


def test_a_scene_is_cut_stored_trained_reported_and_mapped(tmp_path: Path, real_data: Path) -> None:
    words = [ROOT / "examples" / "landsat8.py", real_data / "landsat8", "--epochs", 1, "--seeds", 1, "--out", "here"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "done       3 jobs, 0 failed" in done.stdout
    assert "overlap" not in done.stdout, "a split shares ground with another"
    store = raysat.open_store(tmp_path / "here" / "store")
    assert store.images.shape == (1224, 10, 33, 33)
    assert store.places.scenes[0].crs == "EPSG:32616"
    made = {path.name for path in (tmp_path / "here").iterdir()}
    assert made == {"points.geojson", "store", "chips.png", "runs", "report", "maps"}
    (layer,) = (tmp_path / "here" / "maps").rglob("class.tif")
    with rasterio.open(layer) as classes:
        assert classes.shape == (-(-603 // 16), -(-627 // 16))
        assert classes.res == (480.0, 480.0)
        assert set(np.unique(classes.read(1))) <= {0, 1, 2, 3, 255}

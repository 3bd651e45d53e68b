"""What stands for the data and runs that the pages speak of, so that their commands can be run: small, soon made."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely

import raysat
from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.data import patch_features, patches, splits_of, write_manifest, write_part, write_store, write_tiff
from tests.helpers.doc_blocks import blocks
from tests.helpers.paths import ROOT
from tests.helpers.places import lying
from tests.helpers.report_fixtures import run_maker
from tests.helpers.run import run_alone
from tests.helpers.scenes import TRANSFORM, map_of, noise, write_labels, write_scene

# What stands for the quickstart: its four arms, two epochs and seeds.
QUICKSTART = """
study: quickstart
base:
  data: {bands: agriculture}
  model: {name: test_resnet}
  optim: {kind: adam, lr: 1.0e-3, batch_size: 16, epochs: 2}
seeds: 2
grid:
  loss: [{kind: cross_entropy}, {kind: ldam}]
  reweight: [{kind: none}, {kind: drw}]
"""
# What stands for every other run: two arms of Table 2, of which the first learns little.
TABLE2 = """
study: table2
base:
  data: {bands: agriculture}
  model: {name: test_resnet}
  optim: {kind: adam, lr: 3.0e-3, batch_size: 8, epochs: 20}
seeds: 2
arms:
  "(1)": {optim.epochs: 1, optim.lr: 1.0e-6}
  "(4)": {loss: {kind: balanced_softmax}}
"""
SENTINEL = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
World = Callable[[Path, "Small"], None]


class Small:
    """A store and two runs on it, made once for all pages."""

    def __init__(self, folder: Path, store: PatchStore) -> None:
        self.store = store
        (folder / "quickstart").mkdir()
        (folder / "table2").mkdir()
        self.quickstart: Ledger = run_alone(folder / "quickstart", QUICKSTART, store)
        self.table2: Ledger = run_alone(folder / "table2", TABLE2, store)

    def lay(self, folder: Path, *runs: str) -> None:
        """Put the store and runs of these names into a folder, beside the studies that ship."""
        (folder / "search_spaces").symlink_to(ROOT / "search_spaces")
        (folder / "STORE").symlink_to(self.store.path)
        for name in runs:
            run = self.quickstart if name == "quickstart" else self.table2
            shutil.copytree(str(run.root), folder / "runs" / name)


def nothing(folder: Path, small: Small) -> None:
    small.lay(folder)


def runs(*names: str) -> World:
    """A world with runs of these names."""

    def lay(folder: Path, small: Small) -> None:
        small.lay(folder, *names)

    return lay


def study(page: str, file: str, *names: str) -> World:
    """A world with the first study that a page shows, in a file, and with runs."""

    def lay(folder: Path, small: Small) -> None:
        small.lay(folder, *names)
        shown = next(block.text for block in blocks(page) if block.language == "yaml")
        (folder / file).write_text(shown, encoding="utf-8")

    return lay


def reports(folder: Path, small: Small) -> None:
    """The quickstart, two runs to compare, and three of the same arms on other data."""
    small.lay(folder, "quickstart", "before", "after")
    make_run = run_maker(folder)
    for number, name in enumerate(("one", "two", "three", "losses-droughtwatch", "losses-eurosat", "losses-landsat8")):
        arms = {"plain": (0.9, 0.5, 0.5, 0.4), "LDAM": (0.8, 0.6, 0.7, 0.6)}
        make_run(arms, folder=name, study=name, fingerprint=f"{number}" * 32)


def extending(folder: Path, small: Small) -> None:
    """The example's plugin, and the study that the page shows for it."""
    study("docs/extend.md", "own.yaml", "own")(folder, small)
    shutil.copy(ROOT / "examples" / "plugins" / "poly1.py", folder / "poly1.py")


def scenes(folder: Path, small: Small) -> None:
    """A scene in the bands of the run, and a store of the same for another year."""
    small.lay(folder, "quickstart", "study", "table2")
    pixels = noise(3, 96, 96, dtype=np.uint8)
    for name in ("scene.tif", "T32TQM.tif"):
        write_scene(folder / name, pixels, small.store.bands)
    (folder / "stores").mkdir()
    images = patches(24, bands=3, side=32, seed=1)
    named = {"bands": small.store.bands, "classes": small.store.classes, "sensor": small.store.sensor}
    write_store(folder / "stores" / "another-year", images, np.arange(24) % 3, splits_of(24), **named)


def data(folder: Path, small: Small) -> None:
    """Files of the kinds that are imported, and a store of Sentinel-2 patches."""
    small.lay(folder, "eurosat")
    (folder / "STORE").unlink()
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        examples = [patch_features(rng.integers(0, 255, (11, 65, 65), np.uint8), k % 4) for k in range(12)]
        write_part(folder / "DIR" / part / "part-r-00000", examples)
        for k in range(8):
            (folder / "DIR" / part / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
            array = rng.integers(0, 255, (8, 8, 11)).astype(np.uint8)
            np.save(folder / "DIR" / part / "ab"[k % 2] / f"{k}.npy", array)
    rows = []
    for k in range(20):
        write_tiff(folder / "tif" / f"{k}.tif", rng.integers(0, 9999, (13, 8, 8)).astype(np.uint16))
        rows.append(f"tif/{k}.tif,{'ab'[k % 2]}")
    write_manifest(folder / "MANIFEST.csv", rows, header="path,label")
    (folder / "stores").mkdir()
    images, labels = patches(36, bands=13, dtype=np.uint16), np.arange(36) // 3 % 3
    named = {"bands": SENTINEL, "classes": ["Forest", "River", "SeaLake"], "sensor": "sentinel2"}
    write_store(folder / "stores" / "eurosat", images, labels, splits_of(36), **named)


def fields(folder: Path, small: Small) -> None:
    """Patches that lie 40 km about, and the study in folds that the page shows, for a tiny network and an epoch."""
    small.lay(folder)
    (folder / "stores").mkdir()
    at = np.random.default_rng(3).uniform((10, 45), (10.5, 45.4), (60, 2))
    options = {"places": lying(at.tolist(), names=("T32TQM", "T32TQN", "T32TQP", "T32TQR"))}
    images = patches(60, bands=3, side=16)
    write_store(folder / "stores" / "fields", images, np.arange(60) % 2, splits_of(60), **options)
    shown = next(block.text for block in blocks("docs/places.md") if block.language == "yaml")
    tiny = "base: {model: {name: test_resnet}, optim: {epochs: 1, batch_size: 16}}\n"
    (folder / "methods.yaml").write_text(shown + tiny, encoding="utf-8")


def chips(folder: Path, small: Small) -> None:
    """A scene of Sentinel-2 with fields, and the bands of a Landsat scene with points."""
    small.lay(folder)
    names = [name for name in SENTINEL if name != "B10"]
    write_scene(folder / "T32TQM_20240712.tif", noise(12, 120, 120), names)
    boxes = [shapely.box(*(TRANSFORM * (x, y + 60)), *(TRANSFORM * (x + 60, y))) for x in (0, 60) for y in (0, 60)]
    write_labels(folder / "fields.gpkg", boxes, crop=np.array(["wheat", "maize", "wheat", "maize"]))
    for band in ("B2", "B3", "B4", "B5"):
        write_scene(folder / "landsat8" / f"LC08_{band}.tif", noise(1, 200, 200, seed=int(band[1])))
    columns, rows = (axis.ravel() for axis in np.meshgrid(np.arange(40, 160, 20), np.arange(40, 160, 20)))
    write_labels(folder / "points.gpkg", map_of(columns, rows), label=np.where(columns < 100, "water", "land"))


def open_model(folder: Path, small: Small) -> None:
    """A run whose first arm was exported, as the page's command does."""
    small.lay(folder, "quickstart")
    raysat.export(
        folder / "runs" / "quickstart", best=True, out=folder / "model", formats=("safetensors", "torch", "onnx")
    )

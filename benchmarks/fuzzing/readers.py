"""Every reader of files: a whole file that it reads, how that is broken, and what is called to read it again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
import torch

import raysat
from fuzzing.formats import (
    Mutation,
    mutate_bytes,
    mutate_csv,
    mutate_json,
    mutate_npy,
    mutate_npz,
    mutate_tfrecord,
    mutate_tiff,
    mutate_yaml,
    yaml_value,
)
from raysat.data.importers.droughtwatch import read_droughtwatch
from raysat.data.importers.folder import read_folder
from raysat.data.importers.geotiff import read_geotiff
from raysat.data.patch_store import PatchStore
from raysat.data.store import StoreWriter
from raysat.data.summary import class_counts, summarize_bands
from raysat.metrics.confusion import from_confusion
from raysat.reporting.analysis.collect import collect
from raysat.search.load import load_search
from raysat.search.log import read_log, save_log
from raysat.storage.ledger import Ledger
from raysat.storage.progress import read_progress
from raysat.storage.verify import verify
from raysat.study.load import parse_settings
from raysat.training.checkpoint import TrainingState, decode
from raysat.training.results import EpochReport
from raysat.views.shown import to_text
from raysat.views.store import show_store
from tests.helpers.data import patch_features, write_part
from tests.helpers.search import finished, log_of

ROOT: Final = Path(__file__).parents[2]
STUDY: Final = """\
study: tiny
base:
  model: {name: test_resnet}
  data: {bands: [B6, B5, B2]}
  optim: &optim {kind: adam, lr: 1.0e-3, batch_size: 4, epochs: 4, clip_norm: 1.0}
  schedule: {kind: cosine, warmup: 0.5}
seeds: [0, 1]
arms:
  plain: {loss: {kind: cross_entropy}}
  longer: {optim: {<<: *optim, epochs: 6}}
  "ldam, drw": {loss: {kind: ldam, max_margin: 0.5}, reweight: {kind: drw}}
grid:
  augment: [{kind: none}, {kind: augmix, width: 3, severity: 3}]
  average: [{kind: none}, {kind: swa, start: 0.5}]
exclude:
  - {augment.kind: augmix, average.kind: swa}
"""
SEARCH: Final = """\
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adamw, lr: 1.0e-3, weight_decay: 0.01, batch_size: 4, epochs: 4}
seeds: [0]
search:
  optim.lr: {log_uniform: [3.0e-4, 3.0e-2]}
  optim.weight_decay: {uniform: [0.0, 0.1]}
  optim.batch_size: {int: [2, 4]}
  loss: {choice: [{kind: cross_entropy}, {kind: ldam}]}
  loss.max_margin: {uniform: [0.2, 0.8]}
sampler: {kind: tpe, seed: 0, startup: 8}
stop: {kind: asha, grace: 0.25, reduction: 2}
budget: {trials: 30, hours: 2}
confirm: {best: 3, seeds: 5}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A file that is read, and by what."""

    name: str
    share: int  # of all cases, relative to the others
    file: Path  # below the folder of a world
    mutate: Mutation
    read: Callable[[Path], object]  # of the folder
    sealed: bool = False  # whether its checksum is made right again, so that what lies deeper is met too


def make_world(folder: Path) -> None:
    """Write one whole file of each kind."""
    (folder / "study.yaml").write_text(STUDY)
    (folder / "search.yaml").write_text(SEARCH)
    (folder / "setting.txt").write_text("optim.lr=1e-3")
    search = load_search(folder / "search.yaml")
    run = ROOT / "tests" / "data_files" / "run_0_1"
    shutil.copytree(run, folder / "run", ignore=lambda _, names: [name for name in names if name in OTHER_TRIALS])
    rng = np.random.default_rng(0)
    bands = tuple(f"B{number}" for number in range(1, 12))
    with StoreWriter(folder / "store", bands=bands, classes=("a", "b"), sensor="landsat8", source={}) as writer:
        for index in range(8):
            patch = rng.integers(0, 255, (11, 8, 8), dtype=np.uint8)
            missing = patch < 3
            writer.add(patch, index % 2, ("train", "train", "val", "test")[index // 2], missing)
        writer.close()
    write_part(folder / "part-r-0", [patch_features(rng.integers(0, 255, (11, 65, 65), dtype=np.uint8), 1)])
    (folder / "folder" / "train" / "a").mkdir(parents=True)
    np.save(folder / "folder" / "train" / "a" / "0.npy", rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
    (folder / "patches.csv").write_text("path,label,split\n0.tif,a,train\n1.tif,b,val\n")
    for name in ("0.tif", "1.tif"):
        profile = {"driver": "GTiff", "width": 8, "height": 8, "count": 3, "dtype": "uint8", "nodata": 0}
        with rasterio.open(folder / name, "w", **profile) as tiff:
            tiff.write(rng.integers(0, 255, (3, 8, 8), dtype=np.uint8))
    (folder / "search").mkdir()
    save_log(folder / "search", log_of(search, [finished(search, 0, None, 0.5, 0.1)]))
    state = {"w": torch.zeros(3)}
    metrics = from_confusion(np.eye(2, dtype=np.int64))
    seen = EpochReport(epoch=1, epochs=2, loss=1.0, lr=0.1, metrics=metrics, seconds=1.0, samples_seen=8)
    training = TrainingState(
        epoch=1, samples_seen=8, network=state, optimizer={"lr": 0.1}, averages={}, history=(seen,)
    )
    (folder / "checkpoint").write_bytes(training.encode())
    (folder / "run" / "failures").mkdir()
    failure = {"format": 1, "id": TRIAL, "error": "it broke", "hint": "mend it", "traceback": None, "time": 1.0}
    (folder / "run" / "failures" / f"{TRIAL}.json").write_text(json.dumps(failure))


def seal(file: Path) -> None:
    """Make the checksum of a trial's file right again."""
    sums = file.parent / "SHA256SUMS"
    lines = [line for line in sums.read_text().splitlines() if not line.endswith(f"  {file.name}")]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    sums.write_text("\n".join([*lines, f"{digest}  {file.name}"]) + "\n")


def _store(folder: Path) -> object:
    store = PatchStore.open(folder / "store")
    return class_counts(store), summarize_bands(store)


def _shown_and_planned(folder: Path) -> object:
    store = PatchStore.open(folder / "store")
    shown = to_text(lambda console: show_store(store, console))
    return shown, raysat.plan(folder / "study.yaml", data=folder / "store")


def _run(folder: Path) -> object:
    ledger = Ledger.open(folder / "run")
    read_progress(ledger)
    collect(ledger)
    return verify(ledger)


def _trial(folder: Path) -> object:
    ledger = Ledger.open(folder / "run")
    collect(ledger)
    ledger.read(TRIAL)
    ledger.read_spec(TRIAL)
    ledger.read_history(TRIAL)
    ledger.read_failure(TRIAL)
    return ledger.read_predictions(TRIAL).metrics()


TRIAL: Final = "1d44869b3f0346af"
OTHER_TRIALS: Final = ("227ebfcd54240ade", "94840256a3b0a0cc", "95c859a5af7b5c54")  # more of the same
_IN_TRIAL: Final = Path("run/trials") / TRIAL


def _patches(source: object) -> int:
    return sum(1 for _ in source.patches)  # type: ignore[attr-defined]


READERS: Final = (
    Reader(
        name="study", share=2, file=Path("study.yaml"), mutate=mutate_yaml,
        read=lambda folder: raysat.plan(folder / "study.yaml", data=folder / "store"),
    ),
    Reader(
        name="search", share=2, file=Path("search.yaml"), mutate=mutate_yaml,
        read=lambda folder: load_search(folder / "search.yaml"),
    ),
    Reader(
        name="search.json", share=5, file=Path("search/search.json"), mutate=mutate_json,
        read=lambda folder: read_log(folder / "search"),
    ),
    Reader(
        name="checkpoint", share=3, file=Path("checkpoint"), mutate=mutate_bytes,
        read=lambda folder: decode((folder / "checkpoint").read_bytes()),
    ),
    Reader(
        name="--set", share=4, file=Path("setting.txt"), mutate=yaml_value,
        read=lambda folder: parse_settings([(folder / "setting.txt").read_text("utf-8", "surrogatepass")]),
    ),
    Reader(name="store.json", share=12, file=Path("store/store.json"), mutate=mutate_json, read=_store),
    Reader(
        name="store, shown", share=1, file=Path("store/store.json"), mutate=mutate_json, read=_shown_and_planned
    ),
    Reader(name="images.npy", share=9, file=Path("store/images.npy"), mutate=mutate_npy, read=_store),
    Reader(name="labels.npy", share=8, file=Path("store/labels.npy"), mutate=mutate_npy, read=_store),
    Reader(name="nodata.npy", share=4, file=Path("store/nodata.npy"), mutate=mutate_npy, read=_store),
    Reader(name="plan.json", share=8, file=Path("run/plan.json"), mutate=mutate_json, read=_run),
    Reader(name="progress.json", share=3, file=Path("run/progress.json"), mutate=mutate_json, read=_run),
    Reader(name="SHA256SUMS", share=3, file=_IN_TRIAL / "SHA256SUMS", mutate=mutate_bytes, read=_run),
    Reader(
        name="failure", share=3, file=Path("run/failures") / f"{TRIAL}.json", mutate=mutate_json, read=_trial
    ),
    Reader(name="record.json", share=8, file=_IN_TRIAL / "record.json", mutate=mutate_json, read=_trial, sealed=True),
    Reader(name="spec.json", share=4, file=_IN_TRIAL / "spec.json", mutate=mutate_json, read=_trial, sealed=True),
    Reader(name="history.csv", share=4, file=_IN_TRIAL / "history.csv", mutate=mutate_csv, read=_trial, sealed=True),
    Reader(
        name="predictions", share=8, file=_IN_TRIAL / "predictions.npz", mutate=mutate_npz, read=_trial, sealed=True
    ),
    Reader(
        name="TFRecord", share=6, file=Path("part-r-0"), mutate=mutate_tfrecord,
        read=lambda folder: _patches(read_droughtwatch(folder / "part-r-0")),
    ),
    Reader(
        name="GeoTIFF", share=4, file=Path("0.tif"), mutate=mutate_tiff,
        read=lambda folder: _patches(read_geotiff(folder / "patches.csv", bands=("r", "g", "b"), sensor=None)),
    ),
    Reader(
        name="manifest", share=4, file=Path("patches.csv"), mutate=mutate_csv,
        read=lambda folder: _patches(read_geotiff(folder / "patches.csv", bands=("r", "g", "b"), sensor=None)),
    ),
    Reader(
        name="array", share=4, file=Path("folder/train/a/0.npy"), mutate=mutate_npy,
        read=lambda folder: _patches(read_folder(folder / "folder", bands=("r", "g", "b"))),
    ),
)  # fmt: skip

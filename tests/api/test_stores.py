"""Stores through the Python API: the importers of the command line, and frames of what a store holds."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import raysat
from raysat.data.store import PatchStore
from raysat.errors import StoreError, UsageError


def test_a_store_shows_itself_and_gives_frames(landsat_store: PatchStore) -> None:
    store = raysat.open_store(landsat_store.path)
    frame = store.to_frame()
    assert len(frame) == len(store) == 96
    counts = store.class_counts()
    assert counts["all"].tolist() == frame["class"].value_counts().reindex(store.classes).tolist()
    assert counts["train"].sum() == (frame["split"] == "train").sum()
    bands = store.band_frame()
    assert bands.index.tolist() == list(store.bands)
    train = store.images[store.indices("train")]
    assert bands["mean"].tolist() == pytest.approx(train.mean(axis=(0, 2, 3)).tolist())
    assert "96 x 3 x 32 x 32 uint8, 3 classes" in repr(store)
    assert "fingerprint" in str(store)


def test_a_store_that_is_gone_still_shows_itself_and_equals_itself(tmp_path: Path) -> None:
    made = raysat.make_synthetic(tmp_path / "store", size=50).store
    again = raysat.open_store(tmp_path / "store")
    assert made == again
    assert len({made, again}) == 1
    assert made != raysat.make_synthetic(tmp_path / "store", size=50, seed=1, overwrite=True).store
    shutil.rmtree(tmp_path / "store")
    assert "No such file" in str(again)
    assert "No such file" in again._repr_html_()


def test_importers_make_the_store_that_they_return(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 2)):
        for name, value in (("a", 10), ("b", 90)):
            folder = tmp_path / "arrays" / split / name
            folder.mkdir(parents=True)
            for n in range(count):
                np.save(folder / f"{n}.npy", np.full((40, 40, 3), value + n, np.uint8))
    seen: list[tuple[int, int]] = []
    summary = raysat.import_folder(
        tmp_path / "arrays",
        tmp_path / "store",
        bands=["R", "G", "B"],
        allow_duplicates=True,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert summary.read == 16
    assert seen[-1] == (16, 16)
    assert summary.store.class_counts().loc["a"].to_dict() == {"train": 6, "val": 2, "all": 8}  # type: ignore[attr-defined]
    assert raysat.open_store(tmp_path / "store").bands == ("R", "G", "B")


def test_a_synthetic_store_can_be_drawn(tmp_path: Path) -> None:
    store = raysat.make_synthetic(tmp_path / "synthetic", size=40).store
    assert isinstance(store, raysat.Store)
    store.plot(tmp_path / "sheet.png", per_class=2)
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_mistakes_are_errors(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no patch store"):
        raysat.open_store(tmp_path / "nothing")
    (tmp_path / "m.csv").write_text("path,label\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the bands of the files are not named"):
        raysat.import_geotiff(tmp_path / "m.csv", tmp_path / "s")

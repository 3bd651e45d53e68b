"""A store through the Python API: how it shows itself, and frames of what it holds."""

import shutil
from pathlib import Path

import pytest

import raysat
from raysat.data.store import PatchStore
from raysat.errors import StoreError


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
    for shown in (str(again), again._repr_html_()):  # it is wrapped after a long path
        assert "No such file" in " ".join(shown.split())


def test_a_synthetic_store_can_be_drawn(tmp_path: Path) -> None:
    store = raysat.make_synthetic(tmp_path / "synthetic", size=40).store
    assert isinstance(store, raysat.Store)
    store.plot(tmp_path / "sheet.png", per_class=2)
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_a_store_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no patch store"):
        raysat.open_store(tmp_path / "nothing")

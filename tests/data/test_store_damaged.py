"""A store that is damaged, or none, is refused with a cause."""

import json

import numpy as np
import pytest

from raysat.data.store import PatchStore
from raysat.errors import StoreError
from tests.helpers.data import patches, splits_of, write_store


def edit(store, **changes):
    meta = json.loads((store.path / "store.json").read_text())
    (store.path / "store.json").write_text(json.dumps(meta | changes))


def drop(store, *keys):
    meta = json.loads((store.path / "store.json").read_text())
    for key in keys:
        del meta[key]
    (store.path / "store.json").write_text(json.dumps(meta))


def truncate(file, by):
    content = file.read_bytes()
    file.write_bytes(content[:-by])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: (s.path / "store.json").unlink(), "is not a patch store"),
        (lambda s: (s.path / "store.json").write_text("{"), "cannot be read"),
        (lambda s: (s.path / "store.json").write_text("[]"), "is damaged: not a JSON object"),
        (lambda s: (s.path / "store.json").write_bytes(b"\xff\xfe"), "cannot be read"),
        (lambda s: edit(s, format=99), "has format 99, this raysat reads 1"),
        (lambda s: drop(s, "bands"), r"store\.json is damaged: bands: Field required"),
        (lambda s: edit(s, stats=[{"mean": 1}]), r"is damaged: stats\.0\.std: Field required"),
        (lambda s: edit(s, splits="tve?" * 3), "splits: patch 3 is in no known split"),
        (lambda s: edit(s, splits="tve"), "inconsistent"),
        (lambda s: edit(s, bands=["a"]), "inconsistent"),
        (lambda s: edit(s, classes=["only"]), "labels uint8 up to 1 for 1 classes"),
        (lambda s: edit(s, nodata=[0]), "inconsistent: statistics of 2 and nodata pixels of 1 bands, 2 bands"),
        (lambda s: edit(s, nodata=[-1, 0]), r"damaged: nodata\.0: Input should be greater"),
        (lambda s: edit(s, nodata=[0, 301]), "inconsistent: nodata .* of 300 pixels"),
        (lambda s: edit(s, nodata=None), "is damaged: nodata"),
        (lambda s: edit(s, nodata=[0, float("inf")]), r"is damaged: nodata\.1"),
        (lambda s: edit(s, nodata=["many", 0]), r"is damaged: nodata\.0"),
        (lambda s: (s.path / "images.npy").unlink(), r"images\.npy cannot be read: No such file"),
        (lambda s: (s.path / "labels.npy").unlink(), r"labels\.npy cannot be read: No such file"),
        (lambda s: truncate(s.path / "images.npy", 1), "cannot be read"),
        (lambda s: truncate(s.path / "labels.npy", 1), "cannot be read"),
        (lambda s: (s.path / "images.npy").write_bytes(b""), "cannot be read"),
        (lambda s: np.save(s.path / "images.npy", np.zeros(12)), "inconsistent"),
        (lambda s: np.save(s.path / "labels.npy", np.zeros(12, np.int64)), "labels int64"),
        (lambda s: np.save(s.path / "labels.npy", np.uint8(0)), "inconsistent"),
        (lambda s: np.save(s.path / "images.npy", np.uint8(0)), "inconsistent"),
        (lambda s: np.save(s.path / "labels.npy", np.array([{}] * 12), allow_pickle=True), "cannot be read"),
    ],
)
def test_a_damaged_store_is_refused(store, damage, message):
    damage(store)
    with pytest.raises(StoreError, match=message) as caught:
        PatchStore.open(store.path)
    assert str(store.path) in caught.value.message
    assert caught.value.hint


def test_a_store_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "none", tmp_path, tmp_path / "file"):
        with pytest.raises(StoreError, match="is not a patch store") as caught:
            PatchStore.open(path)
        assert "raysat.import_geotiff" in caught.value.hint


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "cannot be read: .*No such file"),
        (lambda file: truncate(file, 1), "cannot be read"),
        (lambda file: file.write_bytes(b""), "cannot be read"),
        (lambda file: np.save(file, np.array([{}]), allow_pickle=True), "cannot be read"),
        (lambda file: np.save(file, np.zeros((12, 2, 3), np.uint8)), r"is inconsistent: \(12, 2, 3\) uint8"),
        (lambda file: np.save(file, np.zeros((12, 2, 4), np.int8)), "is inconsistent"),
    ],
)
def test_a_damaged_mask_is_refused_where_it_is_needed(tmp_path, damage, message):
    missing = np.zeros((12, 2, 5, 5), bool)
    missing[4, 1, 2, 2] = True
    damage(write_store(tmp_path / "s", patches(), np.zeros(12), splits_of(12), missing).path / "nodata.npy")
    store = PatchStore.open(tmp_path / "s")  # training does without
    assert not store.missing(np.arange(12), 0).any()  # nothing is missing in this band
    with pytest.raises(StoreError, match=rf"s/nodata\.npy {message}") as caught:
        store.missing(np.arange(12), 1)
    assert caught.value.hint


@pytest.mark.parametrize(("mark", "generated"), [(True, True), (False, False), ("yes", False), (None, False)])
def test_an_old_store_carries_the_mark_of_generated_patches_in_its_source(store, mark, generated):
    drop(store, "generated", "checksum")
    edit(store, source={"generated": mark})
    assert PatchStore.open(store.path).generated is generated


def test_a_store_from_before_nodata_was_counted_still_opens(store):
    drop(store, "nodata", "checksum")
    old = PatchStore.open(store.path)
    assert old.nodata is None
    assert not old.missing(np.arange(12), 0).any()
    assert old.fingerprint == store.fingerprint

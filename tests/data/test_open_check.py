"""What opening a store looks at: the checksum covers it, and does not change with what later versions add."""

import json
import time

import numpy as np
import pytest

from raysat.data import open_check
from raysat.data.open_check import checksum
from raysat.data.patch_store import PatchStore
from raysat.data.store_meta import StoreMeta
from raysat.errors import StoreError
from tests.helpers.data import patches, splits_of, write_store


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "s", patches(200), np.arange(200) % 2, splits_of(200))


def described(store):
    return json.loads((store.path / "store.json").read_text())


@pytest.mark.parametrize("row", [0, 199])
def test_a_patch_that_is_looked_at_may_not_change(store, row):
    images = np.array(store.images)
    images[row, 1, 2, 3] ^= 1
    np.save(store.path / "images.npy", images)
    with pytest.raises(StoreError, match="a file was changed or replaced after the store was written"):
        PatchStore.open(store.path)


def test_a_label_and_a_split_may_not_change(store):
    labels = np.array(store.labels)
    labels[7] ^= 1
    np.save(store.path / "labels.npy", labels)
    with pytest.raises(StoreError, match="the checksum differs"):
        PatchStore.open(store.path)
    np.save(store.path / "labels.npy", store.labels)
    meta = described(store)
    (store.path / "store.json").write_text(json.dumps(meta | {"splits": "e" + meta["splits"][1:]}))
    with pytest.raises(StoreError, match="the checksum differs"):
        PatchStore.open(store.path)


def test_the_images_of_another_store_are_found(store, tmp_path):
    other = write_store(tmp_path / "o", patches(200, seed=1), np.arange(200) % 2, splits_of(200))
    (other.path / "images.npy").replace(store.path / "images.npy")
    with pytest.raises(StoreError, match="the checksum differs"):
        PatchStore.open(store.path)


def test_the_checksum_is_of_what_it_names_and_of_nothing_else(store):
    text = json.dumps(described(store) | {"source": {"other": 1}, "of_a_later_raysat": 1, "checksum": None})
    meta = StoreMeta.model_validate_json(text)
    assert checksum(meta, store.images, store.labels) == described(store)["checksum"]


def test_an_old_store_has_no_checksum_and_opens(store):
    meta = described(store)
    for key in ("checksum", "shape", "dtype", "nodata", "generated"):
        del meta[key]
    (store.path / "store.json").write_text(json.dumps(meta))
    old = PatchStore.open(store.path)
    assert (old.fingerprint, old.stats, old.nodata, old.generated) == (store.fingerprint, store.stats, None, False)


def test_of_large_patches_two_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(open_check, "_SAMPLE_BYTES", 100)
    store = write_store(tmp_path / "s", patches(12), np.zeros(12), splits_of(12))
    images = np.array(store.images)
    images[5] = 0
    np.save(store.path / "images.npy", images)
    assert PatchStore.open(store.path)
    images[11] = 0
    np.save(store.path / "images.npy", images)
    with pytest.raises(StoreError, match="the checksum differs"):
        PatchStore.open(store.path)


def test_all_of_droughtwatch_opens_within_a_second(store, tmp_path):
    count, big = 86_317, tmp_path / "big"
    big.mkdir()
    meta = described(store)
    meta |= {"splits": "tve" * (count // 3) + "t", "stats": meta["stats"][:1] * 11, "nodata": [0] * 11}
    meta |= {"shape": [count, 11, 65, 65], "bands": [f"b{band}" for band in range(11)], "checksum": None}
    (big / "store.json").write_text(json.dumps(meta))
    np.save(big / "labels.npy", np.zeros(count, np.uint8))
    with (big / "images.npy").open("wb") as file:
        shape = {"descr": "|u1", "fortran_order": False, "shape": (count, 11, 65, 65)}
        np.lib.format.write_array_header_1_0(file, shape)
        file.truncate(file.tell() + count * 11 * 65 * 65)  # sparse: 4 GB of zeros that take no space
    opened = PatchStore.open(big)
    text = json.dumps(meta | {"checksum": None})
    sealed = checksum(StoreMeta.model_validate_json(text), opened.images, opened.labels)
    (big / "store.json").write_text(json.dumps(meta | {"checksum": sealed}))
    started = time.process_time()  # a busy machine takes no more of it
    PatchStore.open(big)
    assert time.process_time() - started < 1

"""The patch store: what was added comes back, mapped and not copied, and its fingerprint is right."""

import io
import json
import os
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.store import PatchStore, StoreWriter
from tests.helpers.data import OPTIONS, patches, quick, splits_of, write_store


@quick
@given(
    count=st.integers(1, 40),
    bands=st.integers(1, 13),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    dtype=st.sampled_from((np.uint8, np.uint16, np.float32, ">u2", ">f4")),
    seed=st.integers(0, 999),
)
def test_what_was_added_comes_back(tmp_path_factory, count, bands, height, width, dtype, seed):
    rng = np.random.default_rng(seed)
    images = (rng.random((count, bands, height, width)) * 255).astype(dtype)
    labels = rng.integers(0, 5, count)
    splits = ["train", *rng.choice(["train", "val", "test"], count - 1)]
    path = tmp_path_factory.mktemp("round") / "store"
    written = write_store(path, images, labels, splits, classes=tuple("pqrst"), sensor="landsat8", ordinal=True)
    store = PatchStore.open(str(path))
    np.testing.assert_array_equal(store.images, images)
    np.testing.assert_array_equal(store.labels, labels)
    assert [("train", "val", "test")[code] for code in store.splits] == list(splits)
    assert store.images.dtype == np.dtype(dtype).newbyteorder("=")
    assert (store.bands, store.classes) == (tuple(f"b{band}" for band in range(bands)), tuple("pqrst"))
    assert (store.sensor, store.ordinal, store.source) == ("landsat8", True, {"kind": "test"})
    assert store.fingerprint == written.fingerprint
    assert store.stats == written.stats


def test_splits_counts_and_the_reported_split(store, tmp_path):
    np.testing.assert_array_equal(store.indices("val"), [1, 4, 7, 10])
    np.testing.assert_array_equal(store.counts("train"), [2, 2])
    assert store.reported_split == "test"
    assert write_store(tmp_path / "two", patches(2), [0, 0], ["train", "val"]).reported_split == "val"
    assert len(store) == 12


def test_splits_can_be_given_at_the_end(tmp_path):
    with StoreWriter(tmp_path / "s", **OPTIONS) as writer:
        for image in patches(3):
            writer.add(image, 0)
        store = writer.close(["val", "train", "test"])
    np.testing.assert_array_equal(store.splits, [1, 0, 2])
    assert store.stats[0].mean == pytest.approx(patches(3)[1, 0].mean())


def test_opening_maps_and_does_not_copy(store):
    assert isinstance(store.images, np.memmap)
    assert not store.images.flags.writeable
    with (store.path / "images.npy").open("r+b") as file:  # a change on disk shows: it is the file that we see
        file.seek(-1, os.SEEK_END)
        file.write(bytes([255 - int(store.images[-1, -1, -1, -1])]))
    assert store.images[-1, -1, -1, -1] == 255 - patches()[-1, -1, -1, -1]


@pytest.mark.slow
def test_opening_costs_the_same_whatever_the_size(store, tmp_path):
    count = 100_000  # 4.6 GB of pixels, as a sparse file
    big = tmp_path / "big"
    big.mkdir()
    meta = json.loads((store.path / "store.json").read_text())
    bands = [f"b{band}" for band in range(11)]
    meta |= {"splits": "tve" * 33_333 + "t", "bands": bands, "stats": meta["stats"][:1] * 11, "nodata": [0] * 11}
    meta |= {"shape": [count, 11, 65, 65], "checksum": None}
    (big / "store.json").write_text(json.dumps(meta))
    np.save(big / "labels.npy", np.zeros(count, np.uint8))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (count, 11, 65, 65)})
    with (big / "images.npy").open("wb") as file:
        file.write(header.getvalue())
        file.truncate(len(header.getvalue()) + count * 11 * 65 * 65)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        opened = PatchStore.open(big)
        seconds.append(time.process_time() - started)
    assert opened.images.shape == (count, 11, 65, 65)
    assert min(seconds) < 0.05
    tracemalloc.start()
    PatchStore.open(big)
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


def test_memory_stays_flat_while_writing(tmp_path):
    image = patches(1, 11, 65)[0]

    def peak(count):
        tracemalloc.start()
        with StoreWriter(tmp_path / f"s{count}", **OPTIONS | {"bands": [f"b{band}" for band in range(11)]}) as writer:
            for index in range(count):
                writer.add(image, index % 2)
            writer.close()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(600) < peak(100) + 1e6  # 500 patches more are 23 MB


def test_the_fingerprint_is_of_what_training_sees(tmp_path):
    images, labels, splits = patches(), np.arange(12) % 2, splits_of(12)
    base = write_store(tmp_path / "base", images, labels, splits).fingerprint
    changed = images.copy()
    changed[5, 1, 2, 3] ^= 1
    others = [
        write_store(tmp_path / "pixel", changed, labels, splits),
        write_store(tmp_path / "label", images, labels[::-1], splits),
        write_store(tmp_path / "split", images, labels, ["train", "train", *splits[2:]]),
        write_store(tmp_path / "bands", images, labels, splits, bands=["b1", "b0"]),
        write_store(tmp_path / "names", images, labels, splits, classes=["c1", "c0"]),
        write_store(tmp_path / "sensor", images, labels, splits, sensor="naip"),
    ]
    assert len({base, *(other.fingerprint for other in others)}) == 7
    elsewhere = write_store(tmp_path / "deep" / "er", images, labels, splits, source={"kind": "elsewhere"})
    assert elsewhere.fingerprint == base

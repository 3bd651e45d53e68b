"""The patch store: whole or absent, mapped and not copied, its statistics and fingerprint right."""

import io
import json
import os
import resource
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from data_helpers import left_behind, quick, write_store
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import DataError, StoreError

OPTIONS = {"bands": ("a", "b"), "classes": ("x", "y"), "sensor": None, "source": {}}


def patches(count=12, bands=2, side=5, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0.2, 0.1, (count, bands, side, side)).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, (count, bands, side, side), dtype=dtype, endpoint=True)


def splits_of(count):
    return [("train", "val", "test")[index % 3] for index in range(count)]


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "store", patches(), np.arange(12) % 2, splits_of(12), ordinal=True, sensor="naip")


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


@pytest.mark.parametrize(
    "images",
    [
        patches(600, 3, 40),  # several blocks
        patches(300, 2, 40, np.uint16),
        patches(200, 4, 40, np.float32),
        (patches(300, 2, 30, np.float32) + 30_000).astype(np.float32),  # a sum of squares would cancel
    ],
    ids=["uint8", "uint16", "float32", "offset"],
)
def test_statistics_are_those_of_the_train_split(tmp_path, images):
    splits = splits_of(len(images))
    store = write_store(tmp_path / "s", images, np.zeros(len(images)), splits)
    train = images[[split == "train" for split in splits]].astype(np.float64)
    for band, stats in enumerate(store.stats):
        assert stats.mean == pytest.approx(train[:, band].mean(), rel=1e-12)
        assert stats.std == pytest.approx(train[:, band].std(), rel=1e-9)
        low, high = (0, 255) if images.dtype == np.uint8 else (train[:, band].min(), train[:, band].max())
        assert (stats.low, stats.high) == (low, high)


def test_opening_maps_and_does_not_copy(store):
    assert isinstance(store.images, np.memmap)
    assert not store.images.flags.writeable
    with (store.path / "images.npy").open("r+b") as file:  # a change on disk shows: it is the file that we see
        file.seek(-1, os.SEEK_END)
        file.write(bytes([255 - int(store.images[-1, -1, -1, -1])]))
    assert store.images[-1, -1, -1, -1] == 255 - patches()[-1, -1, -1, -1]


def test_opening_costs_the_same_whatever_the_size(store, tmp_path):
    count = 100_000  # 4.6 GB of pixels, as a sparse file
    big = tmp_path / "big"
    big.mkdir()
    meta = json.loads((store.path / "store.json").read_text())
    bands = [f"b{band}" for band in range(11)]
    meta |= {"splits": "tve" * 33_333 + "t", "bands": bands, "stats": meta["stats"][:1] * 11}
    (big / "store.json").write_text(json.dumps(meta))
    np.save(big / "labels.npy", np.zeros(count, np.uint8))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (count, 11, 65, 65)})
    with (big / "images.npy").open("wb") as file:
        file.write(header.getvalue())
        file.truncate(len(header.getvalue()) + count * 11 * 65 * 65)
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        opened = PatchStore.open(big)
        seconds.append(time.perf_counter() - started)
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
        with StoreWriter(tmp_path / f"s{count}", **OPTIONS | {"bands": range(11)}) as writer:
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


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, DataError])
def test_nothing_is_left_behind_where_writing_stops(tmp_path, stop):
    def write():
        with StoreWriter(tmp_path / "s", **OPTIONS) as writer:
            writer.add(patches()[0], 0)
            raise stop("now")

    with pytest.raises(stop):
        write()
    assert left_behind(tmp_path) == []


def test_leaving_without_close_leaves_nothing(tmp_path):
    with StoreWriter(tmp_path / "s", **OPTIONS) as writer:
        writer.add(patches()[0], 0)
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path):
    def write():
        with StoreWriter(tmp_path / "s", **OPTIONS) as writer:
            writer.add(patches()[0], 0)
            writer._images._file = open("/dev/full", "wb")  # noqa: PTH123, SIM115  (the kernel's own ENOSPC)
            for image in patches(4000):
                writer.add(image, 0)

    with pytest.raises(DataError, match=r"s cannot be written: No space left on device") as caught:
        write()
    assert "free some space" in caught.value.hint
    assert left_behind(tmp_path) == []


def test_a_file_size_limit_is_a_clear_error_and_keeps_the_old_store(tmp_path):
    old = write_store(tmp_path / "s", patches(), np.zeros(12), splits_of(12)).fingerprint
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(DataError, match="cannot be written: File too large"):
            write_store(tmp_path / "s", patches(9000), np.zeros(9000), splits_of(9000), overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_behind(tmp_path) == ["s"]
    assert PatchStore.open(tmp_path / "s").fingerprint == old


def test_no_permission_is_a_clear_error(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(DataError, match="s cannot be written: Permission denied") as caught:
        StoreWriter(tmp_path / "s", **OPTIONS)
    assert "permissions" in caught.value.hint


def test_a_file_in_the_way_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        StoreWriter(tmp_path / "file" / "s", **OPTIONS)


def test_an_existing_store_stays_unless_told_otherwise(store):
    before = store.fingerprint
    with pytest.raises(DataError, match="exists already") as caught:
        StoreWriter(store.path, **OPTIONS)
    assert "--overwrite" in caught.value.hint
    assert PatchStore.open(store.path).fingerprint == before
    new = write_store(store.path, patches(seed=1), np.zeros(12), splits_of(12), overwrite=True)
    assert new.fingerprint != before
    assert left_behind(store.path.parent) == ["store"]


def test_overwrite_replaces_stores_alone(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is not a patch store, so it is not overwritten"):
        StoreWriter(tmp_path / "precious", **OPTIONS, overwrite=True)
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years of work"


def test_of_two_writers_at_once_the_first_wins(tmp_path):
    with StoreWriter(tmp_path / "s", **OPTIONS) as late:
        late.add(patches()[0], 0)
        first = write_store(tmp_path / "s", patches(), np.zeros(12), splits_of(12))
        with pytest.raises(DataError, match="exists already"):
            late.close()
    assert PatchStore.open(tmp_path / "s").fingerprint == first.fingerprint
    assert left_behind(tmp_path) == ["s"]


@pytest.mark.parametrize(
    ("patch", "label", "message"),
    [
        (np.zeros((2, 5, 6), np.uint8), 0, "2 x 5 x 6 uint8, the ones before it are 2 x 5 x 5 uint8"),
        (np.zeros((2, 5, 5), np.uint16), 0, "uint16, the ones before it"),
        (np.zeros((2, 5, 5), np.uint8), 2, r"label 2 is outside 0\.\.1"),
        (np.zeros((2, 5, 5), np.uint8), -1, "label -1 is outside"),
    ],
)
def test_a_patch_unlike_the_first_is_refused(tmp_path, patch, label, message):
    with StoreWriter(tmp_path / "s", **OPTIONS) as writer:
        writer.add(patches()[0], 0)
        with pytest.raises(DataError, match=message):
            writer.add(patch, label)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (np.zeros((3, 5, 5), np.uint8), "expected 2 bands first"),
        (np.zeros((5, 5), np.uint8), "expected 2 bands first"),
        (np.zeros((2, 0, 5), np.uint8), "expected 2 bands first"),
        (np.zeros((2, 5, 5), np.int16), "type int16 are not supported"),
        (np.full((2, 5, 5), np.nan, np.float32), "NaN"),
    ],
)
def test_a_first_patch_that_cannot_be_stored_is_refused(tmp_path, patch, message):
    with pytest.raises(DataError, match=message), StoreWriter(tmp_path / "s", **OPTIONS) as writer:
        writer.add(patch, 0)


def test_a_store_needs_patches_to_train_on(tmp_path):
    with pytest.raises(DataError, match="no patch to store"), StoreWriter(tmp_path / "s", **OPTIONS) as writer:
        writer.close()
    with pytest.raises(DataError, match="no patch is in the train split"):
        write_store(tmp_path / "s", patches(2), [0, 0], ["val", "test"])
    with pytest.raises(DataError, match="300 classes"):
        StoreWriter(tmp_path / "s", **OPTIONS | {"classes": range(300)})
    assert left_behind(tmp_path) == []


def edit(store, **changes):
    meta = json.loads((store.path / "store.json").read_text())
    (store.path / "store.json").write_text(json.dumps(meta | changes))


def drop(store, key):
    meta = json.loads((store.path / "store.json").read_text())
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
        (lambda s: (s.path / "store.json").write_text("[]"), "cannot be read"),
        (lambda s: (s.path / "store.json").write_bytes(b"\xff\xfe"), "cannot be read"),
        (lambda s: edit(s, format=99), "has format 99, this raysat reads 1"),
        (lambda s: drop(s, "bands"), "'bands' is missing"),
        (lambda s: edit(s, stats=[{"mean": 1}]), "cannot be read"),
        (lambda s: edit(s, splits="tve?" * 3), "unknown letter"),
        (lambda s: edit(s, splits="tve"), "inconsistent"),
        (lambda s: edit(s, bands=["a"]), "inconsistent"),
        (lambda s: edit(s, classes=["only"]), "labels uint8 up to 1 for 1 classes"),
        (lambda s: (s.path / "images.npy").unlink(), "is incomplete: .*images.npy"),
        (lambda s: (s.path / "labels.npy").unlink(), "is incomplete: .*labels.npy"),
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
        assert "raysat data import" in caught.value.hint

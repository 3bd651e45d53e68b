"""Writing a store: whole or absent, never over something else, and nothing that does not belong in it."""

import resource
from pathlib import Path

import numpy as np
import pytest

from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import DataError, DiskError
from tests.helpers.data import OPTIONS, left_behind, patches, splits_of, write_store


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
            writer._patches._images._file = open("/dev/full", "wb")  # noqa: PTH123, SIM115  (the kernel's own ENOSPC)
            for image in patches(4000):
                writer.add(image, 0)

    with pytest.raises(DiskError, match=r"s cannot be written: No space left on device") as caught:
        write()
    assert "free some space" in caught.value.hint
    assert left_behind(tmp_path) == []


def test_a_file_size_limit_is_a_clear_error_and_keeps_the_old_store(tmp_path):
    old = write_store(tmp_path / "s", patches(), np.zeros(12), splits_of(12)).fingerprint
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(DiskError, match="cannot be written: File too large"):
            write_store(tmp_path / "s", patches(9000), np.zeros(9000), splits_of(9000), overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_behind(tmp_path) == ["s"]
    assert PatchStore.open(tmp_path / "s").fingerprint == old


def test_no_permission_is_a_clear_error(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DiskError, match="s cannot be written: Permission denied") as caught:
        StoreWriter(tmp_path / "s", **OPTIONS)
    assert "permissions" in caught.value.hint


def test_a_file_in_the_way_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="cannot be written"):
        StoreWriter(tmp_path / "file" / "s", **OPTIONS)


def test_an_existing_store_stays_unless_told_otherwise(store):
    before = store.fingerprint
    with pytest.raises(DataError, match="exists already") as caught:
        StoreWriter(store.path, **OPTIONS)
    assert "overwrite" in caught.value.hint
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

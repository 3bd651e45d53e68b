"""The full check of a store finds what opening it cannot see, and nothing in a store that is whole."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data import open_check
from raysat.data.patch_store import PatchStore
from raysat.data.verify import verify_store
from tests.helpers.data import patches, quick, splits_of, write_store


@quick
@given(
    count=st.integers(1, 40),
    dtype=st.sampled_from((np.uint8, np.uint16, np.float32)),
    holes=st.sampled_from((0.0, 0.01, 0.4)),
    seed=st.integers(0, 99),
)
def test_what_was_written_is_whole(tmp_path_factory, count, dtype, holes, seed):
    missing = np.random.default_rng(seed).random((count, 2, 5, 5)) < holes
    missing[0, :, 0, 0] = False  # each band has a training pixel
    path = tmp_path_factory.mktemp("whole") / "s"
    store = write_store(path, patches(count, dtype=dtype, seed=seed), np.arange(count) % 3, splits_of(count), missing)
    seen = []
    found = verify_store(store, progress=lambda done, total: seen.append((done, total)))
    assert found.faults == ()
    assert found
    assert (found.patches, found.bytes) == (count, store.images.nbytes)
    assert seen[-1] == (count, count)


@pytest.fixture
def unseen(tmp_path, monkeypatch):
    """A store with nodata, of which opening looks at the first and the last patch."""
    monkeypatch.setattr(open_check, "_SAMPLE", 2)
    missing = np.zeros((12, 2, 5, 5), bool)
    missing[4, 1, 2, 2] = True
    return write_store(
        tmp_path / "s", patches(dtype=np.float32), np.arange(12) % 2, splits_of(12), missing, bands=["red", "nir"]
    ).path


def overwrite(path, place, value):
    file = np.load(path, mmap_mode="r+")
    file[place] = value
    file.flush()


def faults(path):
    return verify_store(PatchStore.open(path)).faults


def test_a_changed_pixel_that_opening_does_not_look_at_is_found(unseen):
    overwrite(unseen / "images.npy", (3, 0, 1, 1), 7)  # of a training patch
    found = faults(unseen)
    assert "the fingerprint of its content is" in found[0]
    assert {fault.split(" is ")[0] for fault in found[1:]} >= {"mean of band 'red'", "std of band 'red'"}
    assert not any("nir" in fault for fault in found)


def test_a_changed_pixel_of_another_split_leaves_the_statistics(unseen):
    overwrite(unseen / "images.npy", (4, 0, 1, 1), 7)
    assert len(faults(unseen)) == 1


def test_values_that_are_no_numbers_are_found(unseen):
    overwrite(unseen / "images.npy", (7, 0, 1, 1), np.nan)
    assert "patch 7 holds NaN or infinite values" in faults(unseen)


def test_nodata_that_is_not_the_mean_is_found(unseen):
    overwrite(unseen / "images.npy", (4, 1, 2, 2), 7)
    assert faults(unseen) == ("patch 4 has a nodata pixel that is not its band's mean",)


def test_another_mask_is_found(unseen):
    overwrite(unseen / "nodata.npy", (5, 1, 0), 255)
    assert any("nodata pixels of the bands are (0, 9), store.json counts (0, 1)" in fault for fault in faults(unseen))


@pytest.mark.parametrize("key", ["mean", "std", "low", "high"])
def test_other_statistics_are_found(unseen, key):
    meta = json.loads((unseen / "store.json").read_text())
    meta["stats"][0][key] += 1e-3 if key != "low" else -1e-3
    meta["checksum"] = None
    (unseen / "store.json").write_text(json.dumps(meta))
    (fault,) = faults(unseen)
    assert fault.startswith(f"{key} of band 'red' is ")


def test_a_store_too_old_to_count_nodata_is_not_measured_by_todays_scale(tmp_path):
    store = write_store(tmp_path / "s", patches(), np.zeros(12), splits_of(12))
    stats = tuple(dataclasses.replace(band, low=1.0, high=9.0) for band in store.stats)
    assert len(verify_store(dataclasses.replace(store, stats=stats)).faults) == 4
    assert not verify_store(dataclasses.replace(store, stats=stats, nodata=None)).faults

"""A store in numbers: true extremes, counts by class and split, the bands of its sensor."""

import json

import numpy as np

from raysat.data.sensors import SENSORS
from raysat.data.store import PatchStore
from raysat.data.summary import class_counts, summarize_bands
from tests.helpers.data import patches, splits_of, write_store


def ranges(store):
    return np.array([band.ranges for band in summarize_bands(store)])


def test_the_extremes_are_the_true_ones_of_all_patches(tmp_path):
    images = np.random.default_rng(0).normal(1000, 50, (9, 1, 20, 20)).astype(np.uint16)
    images[0, 0, 2, 2], images[4, 0, 1, 1] = 60_000, 3  # of the train and the val split
    store = write_store(tmp_path / "s", images, np.zeros(9), ["train"] * 3 + ["val"] * 3 + ["test"] * 3)
    assert ranges(store)[0, [0, -1]].tolist() == [3, 60_000]
    assert store.stats[0].low > 500
    assert store.stats[0].high < 2000


def test_counts_are_of_the_splits_that_have_patches(tmp_path):
    store = write_store(tmp_path / "s", patches(6), [0, 0, 1, 2, 2, 2], ["train"] * 4 + ["test"] * 2)
    assert {split: counts.tolist() for split, counts in class_counts(store).items()} == {
        "train": [2, 1, 1],
        "test": [0, 0, 2],
        "all": [2, 1, 3],
    }


def test_bands_are_those_of_the_sensor_where_it_has_them(tmp_path):
    store = write_store(tmp_path / "s", patches(3), np.zeros(3), splits_of(3), sensor="naip", bands=["N", "x"])
    assert [band.band for band in summarize_bands(store)] == [SENSORS["naip"].bands[3], None]


def test_a_store_that_does_not_count_nodata_has_the_same_ranges(tmp_path):
    store = write_store(tmp_path / "s", patches(3), np.zeros(3), splits_of(3))
    meta = json.loads((store.path / "store.json").read_text())
    del meta["nodata"], meta["checksum"]
    (store.path / "store.json").write_text(json.dumps(meta))
    old = PatchStore.open(store.path)
    assert [band.nodata for band in summarize_bands(old)] == [0, 0]
    np.testing.assert_array_equal(ranges(old), ranges(store))

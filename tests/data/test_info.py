"""What the command line shows of a store's values."""

import numpy as np
from data_helpers import write_store

from raysat.data.info import value_ranges


def test_the_extremes_shown_are_the_true_ones_of_all_patches(tmp_path):
    images = np.random.default_rng(0).normal(1000, 50, (9, 1, 20, 20)).astype(np.uint16)
    images[0, 0, 2, 2], images[4, 0, 1, 1] = 60_000, 3  # of the train and the val split
    store = write_store(tmp_path / "s", images, np.zeros(9), ["train"] * 3 + ["val"] * 3 + ["test"] * 3)
    assert value_ranges(store)[0, [0, -1]].tolist() == [3, 60_000]
    assert store.stats[0].low > 500
    assert store.stats[0].high < 2000

"""What is refused before anything trains."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from training_helpers import MakeStore, config

from raysat.data.store import BandStats
from raysat.errors import BandError, PlanError
from raysat.training.check import band_positions, check


def test_a_good_configuration_passes(make_store: MakeStore) -> None:
    check(config(), make_store())


def test_a_missing_band_is_named(make_store: MakeStore) -> None:
    with pytest.raises(BandError, match="'B9' is not in the store"):
        check(config(data={"bands": ["B6", "B9"]}), make_store())


def test_bands_are_found_in_the_studys_order(make_store: MakeStore) -> None:
    assert band_positions(config(data={"bands": [2, "B6"]}), make_store()) == (2, 0)


@pytest.mark.parametrize(
    ("counts", "batch", "message"),
    [
        ({"train": (5, 0, 3), "val": (1, 1, 1)}, 4, "no training patch of class 'class1'"),
        ({"train": (5, 2, 3), "val": (1, 1, 1)}, 11, "batch_size is 11, but .* has 10 training patches"),
        ({"train": (5, 2, 3)}, 4, "neither val nor test"),
    ],
)
def test_a_store_that_cannot_serve_is_refused(make_store: MakeStore, counts, batch, message) -> None:
    with pytest.raises(PlanError, match=message) as found:
        check(config(optim={"batch_size": batch}), make_store(counts))
    assert found.value.hint


def test_one_class_is_refused(make_store: MakeStore) -> None:
    with pytest.raises(PlanError, match="1 class"):
        check(config(), make_store({"train": (9,), "val": (2,)}, classes=1))


def test_statistics_that_are_not_finite_are_refused_for_bands_in_use(make_store: MakeStore) -> None:
    store = make_store()
    broken = dataclasses.replace(store, stats=(*store.stats[:2], BandStats(mean=np.nan, std=1, low=0, high=1)))
    check(config(data={"bands": ["B6"]}), broken)
    with pytest.raises(PlanError, match="'B2'"):
        check(config(), broken)


def test_checking_needs_no_torch() -> None:
    code = "import sys, raysat.training.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Predictions of a store beside those that the run keeps, and metrics beside scikit-learn's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score

from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import BandError, UsageError
from raysat.inference.load import load_arm
from raysat.inference.store_predictions import predict_store
from raysat.storage.ledger import Ledger
from tests.helpers.maps import BANDS, random_arm


def silent(*_: object) -> None:
    """Nobody is told."""


def test_it_says_what_the_run_keeps(tiny_run: Ledger, landsat_store: PatchStore) -> None:
    trained = load_arm(tiny_run, "plain", device=torch.device("cpu"))
    told: list[tuple[int, int]] = []
    found = predict_store(trained, landsat_store, "test", lambda *step: told.append(step))
    kept = [tiny_run.read_predictions(trial) for trial in trained.trials]
    np.testing.assert_array_equal(found.indices, kept[0].indices)
    mean = np.mean([each.probabilities.astype(np.float32) for each in kept], axis=0)
    np.testing.assert_allclose(found.probabilities, mean, atol=5e-4)  # float16
    assert found.by_seed == tuple(each.metrics() for each in kept)
    assert found.metrics is not None
    labels, predicted = landsat_store.labels[found.indices], found.predicted
    assert found.metrics.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert found.metrics.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert told[-1] == (len(labels), len(labels))
    assert len(predict_store(trained, landsat_store, "all", silent).indices) == len(landsat_store)


def make(path, *, bands=BANDS, classes=("a", "b", "c"), size=16, dtype=np.uint16, sensor="sentinel2") -> PatchStore:
    with StoreWriter(path, bands=bands, classes=classes, sensor=sensor, source={}) as writer:
        for label in range(len(classes)):
            pixels = np.random.default_rng(label).integers(300, 2000, (len(bands), size, size))
            writer.add((pixels % 256 if dtype == np.uint8 else pixels).astype(dtype), label, "train")
        return writer.close()


def test_classes_are_known_by_name(tmp_path) -> None:
    arm = random_arm(models=1)
    found = predict_store(arm, make(tmp_path / "a", classes=("c", "a")), "all", silent)
    assert found.labels is not None
    assert found.labels.tolist() == [2, 0]
    assert found.disagreement is None
    other = predict_store(arm, make(tmp_path / "b", classes=("a", "x")), "all", silent)
    assert (other.labels, other.metrics, other.by_seed) == (None, None, ())


def test_bands_are_known_by_name(tmp_path) -> None:
    arm, store = random_arm(models=1), make(tmp_path / "a", bands=("B08", *BANDS[::-1]))
    found = predict_store(arm, store, "all", silent)
    patches = store.images[:, [3, 2, 1]]
    np.testing.assert_allclose(found.probabilities, arm.models[0].probabilities(patches), atol=1e-7)


@pytest.mark.parametrize(
    ("other", "error", "said"),
    [
        ({"bands": ("B02", "B03")}, BandError, "lacks bands that the models take: B04"),
        ({"size": 32}, UsageError, "has patches 32 x 32 pixels, the models take patches 16 x 16 pixels"),
        ({"dtype": np.uint8}, UsageError, "has values uint8, the models take values uint16"),
        ({"sensor": "sentinel2_l2a"}, UsageError, "has patches of sentinel2_l2a, the models take patches of sentinel2"),
        ({}, UsageError, "has no patches in split test"),
    ],
)
def test_other_stores_are_refused(tmp_path, other, error, said) -> None:
    with pytest.raises(error, match=said):
        predict_store(random_arm(models=1), make(tmp_path / "a", **other), "test", silent)


def test_a_store_of_another_pixel_size_is_refused(tmp_path) -> None:
    store = replace(make(tmp_path / "a"), pixel_size=20.0)
    with pytest.raises(UsageError, match="has pixels of 20 m, the models take pixels of 10 m"):
        predict_store(random_arm(models=1, pixel_size=10.0), store, "all", silent)
    for size in (None, 20.1):  # not known, or the same by rounding
        assert len(predict_store(random_arm(models=1, pixel_size=size), store, "all", silent).indices) == 3

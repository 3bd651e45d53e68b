"""Permutation importance of a planted model that reads one band, and of all bands together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance
from torch import Tensor, nn

from raysat.config.schema import Config
from raysat.data.band_groups import band_groups
from raysat.data.model_inputs import ModelInputs
from raysat.data.sensors import SENSORS
from raysat.data.store import PatchStore
from raysat.inference.classifier import Classifier
from raysat.inference.importance import cost, importance_subject, permutations, permuted_hits
from raysat.storage.explanations import ALL_BANDS
from raysat.training.patches import Scale

CPU = torch.device("cpu")
BOUNDS = (85, 135)  # between the mean brightness of the three classes in B5


class ReadsOneBand(nn.Module):
    """Tells classes apart by the mean of its second band, and reads no other."""

    def __init__(self, inputs: ModelInputs) -> None:
        super().__init__()
        self.stats = inputs.stats[1]

    def forward(self, patches: Tensor) -> Tensor:
        brightness = patches[:, 1].mean(dim=(1, 2)) * self.stats.std + self.stats.mean
        label = torch.bucketize(brightness, torch.tensor(BOUNDS, dtype=torch.float32))
        return 9.0 * nn.functional.one_hot(label, 3).float()


@pytest.fixture(scope="module")
def model(landsat_store: PatchStore) -> Classifier:
    inputs = ModelInputs.of(landsat_store, landsat_store.bands)
    network, scale = ReadsOneBand(inputs), Scale.from_stats(inputs.stats, CPU)
    classes = landsat_store.classes
    return Classifier(config=Config(), inputs=inputs, classes=classes, network=network, device=CPU, scale=scale)


def test_only_what_a_model_reads_is_worth_anything(model: Classifier, landsat_store: PatchStore) -> None:
    rows, seen = landsat_store.indices("train")[::-1].copy(), []
    subject = importance_subject(model.inputs, 3)
    hits = permuted_hits(model, landsat_store, rows, subject, seen.append)
    found = {group.name: hits.hits[place] for place, group in enumerate(subject.groups)}
    labels = landsat_store.labels[rows]
    assert list(found) == ["B2", "B5", "B6", ALL_BANDS]
    np.testing.assert_array_equal(hits.labels, labels)
    np.testing.assert_array_equal(hits.indices, rows)
    assert hits.right.all()
    assert (found["B2"] == 3).all()
    assert (found["B6"] == 3).all()
    donors = permutations(len(rows), 3)
    expected = (labels[donors] == labels).sum(axis=0)  # the label that the other patch's B5 has
    np.testing.assert_array_equal(found["B5"], expected)
    np.testing.assert_array_equal(found[ALL_BANDS], expected)
    assert sum(seen) == cost(subject, len(rows))


def test_the_loss_is_that_of_scikit_learn(model: Classifier, landsat_store: PatchStore) -> None:
    rows = landsat_store.indices("train")

    class OfMeans(ClassifierMixin, BaseEstimator):
        """The same rule on the band means of each patch."""

        classes_ = np.arange(3)

        def fit(self, means, labels):
            return self

        def predict(self, means):
            return np.searchsorted(BOUNDS, means[:, 1])

    means, labels = landsat_store.images[rows].mean(axis=(2, 3)), landsat_store.labels[rows]
    theirs = permutation_importance(OfMeans(), means, labels, scoring="accuracy", n_repeats=60, random_state=0)
    subject = importance_subject(model.inputs, 60)
    hits = permuted_hits(model, landsat_store, rows, subject, lambda _: None)
    ours = (hits.right - hits.hits / 60).mean(axis=1)[:3]
    np.testing.assert_allclose(ours, theirs.importances_mean, atol=4 * theirs.importances_std.max() / np.sqrt(60))
    assert ours[1] > 0.3


def test_permutations_are_the_same_for_whoever_asks() -> None:
    np.testing.assert_array_equal(permutations(40, 2), permutations(40, 5)[:2])
    assert (np.sort(permutations(40, 5), axis=1) == np.arange(40)).all()
    assert not np.array_equal(*permutations(40, 2))


@pytest.mark.parametrize("sensor", SENSORS)
def test_groups_are_bands_of_the_sensor_and_disjoint(sensor: str) -> None:
    bands = SENSORS[sensor].band_names
    groups = band_groups(bands, sensor)
    members = [band for group in groups.values() for band in group]
    assert len(set(members)) == len(members)
    assert set(members) <= set(bands)
    assert all(1 < len(group) < len(bands) for group in groups.values())
    assert "visible" in groups


def test_bands_of_no_known_sensor_have_no_groups() -> None:
    assert band_groups(("a", "b", "c"), None) == {}
    assert band_groups(("B2", "B3"), "landsat8") == {}  # both visible: that is all bands
    assert band_groups(("B6", "B5", "B7"), "landsat8") == {"short-wave infrared": ("B6", "B7")}

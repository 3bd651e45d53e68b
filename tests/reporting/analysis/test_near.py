"""Places of test patches: how near training they lie, and whether their errors correlate by distance."""

from dataclasses import replace

import numpy as np
import pytest

from raysat.data.groups import Grouping, Groups
from raysat.metrics.confusion import confusion_matrix
from raysat.reporting.analysis.near import correlogram, read_near
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.storage.places import KeptPlaces


def studied(*, alike: bool, n: int = 300, seed: int = 0) -> TrialPredictions:
    """Three seeds of an arm on patches in 30 places of 500 m each, 100 km of land; errors by place, or by chance."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 30
    space = rng.uniform(0, 1e5, (30, 3))[codes] + rng.normal(0, 300, (n, 3))
    hard = rng.uniform(0, 1, 30)[codes] if alike else np.full(n, 0.5)
    labels = rng.integers(0, 2, n).astype(np.uint8)
    predicted = np.where(rng.random((3, n)) < hard, labels, 1 - labels).astype(np.uint8)
    return TrialPredictions(
        labels=labels,
        positions=np.arange(n),
        predicted=predicted,
        confusion=np.array([confusion_matrix(labels, row, 2) for row in predicted]),
        rows={"plain": {0: 0, 1: 1, 2: 2}},
        scores=(),
        records=(),
        reliability={},
        places=KeptPlaces(
            indices=np.arange(n),
            groups=Groups(codes=codes, grouping=Grouping(by="scene")),
            space=space,
            apart=np.linspace(0, 2999, n),
            near=1000.0,
        ),
    )


def test_errors_of_one_place_correlate_and_those_of_others_do_not():
    found = read_near(studied(alike=True), "plain")
    assert found.correlogram.together
    assert found.correlogram.correlation[0] > 0.3
    assert abs(found.correlogram.correlation[-1]) < 0.1
    assert (found.near.within, found.resampled, found.lone) == (100, True, ())
    assert found.correlogram.metres[0] < 1000 < found.correlogram.metres[-1]


def test_errors_by_chance_are_within_the_band_about_19_times_in_20():
    outside = [
        (each.correlation > each.high) | (each.correlation < each.low)
        for each in (read_near(studied(alike=False, seed=seed), "plain").correlogram for seed in range(20))
    ]
    assert np.concatenate(outside).mean() < 0.1


def test_the_correlation_of_a_bin_is_the_mean_product_over_the_variance():
    study = studied(alike=True, n=60)
    space = study.places.space
    found = correlogram(study, "plain", space)
    errors = (study.predicted != study.labels).mean(axis=0)
    for k in range(2):
        errors[study.labels == k] -= errors[study.labels == k].mean()
    metres = np.array([[np.linalg.norm(a - b) for b in space] for a in space])
    first, second = np.triu_indices(60, 1)
    nearest = np.argsort(metres[first, second])[: found.pairs[0]]
    products = errors[first[nearest]] * errors[second[nearest]]
    assert found.correlation[0] == pytest.approx(products.mean() / errors.var(), rel=1e-9)
    assert found.metres[0] == pytest.approx(metres[first, second][nearest].mean())


def test_without_errors_or_places_there_is_none():
    study = studied(alike=True)
    right = replace(study, predicted=np.repeat(study.labels[None], 3, axis=0))
    assert read_near(right, "plain").correlogram is None
    one_place = replace(study.places, space=np.ones((300, 3)))
    assert read_near(replace(study, places=one_place), "plain").correlogram is None
    assert read_near(replace(study, places=None), "plain") is None

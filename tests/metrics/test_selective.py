"""Risk over coverage against its definition, ties included."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.metrics.selective import aurc, risk_coverage, weighted_aurc


def test_it_is_the_share_of_errors_among_the_surest() -> None:
    correct, confidence = np.array([True, False, True, False]), np.array([0.9, 0.6, 0.8, 0.7])
    np.testing.assert_allclose(risk_coverage(correct, confidence), [0, 0, 1 / 3, 1 / 2])
    assert aurc(correct, confidence) == pytest.approx((1 / 3 + 1 / 2) / 4)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.5, 0.7, 0.9])), min_size=1, max_size=5))
def test_ties_are_the_mean_of_all_their_orders(patches) -> None:
    correct, confidence = (np.array(values) for values in zip(*patches, strict=True))
    curves = []
    for numbers in itertools.permutations(range(len(patches))):
        order = sorted(numbers, key=lambda k: -confidence[k])  # stable, so that ties keep the permutation
        curves.append(np.cumsum(~correct[order]) / np.arange(1, len(patches) + 1))
    np.testing.assert_allclose(risk_coverage(correct, confidence), np.mean(curves, axis=0))


def test_a_model_that_knows_its_errors_has_the_least_area() -> None:
    correct = np.arange(100) < 80
    sure, unsure = np.linspace(1, 0, 100), np.linspace(0, 1, 100)
    assert aurc(correct, sure) < 0.2 < aurc(correct, unsure)
    assert aurc(correct, np.ones(100)) == pytest.approx(0.2)


PATCHES = st.lists(st.tuples(st.booleans(), st.sampled_from([0.5, 0.7, 0.9, 1.0])), min_size=1, max_size=30)


@given(PATCHES, st.floats(0.1, 5))
def test_with_equal_weights_the_weighted_area_is_the_area(patches, weight) -> None:
    correct, confidence = (np.array(values) for values in zip(*patches, strict=True))
    found = weighted_aurc(correct, confidence, np.full((3, len(correct)), weight))
    np.testing.assert_allclose(found, aurc(correct, confidence), atol=1e-12)


@given(PATCHES, st.data())
def test_a_patch_of_no_weight_is_as_if_it_were_not_there(patches, data) -> None:
    correct, confidence = (np.array(values) for values in zip(*patches, strict=True))
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(correct), max_size=len(correct))))
    kept[0] = True
    (found,) = weighted_aurc(correct, confidence, kept[None].astype(np.float32))
    assert found == pytest.approx(aurc(correct[kept], confidence[kept]))


def test_weights_are_copies_of_patches_as_far_as_areas_of_many_can_tell() -> None:
    rng = np.random.default_rng(0)
    correct, confidence = rng.random(2000) < 0.8, rng.random(2000)
    times = rng.integers(0, 4, (60, 2000))
    found = weighted_aurc(correct, confidence, times)
    for weights, area in zip(times, found, strict=True):
        assert area == pytest.approx(aurc(np.repeat(correct, weights), np.repeat(confidence, weights)), abs=5e-4)

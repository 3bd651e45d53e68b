"""Partners of balanced classes, and Remix's labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raysat.training.augment.partners import balanced, draw_balanced, remix_shares


@pytest.mark.parametrize("real", [None, (30, 10, 5)])
def test_partners_are_of_classes_as_the_inverse_frequency_sampler_draws_them(real: tuple[int, ...] | None) -> None:
    counts = np.array([60, 25, 5])
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(3, dtype=np.uint8), counts))
    n = counts if real is None else np.array(real)  # generated patches join the classes, but are not counted
    drawn = draw_balanced(balanced(labels, n), 30_000, np.random.default_rng(0))
    expected = counts / n / (counts / n).sum() * len(drawn)
    assert stats.chisquare(np.bincount(labels[drawn], minlength=3), expected).pvalue > 1e-4
    within = np.bincount(drawn, minlength=90)[labels == 0]
    assert stats.chisquare(within).pvalue > 1e-4  # of a class, any patch


def test_the_last_patch_and_the_first_can_be_drawn() -> None:
    cumulative = balanced(np.array([0, 0, 1], dtype=np.uint8), np.array([2, 1]))
    np.testing.assert_allclose(cumulative, [0.25, 0.5, 1.0])
    assert set(draw_balanced(cumulative, 200, np.random.default_rng(0))) == {0, 1, 2}


COUNTS = st.lists(st.integers(1, 1000), min_size=1, max_size=6)


@given(
    lam=st.floats(0, 1),
    pairs=st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 1000)), min_size=1, max_size=8),
    kappa=st.floats(1.01, 50),
    tau=st.floats(0, 1),
)
def test_remix_gives_a_label_to_the_rarer_class_or_leaves_the_shares(
    lam: float, pairs: list[tuple[int, int]], kappa: float, tau: float
) -> None:
    own, partner = np.array(pairs).T
    shares = remix_shares(lam, own, partner, kappa=kappa, tau=tau)
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    for (n_i, n_j), share in zip(pairs, shares[0], strict=True):
        assert share in (0.0, 1.0, lam)
        if share != lam:
            rarer = min(n_i, n_j)
            assert max(n_i, n_j) >= kappa * rarer * (1 - 1e-12)
            assert share == (n_i == rarer)
        if tau == 0:
            assert share == lam
    swapped = remix_shares(1 - lam, partner, own, kappa=kappa, tau=tau)[::-1]
    assert np.allclose(swapped, shares) or abs(min(abs(lam - tau), abs(1 - lam - tau))) < 1e-9  # a matter of rounding


def test_remix_of_equal_counts_is_mixup() -> None:
    counts = np.full(5, 40)
    shares = remix_shares(0.2, counts, counts, kappa=1.01, tau=1.0)
    np.testing.assert_array_equal(shares, [[0.2] * 5, [0.8] * 5])

"""mCE's interval: how often it holds the ratio that is estimated, and what it is of by an independent formula."""

from __future__ import annotations

import numpy as np
import pytest

from raysat.reporting.analysis.corruption_error import at_least_zero, mean_ratio
from raysat.reporting.analysis.seed_blocks import SeedBlock


def block(values, resampled, seeds=None) -> SeedBlock:
    return SeedBlock(
        seeds=tuple(seeds or range(len(values))), values=np.array(values)[None], resampled=np.array(resampled)[None]
    )


def drawn(rng: np.random.Generator, mean: float, patches: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of n seeds on 200 patches, and their means on resamples of these."""
    of_patches = rng.normal(0, 0.3, 200)
    errors = mean + rng.normal(0, 0.02, (n, 1)) + of_patches + rng.normal(0, 0.2, (n, 200))
    return errors.mean(axis=1), (patches @ errors.T) / 200


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 8])
def test_its_interval_holds_the_true_ratio_as_often_as_it_says(n: int) -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(300):
        patches = rng.multinomial(200, np.full(200, 1 / 200), 300).astype(float)
        ours, base = ([block(*drawn(rng, mean, patches, n)) for mean in of] for of in ((0.3, 0.4), (0.6, 0.5)))
        found = mean_ratio(ours, base, least=0.0)
        held += found.low <= (0.3 / 0.6 + 0.4 / 0.5) / 2 <= found.high
    assert 0.915 <= held / 300 <= 0.99


def test_without_noise_of_patches_it_is_students_t_of_linearised_ratios() -> None:
    ours, base = np.array([0.2, 0.26, 0.21, 0.23]), np.array([0.4, 0.46, 0.39, 0.47])
    still = 2000
    found = mean_ratio([block(ours, np.tile(ours, (still, 1)))], [block(base, np.tile(base, (still, 1)))], least=0.0)
    ratio = ours.mean() / base.mean()
    error = np.std(ours - ratio * base, ddof=1) / base.mean() / 2
    assert found.value == pytest.approx(ratio)
    assert found.high - ratio == pytest.approx(3.182446 * error, rel=0.02)
    assert ratio - found.low == pytest.approx(3.182446 * error, rel=0.02)


def test_it_is_of_the_seeds_that_both_have_and_of_no_small_divisor() -> None:
    ours = block([0.1, 0.2, 0.3], np.full((5, 3), 0.2), seeds=(0, 1, 2))
    base = block([0.9, 0.4, 0.6], np.full((5, 3), 0.5), seeds=(3, 1, 2))
    found = mean_ratio([ours], [base], least=0.0)
    assert (found.n, found.value) == (2, pytest.approx(0.25 / 0.5))
    assert mean_ratio([ours], [base], least=0.5) is None
    assert mean_ratio([ours.at([0])], [base], least=0.0) is None
    one = mean_ratio([ours.at([1])], [base.at([1])], least=0.0)
    assert (one.value, one.low, one.high) == (pytest.approx(0.5), None, None)


def test_an_error_is_not_negative() -> None:
    found = mean_ratio(
        [block([0.01, 0.3], np.random.default_rng(0).random((50, 2)))],
        [block([0.5, 0.5], np.full((50, 2), 0.5))],
        least=0.0,
    )
    assert found.low < 0
    assert at_least_zero(found).low == 0
    assert at_least_zero(None) is None

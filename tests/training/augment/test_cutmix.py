"""CutMix: its boxes, and what is pasted; beside the authors' formula in ``tests/references``."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raysat.config.families.mixing import CutMix
from raysat.training.augment import cutmix

SIDES = st.integers(1, 40)


@given(seed=st.integers(0, 2**32 - 1), height=SIDES, width=SIDES, bands=st.integers(1, 13))
def test_labels_have_the_shares_of_the_pixels(seed: int, height: int, width: int, bands: int) -> None:
    box = cutmix.draw(CutMix(probability=1.0), height, width, np.random.default_rng(seed))
    own, partner = torch.zeros(2, bands, height, width), torch.ones(2, bands, height, width)
    mixed = cutmix.paste(own, partner, torch.tensor(box))
    assert mixed.shape == own.shape
    np.testing.assert_allclose(1 - mixed.mean(dim=(1, 2, 3)).numpy(), box.share(height, width), atol=1e-6)
    row, column = (mixed[0, 0].amax(dim=axis).flatten() for axis in (1, 0))
    assert mixed[0, 0].sum() == row.sum() * column.sum()  # one box, of all bands alike
    assert torch.equal(mixed, mixed[:1, :1].expand_as(mixed))


def test_a_batch_is_mixed_as_likely_as_it_is_said() -> None:
    rng = np.random.default_rng(0)
    drawn = [cutmix.draw(CutMix(probability=0.3), 2000, 2000, rng) for _ in range(4000)]
    mixed = sum(box.share(2000, 2000) < 1 for box in drawn)
    assert stats.binomtest(mixed, 4000, 0.3).pvalue > 1e-4


def test_boxes_are_as_large_as_lambda_says_but_for_what_lies_beyond_the_edge() -> None:
    rng = np.random.default_rng(0)
    shares = [cutmix.draw(CutMix(probability=1.0), 2000, 2000, rng).share(2000, 2000) for _ in range(4000)]
    # A side s about any centre keeps s - s^2 / 4 of it on average; 1 - lambda, the square of s, is uniform.
    side = np.sqrt((np.arange(4000) + 0.5) / 4000)
    assert np.mean(shares) == pytest.approx(1 - np.mean((side - side**2 / 4) ** 2), abs=0.015)


def test_as_many_numbers_are_drawn_whether_a_batch_is_mixed_or_not() -> None:
    after = []
    for probability in (0.0, 1.0):
        rng = np.random.default_rng(7)
        cutmix.draw(CutMix(probability=probability), 9, 9, rng)
        after.append(rng.random())
    assert after[0] == after[1]


def test_an_empty_box_changes_nothing() -> None:
    own, partner = torch.rand(2, 3, 2, 5, 6)
    box = cutmix.draw(CutMix(probability=0.0), 5, 6, np.random.default_rng(0))
    assert box.share(5, 6) == 1.0
    assert torch.equal(cutmix.paste(own, partner, torch.tensor(box)), own)

"""TrivialAugment: its draws, and what a user may count on; its operations are beside Pillow in ``tests/references``."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raysat.training.augment import trivial
from raysat.training.patches import Scale
from raysat.training.step_inputs import Rows
from tests.references.augment import trivial_operation


def scale_of(bands: int) -> Scale:
    ones = torch.ones(bands, 1, 1)
    return Scale(mean=3 * ones, std=2 * ones, low=-10 * ones, span=50 * ones)


def one_operation(name: str, count: int, *, strength: int = 20) -> trivial.Draw:
    return trivial.Draw(
        operation=np.full(count, trivial.OPERATIONS.index(name)),
        strength=np.full(count, strength),
        sign=np.ones(count),
    )


def test_operations_strengths_and_signs_are_drawn_alike() -> None:
    drawn = trivial.draw(20_000, np.random.default_rng(0))
    assert stats.chisquare(np.bincount(drawn.operation, minlength=len(trivial.OPERATIONS))).pvalue > 1e-4
    assert stats.chisquare(np.bincount(drawn.strength, minlength=31)).pvalue > 1e-4
    assert stats.binomtest(int((drawn.sign > 0).sum()), 20_000).pvalue > 1e-4


@given(
    seed=st.integers(0, 2**32 - 1),
    bands=st.sampled_from([1, 2, 3, 11, 13]),
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
)
@settings(max_examples=40)
def test_patches_of_any_bands_and_size_stay_within_their_scale(seed: int, bands: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    patches = torch.from_numpy(rng.uniform(-10, 40, (9, bands, *size)).astype(np.float32))
    before, scale = patches.clone(), scale_of(bands)
    drawn = trivial.operations(trivial.draw(9, rng), height=size[0], width=size[1])
    found = trivial.augmented(patches, scale, drawn)
    assert found.shape == patches.shape
    levels = found * scale.std + scale.mean
    assert levels.min() >= -10 - 1e-4
    assert levels.max() <= 40 + 1e-4
    assert torch.equal(patches, before)


def test_a_patch_that_stays_keeps_values_beyond_the_scale() -> None:
    patches, scale = torch.full((2, 3, 5, 5), 1e4), scale_of(3)
    found = trivial.augmented(patches, scale, trivial.operations(one_operation("identity", 2), height=5, width=5))
    assert torch.equal(found, scale.normalise(patches))


@pytest.mark.parametrize("name", trivial.OPERATIONS)
@pytest.mark.parametrize("strength", [0, 7, 30])
def test_an_operation_is_pillows(name: str, strength: int) -> None:
    grain = np.random.default_rng(strength).integers(0, 256, (4, 19, 26), dtype=np.uint8)
    ones = torch.ones(4, 1, 1)
    scale = Scale(mean=0 * ones, std=ones, low=0 * ones, span=255 * ones)
    drawn = one_operation(name, 1, strength=strength)
    found = trivial.augmented(
        torch.from_numpy(grain)[None].float(), scale, trivial.operations(drawn, height=19, width=26)
    )
    expected = np.stack([trivial_operation(band, name, strength, 1.0) for band in grain])
    np.testing.assert_allclose(found[0].numpy(), expected, atol=0.05)


def test_rows_that_pad_change_nothing() -> None:
    patches, scale = torch.rand(6, 2, 8, 8) * 40, scale_of(2)
    drawn = trivial.operations(trivial.draw(6, np.random.default_rng(1)), height=8, width=8)
    padded = [
        Rows(
            torch.cat((rows.index_r, rows.index_r.new_zeros(5))),
            torch.cat((rows.parameters_rP, rows.parameters_rP.new_zeros(5, rows.parameters_rP.shape[1]))),
        )
        for rows in drawn.rows
    ]
    found = trivial.augmented(patches, scale, drawn)
    assert torch.equal(trivial.augmented(patches, scale, drawn._replace(rows=tuple(padded))), found)


def test_a_part_of_a_batch_gets_the_same_views() -> None:
    patches, scale, mine = torch.rand(8, 3, 9, 9) * 40, scale_of(3), np.array([1, 4, 6])
    drawn = trivial.draw(8, np.random.default_rng(0))
    whole = trivial.augmented(patches, scale, trivial.operations(drawn, height=9, width=9))
    part = trivial.augmented(patches[mine], scale, trivial.operations(drawn.take(mine), height=9, width=9))
    torch.testing.assert_close(part, whole[mine])

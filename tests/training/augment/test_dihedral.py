"""Symmetries of the square: all of them, exactly, patch by patch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from raysat.training.augment import dihedral

# A square's symmetries by Pillow's names; None is the identity.
SYMMETRIES = (None, *Image.Transpose)


def as_pillow_does(patch: np.ndarray, symmetry: Image.Transpose | None) -> np.ndarray:
    """Turn each band as an 8-bit image."""
    if symmetry is None:
        return patch
    return np.stack([np.asarray(Image.fromarray(band).transpose(symmetry)) for band in patch])


def test_the_eight_symmetries_are_the_squares() -> None:
    patch = np.arange(2 * 5 * 5, dtype=np.uint8).reshape(1, 2, 5, 5)
    moved = dihedral.transform(torch.from_numpy(patch).float().expand(8, -1, -1, -1), torch.arange(8)).byte().numpy()
    found = {each.tobytes() for each in moved}
    assert found == {as_pillow_does(patch[0], symmetry).tobytes() for symmetry in SYMMETRIES}
    assert len(found) == 8


def test_the_first_four_keep_the_shape() -> None:
    patch = np.arange(3 * 4 * 6, dtype=np.uint8).reshape(1, 3, 4, 6)
    moved = dihedral.transform(torch.from_numpy(patch).float().expand(4, -1, -1, -1), torch.arange(4)).byte().numpy()
    kept = (None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180)
    assert {each.tobytes() for each in moved} == {as_pillow_does(patch[0], symmetry).tobytes() for symmetry in kept}


@given(
    seed=st.integers(0, 2**32 - 1),
    patches=st.integers(1, 20),
    bands=st.sampled_from([1, 3, 13]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels_last=st.booleans(),
)
def test_each_patch_moves_by_itself_and_keeps_its_values(
    seed: int, patches: int, bands: int, size: tuple[int, int], channels_last: bool
) -> None:
    rng = np.random.default_rng(seed)
    pixels = torch.from_numpy(rng.normal(size=(patches, bands, *size)).astype(np.float32))
    given_to_it = pixels.contiguous(memory_format=torch.channels_last) if channels_last else pixels.clone()
    drawn = torch.from_numpy(dihedral.draw(patches, rng, square=size[0] == size[1]))
    moved = dihedral.transform(given_to_it, drawn)
    assert moved.shape == pixels.shape
    assert torch.equal(given_to_it, pixels)  # the patches themselves stay
    for row in range(patches):
        assert torch.equal(moved[row : row + 1], dihedral.transform(pixels[row : row + 1], drawn[row : row + 1]))
        assert torch.equal(moved[row].flatten(1).sort().values, pixels[row].flatten(1).sort().values)


@pytest.mark.parametrize(("square", "kinds"), [(True, 8), (False, 4)])
def test_every_symmetry_is_equally_likely(square: bool, kinds: int) -> None:
    drawn = dihedral.draw(8000, np.random.default_rng(0), square=square)
    assert drawn.max() == kinds - 1
    assert stats.chisquare(np.bincount(drawn, minlength=kinds)).pvalue > 1e-4

"""Image operations against Pillow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from raysat.training.augment import image_ops

SEEDS = st.integers(0, 2**32 - 1)


def random_rgb(seed: int, size: tuple[int, int] = (40, 33)) -> np.ndarray:
    """Noise of a random range and grain, so that histograms are full, narrow, or have a few levels only."""
    rng = np.random.default_rng(seed)
    low, high = sorted(rng.integers(0, 256, 2))
    step = int(rng.choice([1, 1, 7, 64]))
    return (rng.integers(low, high + 1, (*size, 3)) // step * step).astype(np.uint8)


def as_unit(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255


def adjusted(unit: torch.Tensor, *, stretch: float = 0.0, bits: float = 8.0, threshold: float = 256.0) -> torch.Tensor:
    return image_ops.adjust(unit, torch.tensor([[stretch, bits, threshold]]).repeat(len(unit), 1))


def autocontrast(unit: torch.Tensor) -> torch.Tensor:
    return adjusted(unit, stretch=1.0)


def as_rgb(unit: torch.Tensor) -> np.ndarray:
    return (unit[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    ("ours", "pillow"),
    [(autocontrast, ImageOps.autocontrast), (image_ops.equalize, ImageOps.equalize)],
)
@given(seed=SEEDS)
@settings(max_examples=60)
def test_histogram_operations_equal_pillow(
    ours: Callable[[torch.Tensor], torch.Tensor], pillow: Callable[[Image.Image], Image.Image], seed: int
) -> None:
    rgb = random_rgb(seed)
    np.testing.assert_array_equal(as_rgb(ours(as_unit(rgb))), np.asarray(pillow(Image.fromarray(rgb))))


@pytest.mark.parametrize("side", [1, 4, 15, 16, 23])
def test_equalize_of_small_patches_equals_pillow(side: int) -> None:
    rgb = random_rgb(side, (side, side))
    expected = np.asarray(ImageOps.equalize(Image.fromarray(rgb)))
    np.testing.assert_array_equal(as_rgb(image_ops.equalize(as_unit(rgb))), expected)


@given(seed=SEEDS, bits=st.integers(1, 8))
@settings(max_examples=40)
def test_posterize_equals_pillow(seed: int, bits: int) -> None:
    rgb = random_rgb(seed)
    ours = adjusted(as_unit(rgb), bits=bits)
    np.testing.assert_array_equal(as_rgb(ours), np.asarray(ImageOps.posterize(Image.fromarray(rgb), bits)))


@given(seed=SEEDS, threshold=st.integers(0, 256))
@settings(max_examples=40)
def test_solarize_equals_pillow(seed: int, threshold: int) -> None:
    rgb = random_rgb(seed)
    ours = adjusted(as_unit(rgb), threshold=threshold)
    np.testing.assert_array_equal(as_rgb(ours), np.asarray(ImageOps.solarize(Image.fromarray(rgb), threshold)))


@given(
    seed=SEEDS,
    matrix=st.tuples(
        st.floats(0.7, 1.3),
        st.floats(-0.3, 0.3),
        st.floats(-9, 9),
        st.floats(-0.3, 0.3),
        st.floats(0.7, 1.3),
        st.floats(-9, 9),
    ),
)
@example(seed=0, matrix=(0.7, -0.3, -0.3, -0.3, 0.7, 0.0))  # many on the edge
@settings(max_examples=60)
def test_warp_equals_pillow_within_interpolation(seed: int, matrix: tuple[float, ...]) -> None:
    rgb = random_rgb(seed)
    image = Image.fromarray(rgb)
    expected = np.asarray(
        image.transform(image.size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR)
    )
    ours = as_rgb(image_ops.warp(as_unit(rgb), torch.tensor([matrix])))
    differs = np.abs(ours.astype(int) - expected.astype(int)).max(axis=2) > 1
    assert not (differs & ~_on_the_edge(matrix, differs.shape)).any()


def _on_the_edge(matrix: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Which pixels have their source on the very edge of the image, in or out of it by rounding."""
    height, width = shape
    y, x = np.mgrid[:height, :width] + 0.5
    found = np.zeros(shape, dtype=bool)
    for (a, b, c), size in ((matrix[:3], width), (matrix[3:], height)):
        source = a * x + b * y + c
        found |= np.minimum(np.abs(source), np.abs(source - size)) < 1e-4
    return found


def test_warp_by_whole_pixels_is_exact_and_fills_with_zero() -> None:
    unit = torch.rand(1, 5, 20, 24)
    moved = image_ops.warp(unit, torch.tensor([[1.0, 0, 3, 0, 1, -2]]))
    expected = torch.zeros_like(unit)
    expected[:, :, 2:, :-3] = unit[:, :, :-2, 3:]
    torch.testing.assert_close(moved, expected, atol=2e-5, rtol=0)


def test_each_patch_has_its_own_parameter() -> None:
    unit = torch.rand(3, 2, 9, 9)
    levels = torch.tensor([[0.0, 1, 256], [0, 8, 100], [1, 8, 256]])
    matrices = torch.tensor([[1.0, 0, 0, 0, 1, 0], [1, 0.2, 0, 0, 1, 0], [1, 0, 2, 0.1, 1, 0]])
    for ours, parameters in (
        (image_ops.adjust, levels),
        (image_ops.warp, matrices),
    ):
        together = ours(unit, parameters)
        for row in range(3):
            torch.testing.assert_close(together[row : row + 1], ours(unit[row : row + 1], parameters[row : row + 1]))


def test_operations_treat_bands_alone() -> None:
    unit = torch.rand(2, 13, 20, 20)
    for ours in (autocontrast, image_ops.equalize):
        torch.testing.assert_close(ours(unit)[:, 4:5], ours(unit[:, 4:5].clone()), rtol=0, atol=0)

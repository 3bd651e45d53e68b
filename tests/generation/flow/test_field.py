"""The Gaussian of a class: its transform, its spectrum, and how its bands go together, of patches of any shape."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft
import torch

from raysat.generation.flow.field import Field, dct_matrix

Floats = npt.NDArray[np.float64]


@pytest.mark.parametrize("side", [2, 16, 65])
def test_the_transform_is_scipys(side: int) -> None:
    values = np.random.default_rng(0).standard_normal(side)
    found = dct_matrix(side).double().numpy() @ values
    np.testing.assert_allclose(found, scipy.fft.dct(values, norm="ortho"), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 24)])
def test_it_has_the_spectrum_of_its_class_and_its_bands_go_together(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    rough = rng.standard_normal((40, 1, height, width))
    smooth = rough + np.roll(rough, 1, axis=2) + np.roll(rough, 1, axis=3)
    patches = np.concatenate([smooth, 0.5 * smooth + 0.1 * rng.standard_normal(smooth.shape)], axis=1)
    coefficients = scipy.fft.dctn(patches, axes=(2, 3), norm="ortho")
    white = rng.standard_normal((4000, 2, height, width)).astype(np.float32)
    field = Field(torch.from_numpy(patches.astype(np.float32)))
    found = scipy.fft.dctn(field.draw(torch.from_numpy(white)).double().numpy(), axes=(2, 3), norm="ortho")
    longer = max(height, width)
    cycles = np.arange(height)[:, None] * longer / height, np.arange(width)[None] * longer / width
    radius = np.round(np.hypot(*cycles))
    for ring in (1, 3, 7, 12):
        of_class, of_drawn = (_moments(np.moveaxis(c, 1, 0)[:, :, radius == ring]) for c in (coefficients, found))
        np.testing.assert_allclose(np.diag(of_drawn), np.diag(of_class), rtol=0.15)
        assert of_drawn[0, 1] == pytest.approx(0.95 * of_class[0, 1], rel=0.15)  # shrunk by 5 %
        measured = field.variances_CHW[:, radius == ring].numpy()
        np.testing.assert_allclose(measured, np.tile(np.diag(of_class)[:, None], measured.shape[1]), rtol=1e-4)


def _moments(values: Floats) -> Floats:
    """Second moments of two bands."""
    flat = values.reshape(2, -1)
    return flat @ flat.T / flat.shape[1]


def test_a_constant_band_and_one_patch_do_not_break_it() -> None:
    patches = torch.zeros(1, 3, 16, 16)
    patches[:, 0] = torch.randn(16, 16, generator=torch.Generator().manual_seed(0))
    patches[:, 1] = patches[:, 0]
    drawn = Field(patches).draw(torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(1)))
    assert torch.isfinite(drawn).all()
    assert drawn[:, 2].abs().max() < 1e-4

"""Image operations on batches of float patches (N, C, H, W) in [0, 1], as Pillow does them on 8-bit images.

The tonal ones see 256 levels per band: on patches that are k / 255 they agree with ``PIL.ImageOps`` to the bit. The
warps follow ``PIL.Image.transform(..., AFFINE, BILINEAR)``: what comes from outside a patch is 0. Arguments of shape
(N,) or (N, P) hold the parameters of each patch.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS: Final = 256
Floats = npt.NDArray[np.float64]


def adjust(unit_NCHW: Tensor, parameters_N3: Tensor) -> Tensor:
    """Change the levels of each patch: autocontrast, posterize, solarize, or any of them after one another.

    Args:
        unit_NCHW: patches.
        parameters_N3: as of ``adjusted_levels``.
    """
    flat_NCP = unit_NCHW.flatten(2)
    edges = (flat_NCP.amin(dim=-1), flat_NCP.amax(dim=-1))  # aminmax is six times as slow
    darkest_NC, brightest_NC = (to_level(edge_NC) for edge_NC in edges)
    table_NCL = adjusted_levels(darkest_NC, brightest_NC, parameters_N3)
    return _looked_up(table_NCL, to_level(flat_NCP)).view_as(unit_NCHW)


def equalize(unit_NCHW: Tensor) -> Tensor:
    """Flatten each band's histogram; a band of one level, or of fewer than some 255 pixels, stays."""
    flat_NCP = unit_NCHW.flatten(2)
    level_NCP = to_level(flat_NCP)
    one = torch.ones((), dtype=torch.int32, device=unit_NCHW.device)
    count_NCL = torch.zeros((*level_NCP.shape[:2], LEVELS), dtype=torch.int32, device=unit_NCHW.device)
    count_NCL.scatter_add_(-1, level_NCP.long(), one.expand_as(level_NCP))
    table_NCL = equalized_levels(count_NCL, to_level(flat_NCP.amax(-1)), pixels=level_NCP.shape[-1])
    return _looked_up(table_NCL, level_NCP).view_as(unit_NCHW)


def adjusted_levels(darkest_NC: Tensor, brightest_NC: Tensor, parameters_N3: Tensor) -> Tensor:
    """Return what becomes of each level of each band when ``adjust`` changes it, (N, C, 256) in [0, 1].

    Args:
        darkest_NC: level of each band; where it is not stretched, any.
        brightest_NC: the same.
        parameters_N3: 1 to stretch each band from its darkest and brightest level to the full scale (a constant band
            stays), else 0; how many of the highest bits of each level are kept, up to 8; the threshold at or above
            which levels are inverted, up to 256.
    """
    stretch_N11, bits_N11, threshold_N11 = (column[:, None, None] for column in parameters_N3.unbind(dim=1))
    low_NC1, high_NC1 = (edge_NC[..., None].double() for edge_NC in (darkest_NC, brightest_NC))
    level_L = torch.arange(LEVELS, device=low_NC1.device, dtype=torch.float64)
    level_NCL = stretched(level_L, low_NC1, torch.where(stretch_N11 > 0, high_NC1, low_NC1)).clamp_(0.0, 255.0)
    step_N11 = torch.exp2(8.0 - bits_N11)
    level_NCL = (level_NCL / step_N11).floor_().mul_(step_N11)
    # |level - 255| where a level is inverted: ``where`` is ten times as slow on a CPU.
    return level_NCL.sub_((level_NCL >= threshold_N11) * 255.0).abs_().div_(255.0)


def stretched(level: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return levels (float32) after those from the lowest to the highest were stretched to the full scale.

    Args:
        level: levels, float64, which are broadcast against the others.
        low: the lowest of a band, float64; where it is not below the highest, levels stay.
        high: the highest.
    """
    changes = high > low
    full = torch.full_like(low, 255.0)  # "255.0 / tensor" would multiply by a rounded reciprocal
    # Pillow computes in double precision and truncates.
    scale = torch.where(changes, full / (high - low), 1.0)
    return (level * scale).sub_(changes * low * scale).floor_().float()


def equalized_levels(count_NCL: Tensor, brightest_NC: Tensor, *, pixels: int) -> Tensor:
    """Return what becomes of each level of each band when ``equalize`` changes it, (N, C, 256) in [0, 1].

    Args:
        count_NCL: pixels of each level.
        brightest_NC: level of each band.
        pixels: of a band.
    """
    brightest_NC1 = count_NCL.gather(-1, brightest_NC[..., None].long())
    step_NC1 = (pixels - brightest_NC1) // 255
    below_NCL = (count_NCL.cumsum(dim=-1) - count_NCL).add_(step_NC1 // 2)
    # A division of integers would take three times as long; below 2**24 pixels, this one is exact too.
    table_NCL = (below_NCL / step_NC1.clamp(min=1)).floor_().clamp_(max=255.0)
    level_L = torch.arange(LEVELS, device=table_NCL.device, dtype=table_NCL.dtype)
    return torch.where(step_NC1 > 0, table_NCL, level_L).div_(255.0)


def to_level(unit: Tensor) -> Tensor:
    """The nearest of the 256 levels, int32."""
    return (unit * 255.0).add_(0.5).int()


def _looked_up(table_NCL: Tensor, level_NCP: Tensor) -> Tensor:
    """What tables have for levels, which are overwritten: ``gather`` wants them in twice as many bytes."""
    tables = torch.arange(table_NCL.shape[0] * table_NCL.shape[1], dtype=torch.int32, device=table_NCL.device)
    place_NCP = level_NCP.add_(tables.view(*table_NCL.shape[:2], 1), alpha=table_NCL.shape[2])
    return table_NCL.flatten().index_select(0, place_NCP.flatten())


def warp(unit_NCHW: Tensor, matrix_N6: Tensor) -> Tensor:
    """Move pixels by an affine matrix in Pillow's form: output (x, y) reads input (ax + by + c, dx + ey + f).

    Coordinates run from the top left corner, pixel centres are at halves.
    """
    grid_NHW2, inside_NHW = warp_grid(matrix_N6, *unit_NCHW.shape[2:])
    return warp_by(unit_NCHW, grid_NHW2, inside_NHW)


def warp_grid(matrix_N6: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return where pixels come from (N, H, W, 2), as of ``torch.nn.functional.grid_sample``, and a mask (N, H, W).

    The mask is 1 where a pixel comes from inside the patch, else 0.

    Args:
        matrix_N6: as of ``warp``.
        height: of the patches.
        width: of the patches.
    """
    grid_N2HW = matrix_N6.new_empty((len(matrix_N6), 2, height, width))
    x_W, y_H = (torch.arange(length, device=matrix_N6.device) + 0.5 for length in (width, height))
    for axis, length in enumerate((width, height)):  # a patch spans [-1, 1]
        across_N11, down_N11, shift_N11 = matrix_N6[:, 3 * axis : 3 * axis + 3, None, None].unbind(dim=1)
        row_NH1 = (y_H[:, None] * down_N11 + shift_N11) * (2 / length) - 1.0
        torch.add(x_W * (across_N11 * (2 / length)), row_NH1, out=grid_N2HW[:, axis])
    distance_NHW = torch.maximum(*grid_N2HW.abs().unbind(dim=1))  # beyond 1 it is outside
    inside_NHW = distance_NHW.ceil_().neg_().add_(2.0).clamp_(0.0, 1.0)  # comparing takes ten times as long on a CPU
    return grid_N2HW.permute(0, 2, 3, 1), inside_NHW


def warp_by(unit_NCHW: Tensor, grid_NHW2: Tensor, inside_NHW: Tensor) -> Tensor:
    """Return patches of pixels read at their places, and 0 for those from outside.

    Args:
        unit_NCHW: what is read.
        grid_NHW2: as of ``warp_grid``.
        inside_NHW: likewise.
    """
    moved = F.grid_sample(unit_NCHW, grid_NHW2, mode="bilinear", padding_mode="border", align_corners=False)
    return moved.mul_(inside_NHW[:, None])


def blend_with_level(unit_NCHW: Tensor, parameters_N2: Tensor) -> Tensor:
    """Change the brightness or the contrast of each patch: ``PIL.ImageEnhance`` on each band by itself.

    Args:
        unit_NCHW: patches.
        parameters_N2: how much of the patch there is (1 leaves it, beyond 1 is the opposite of a blend); 1 to blend
            with the band's mean, which changes contrast, and 0 with nothing, which changes brightness.
    """
    factor_N111, is_contrast_N111 = (column[:, None, None, None] for column in parameters_N2.unbind(dim=1))
    level_NC11 = unit_NCHW.mean(dim=(2, 3), keepdim=True) * is_contrast_N111
    return (factor_N111 * unit_NCHW + (1.0 - factor_N111) * level_NC11).clamp_(0.0, 1.0)


def sharpen(unit_NCHW: Tensor, factor_N: Tensor) -> Tensor:
    """Blend each patch with a smoothed one, as ``PIL.ImageEnhance.Sharpness``; pixels at the edge stay.

    Args:
        unit_NCHW: patches.
        factor_N: how much of the patch there is: below 1 blurs, beyond sharpens.
    """
    smooth_NCHW = unit_NCHW.clone()
    if min(unit_NCHW.shape[2:]) > 2:
        columns = unit_NCHW[..., :-2] + unit_NCHW[..., 1:-1] + unit_NCHW[..., 2:]
        nine = columns[:, :, :-2] + columns[:, :, 1:-1] + columns[:, :, 2:]
        smooth_NCHW[..., 1:-1, 1:-1] = (nine + 4.0 * unit_NCHW[..., 1:-1, 1:-1]) / 13.0  # Pillow's SMOOTH
    factor_N111 = factor_N[:, None, None, None]
    return (factor_N111 * unit_NCHW + (1.0 - factor_N111) * smooth_NCHW).clamp_(0.0, 1.0)


def warp_matrices(
    *, degrees: Floats, shear: tuple[Floats, Floats], shift: tuple[Floats, Floats], height: int, width: int
) -> Floats:
    """Return what ``warp`` takes (..., 6) for a rotation about the centre, a shear or a move; for one of them each.

    Args:
        degrees: of the rotation.
        shear: of rows and of columns.
        shift: to the left and upwards, pixels.
        height: of the patches.
        width: of the patches.
    """
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    c = shift[0] + (width - cos * width + sin * height) / 2
    f = shift[1] + (height - sin * width - cos * height) / 2
    return np.stack((cos, shear[0] - sin, c, shear[1] + sin, cos, f), axis=-1)

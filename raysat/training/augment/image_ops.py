"""Image operations on batches of float patches (N, C, H, W) in [0, 1], as Pillow does them on 8-bit images.

The tonal ones see 256 levels per band: on patches that are k / 255 they agree with ``PIL.ImageOps`` to the bit. The
warps follow ``PIL.Image.transform(..., AFFINE, BILINEAR)``: what comes from outside a patch is 0. Arguments of shape
(N,) hold one parameter a patch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def levels(unit_NCHW: Tensor) -> Tensor:
    """Quantise to the nearest of the 256 levels; float valued."""
    return (unit_NCHW * 255.0 + 0.5).floor_()


def posterize(unit_NCHW: Tensor, bits_N: Tensor) -> Tensor:
    """Keep the highest ``bits`` bits of each level."""
    step_N111 = torch.exp2(8.0 - bits_N)[:, None, None, None]
    return (levels(unit_NCHW) / step_N111).floor_() * step_N111 / 255.0


def solarize(unit_NCHW: Tensor, threshold_N: Tensor) -> Tensor:
    """Invert the levels at or above ``threshold`` (0..256)."""
    level = levels(unit_NCHW)
    return torch.where(level < threshold_N[:, None, None, None], level, 255.0 - level) / 255.0


def autocontrast(unit_NCHW: Tensor) -> Tensor:
    """Stretch each band from its darkest and brightest level to the full scale; a constant band stays."""
    level = levels(unit_NCHW).double()  # Pillow computes in double precision and truncates
    low, high = level.amin(dim=(2, 3), keepdim=True), level.amax(dim=(2, 3), keepdim=True)
    full = torch.full_like(low, 255.0)  # "255.0 / tensor" would multiply by a rounded reciprocal
    scale = torch.where(high > low, full / (high - low), 1.0)
    offset = torch.where(high > low, -low * scale, 0.0)
    return (level * scale + offset).floor_().clamp_(0.0, 255.0).float() / 255.0


def equalize(unit_NCHW: Tensor) -> Tensor:
    """Flatten each band's histogram; a band of one level, or of fewer than some 255 pixels, stays."""
    level_NCP = levels(unit_NCHW).long().flatten(2)
    count_NCL = torch.zeros((*level_NCP.shape[:2], 256), dtype=torch.int64, device=level_NCP.device)
    count_NCL.scatter_add_(-1, level_NCP, torch.ones_like(level_NCP))
    brightest = count_NCL.gather(-1, level_NCP.amax(dim=-1, keepdim=True))
    step_NC1 = (level_NCP.shape[-1] - brightest) // 255
    below_NCL = count_NCL.cumsum(dim=-1) - count_NCL
    table_NCL = ((step_NC1 // 2 + below_NCL) // step_NC1.clamp(min=1)).clamp_(max=255)
    identity_L = torch.arange(256, device=table_NCL.device)
    table_NCL = torch.where(step_NC1 > 0, table_NCL, identity_L).float() / 255.0
    return table_NCL.gather(-1, level_NCP).view_as(unit_NCHW)


def warp(unit_NCHW: Tensor, matrix_N6: Tensor) -> Tensor:
    """Move pixels by an affine matrix in Pillow's form: output (x, y) reads input (ax + by + c, dx + ey + f).

    Coordinates run from the top left corner, pixel centres are at halves.
    """
    height, width = unit_NCHW.shape[2:]
    a, b, c, d, e, f = matrix_N6.unbind(dim=1)
    ratio = height / width
    theta_N6 = torch.stack(  # the same in torch's coordinates, where a patch spans [-1, 1]
        (a, b * ratio, a + b * ratio + 2 * c / width - 1, d / ratio, e, d / ratio + e + 2 * f / height - 1), dim=1
    )
    grid_NHW2 = F.affine_grid(theta_N6.view(-1, 2, 3), list(unit_NCHW.shape), align_corners=False)
    moved = F.grid_sample(unit_NCHW, grid_NHW2, mode="bilinear", padding_mode="border", align_corners=False)
    inside_NHW = (grid_NHW2.abs() <= 1.0).all(dim=-1)
    return moved * inside_NHW[:, None]

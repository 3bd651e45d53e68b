"""AugMix on the CPU: patch after patch, so that what is computed stays in a core's cache; ``augmix.py`` does batches.

What does not depend on a patch is computed for all of them at once, moves by whole pixels are copies, and a patch's own
levels are found once for all its chains. The operations are those of ``image_ops.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, cached_property, partial
from typing import Final

import torch
from torch import Tensor

from raysat.training.augment import image_ops
from raysat.training.patches import Scale
from raysat.training.step_inputs import Chains

WORTH_IT: Final = 25_000  # values of a patch; of smaller ones, a core's cache holds many, and calls take longer


def views(patches_bCHW: Tensor, scale: Scale, drawn: Chains, *, with_clean: bool) -> Tensor:
    """Return normalised views (V, b, C, H, W) of patches, whose channels come last in memory.

    Args:
        patches_bCHW: on the CPU, in the store's units.
        scale: of the store's bands.
        drawn: what is done to them.
        with_clean: whether the patches as they are come first.
    """
    batch, bands, height, width = patches_bCHW.shape
    found_VbHWC = torch.empty(with_clean + drawn.weights_bVW.shape[1], batch, height, width, bands)
    found_VbCHW = found_VbHWC.permute(0, 1, 4, 2, 3)
    with torch.inference_mode():  # the result was made outside it, so that autograd may save it
        chains = iter(_chains(drawn, height, width))
        for number, weights_VW in enumerate(drawn.weights_bVW.tolist()):
            patch_CHW = patches_bCHW[number]
            if with_clean:
                found_VbCHW[0, number] = scale.normalise(patch_CHW)
            patch = _Patch(scale.to_unit(patch_CHW))
            for view, weights_W in enumerate(weights_VW, start=int(with_clean)):
                mixed_CHW = _mixed(patch, weights_W, chains)
                found_VbCHW[view, number] = scale.normalise(scale.from_unit(mixed_CHW))
    return found_VbCHW


class _Patch:
    """A patch in [0, 1], and what operations ask about it."""

    def __init__(self, unit_CHW: Tensor) -> None:
        self.unit_CHW = unit_CHW

    @cached_property
    def levels(self) -> Tensor:
        """Level of each pixel, (C, P)."""
        return image_ops.to_level(self.unit_CHW.flatten(1))

    @cached_property
    def places(self) -> Tensor:
        """Where each pixel's level is in tables (C, 256) that are laid end to end, (C * P,)."""
        return (self.levels + _starts(len(self.unit_CHW))).view(-1)

    @cached_property
    def brightest(self) -> Tensor:
        """Highest level of each band, (1, C)."""
        return self.levels.amax(dim=1)[None]


@cache
def _starts(bands: int) -> Tensor:
    """Where the tables of bands begin, (C, 1)."""
    return image_ops.LEVELS * torch.arange(bands, dtype=torch.int32)[:, None]


Operation = Callable[[_Patch], Tensor]


def _mixed(patch: _Patch, weights_W: list[float], chains: Iterator[list[Operation]]) -> Tensor:
    """Return a view, mixed of the patch and of the chains that come next."""
    mixed_CHW = patch.unit_CHW * weights_W[0]
    for weight in weights_W[1:]:
        changed = patch
        for operation in next(chains):
            changed = _Patch(operation(changed))
        mixed_CHW.add_(changed.unit_CHW, alpha=weight)
    return mixed_CHW.clamp_(0.0, 1.0)


def _chains(drawn: Chains, height: int, width: int) -> list[list[Operation]]:
    """Return the operations of all chains: of the first patch's views, and so on."""
    batch, views, weights = drawn.weights_bVW.shape
    found: list[list[Operation]] = [[] for _ in range(1 + batch * views * (weights - 1))]
    for adjust, equalize, warp in drawn.steps:
        of_kinds: tuple[list[Operation], ...] = (
            _adjustments(adjust.parameters_rP),
            [_equalized] * len(equalize.index_r),
            _warps(warp.parameters_rP, height, width),
        )
        for rows, operations in zip((adjust, equalize, warp), of_kinds, strict=True):
            for index, operation in zip(rows.index_r.tolist(), operations, strict=True):
                found[index].append(operation)
    return found[1:]  # the first is nobody's


def _adjustments(parameters_r3: Tensor) -> list[Operation]:
    any_r1 = torch.zeros(len(parameters_r3), 1)
    table_r1L = image_ops.adjusted_levels(any_r1, any_r1, parameters_r3)  # not of those that stretch
    return [
        _stretched if stretches else partial(_looked_up, table_1L[0])
        for stretches, table_1L in zip(parameters_r3[:, 0].tolist(), table_r1L, strict=True)
    ]


def _warps(matrix_r6: Tensor, height: int, width: int) -> list[Operation]:
    is_shift_r = (matrix_r6[:, [0, 1, 3, 4]] == torch.tensor([1.0, 0.0, 0.0, 1.0])).all(dim=1)
    is_shift_r &= (matrix_r6[:, [2, 5]] == matrix_r6[:, [2, 5]].round()).all(dim=1)
    others_s6 = matrix_r6[~is_shift_r]
    grids = zip(*image_ops.warp_grid(others_s6, height, width), strict=True) if len(others_s6) else iter(())
    return [
        partial(_shifted, int(matrix[2]), int(matrix[5])) if is_shift else partial(_warped, *next(grids))
        for is_shift, matrix in zip(is_shift_r.tolist(), matrix_r6.tolist(), strict=True)
    ]


def _looked_up(table_L: Tensor, patch: _Patch) -> Tensor:
    return table_L.index_select(0, patch.levels.view(-1)).view_as(patch.unit_CHW)


def _stretched(patch: _Patch) -> Tensor:
    """Of the pixels at once: a table would be used once. AugMix's autocontrast keeps all bits and inverts nothing."""
    level_CP = patch.levels.double()
    low_C1, high_C1 = level_CP.amin(dim=1, keepdim=True), level_CP.amax(dim=1, keepdim=True)
    return image_ops.stretched(level_CP, low_C1, high_C1).div_(255.0).view_as(patch.unit_CHW)


def _equalized(patch: _Patch) -> Tensor:
    bands, pixels = patch.levels.shape
    count_1CL = torch.bincount(patch.places, minlength=bands * image_ops.LEVELS).view(1, bands, -1)
    table_1CL = image_ops.equalized_levels(count_1CL, patch.brightest, pixels=pixels)
    return table_1CL.view(-1).index_select(0, patch.places).view_as(patch.unit_CHW)


def _warped(grid_HW2: Tensor, inside_HW: Tensor, patch: _Patch) -> Tensor:
    return image_ops.warp_by(patch.unit_CHW[None], grid_HW2[None], inside_HW[None])[0]


def _shifted(right: int, down: int, patch: _Patch) -> Tensor:
    """What lies so many pixels to the right and below, and 0 beyond the edge."""
    _, height, width = patch.unit_CHW.shape
    (to_y, from_y), (to_x, from_x) = _overlap(down, height), _overlap(right, width)
    found_CHW = torch.zeros_like(patch.unit_CHW)
    found_CHW[:, to_y, to_x] = patch.unit_CHW[:, from_y, from_x]
    return found_CHW


def _overlap(shift: int, length: int) -> tuple[slice, slice]:
    """Return where pixels go along an axis that moves by so many, and where they come from."""
    kept = max(0, length - abs(shift))
    lower, upper = slice(0, kept), slice(length - kept, length)
    return (upper, lower) if shift < 0 else (lower, upper)

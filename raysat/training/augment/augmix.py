"""AugMix (Hendrycks et al. 2020) on batches of patches with any number of bands, on the training device.

A view of a patch mixes ``width`` chains of 1 to ``depth`` random operations with Dirichlet weights, and the result with
the patch itself by a Beta weight. Operations and the sampling of their levels are those of google-research/augmix. The
chains of all views of a batch are one long batch: at each depth, every kind of operation runs once, on the rows that
drew it.

All random numbers are drawn on the host (``draw``), so they are the same on every device; which rows an operation
gets, and its parameters, follow there too (``chains``). What runs on the device (``augmented_views``) takes tensors
alone and never waits: as many kernels whatever was drawn, if rows are padded to one number. On a GPU one kernel does it
(``augmix_fused.py``, with a ``chain_table``); large patches on the CPU come one by one (``augmix_by_patch.py``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.config.families.images import AugMix
from raysat.training.augment import image_ops
from raysat.training.step_inputs import Chains, ChainTable, Rows

OPERATIONS: Final = (
    "autocontrast",
    "equalize",
    "posterize",
    "solarize",
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
_KINDS: Final = np.array([0, 1, 0, 0, 2, 2, 2, 2, 2])  # those that run at once: levels, equalize, warps
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Draw(NamedTuple):
    """Every random decision for a batch of B patches, V views, W chains a view, D operations a chain."""

    operation: Ints  # (B, V, W, D), position in OPERATIONS
    level: Floats  # (B, V, W, D), signed, |level| in [0.1, severity] of 10
    depth: Ints  # (B, V, W), operations that count
    chain_weight: Floats  # (B, V, W), sums to 1 over W
    mixed_weight: Floats  # (B, V), weight of the chains; the rest is the clean patch

    def take(self, positions: Ints) -> Draw:
        """Keep some patches."""
        return Draw._make(values[positions] for values in self)


def draw(augmix: AugMix, patches: int, rng: np.random.Generator) -> Draw:
    """Draw and return the decisions for a batch: of two views, or of one without the JSD loss.

    Args:
        augmix: width and depth of the chains, severity, alpha of both mixing distributions.
        patches: in the batch.
        rng: what draws.
    """
    views = augmix.forward_passes - 1 if augmix.jsd else 1  # the JSD loss sees the clean patch beside them
    chains = (patches, views, augmix.width)
    sign = rng.choice((-1.0, 1.0), size=(*chains, augmix.depth))
    return Draw(
        operation=rng.integers(len(OPERATIONS), size=(*chains, augmix.depth)),
        level=sign * rng.uniform(0.1, augmix.severity, size=(*chains, augmix.depth)),
        depth=rng.integers(1, augmix.depth + 1, size=chains),
        chain_weight=rng.dirichlet([augmix.alpha] * augmix.width, size=(patches, views)),
        mixed_weight=rng.beta(augmix.alpha, augmix.alpha, size=(patches, views)),
    )


def chains(drawn: Draw, *, height: int, width: int) -> Chains:
    """Find what is done to which row of all chains of a batch; the rows count from 1, and 0 is nobody's.

    Args:
        drawn: the decisions.
        height: of the patches.
        width: of the patches.

    Returns:
        What ``augmented_views`` takes.
    """
    depths = drawn.operation.shape[-1]
    kind_ND = _kinds(drawn).reshape(-1, depths)
    parameters = (_adjustments(drawn), np.empty((*drawn.operation.shape, 0)), _warp_matrices(drawn, height, width))
    of_kinds = [values.reshape(*kind_ND.shape, values.shape[-1]) for values in parameters]
    steps = tuple(
        tuple(rows(kind_ND[:, step] == kind, values[:, step]) for kind, values in enumerate(of_kinds))
        for step in range(depths)
    )
    return Chains(weights_bVW=_weights(drawn), steps=steps)


def chain_table(drawn: Draw, *, height: int, width: int) -> ChainTable:
    """Find what is done in each chain of a batch.

    Args:
        drawn: the decisions.
        height: of the patches.
        width: of the patches.

    Returns:
        What ``augmix_fused.augmented_views`` takes.
    """
    parameters = _warp_matrices(drawn, height, width)
    adjustments = _adjustments(drawn)
    is_adjusted = _KINDS[drawn.operation] == 0
    parameters[is_adjusted, : adjustments.shape[-1]] = adjustments[is_adjusted]
    return ChainTable(
        weights_bVW=_weights(drawn),
        kind_bVWD=torch.from_numpy(_kinds(drawn).astype(np.int32)),
        parameters_bVWDP=_float32(parameters),
    )


def augmented_views(unit_BCHW: Tensor, drawn: Chains) -> Tensor:
    """Return the augmented views (V, B, C, H, W) of float patches in [0, 1]; they stay in [0, 1]."""
    batch, bands, height, width = unit_BCHW.shape
    views, count = drawn.weights_bVW.shape[1], drawn.weights_bVW.shape[2] - 1
    chains_NCHW = unit_BCHW.new_empty((1 + batch * views * count, bands, height, width))
    chains_NCHW[0] = 0.0
    chains_NCHW[1:].view(batch, views * count, bands, height, width).copy_(unit_BCHW[:, None])
    for step in drawn.steps:
        for kind, (index_r, parameters_rP) in enumerate(step):
            if len(index_r):
                changed_rCHW = _apply(kind, chains_NCHW.index_select(0, index_r), parameters_rP)
                chains_NCHW.index_copy_(0, index_r, changed_rCHW)
    chains_BVWP = chains_NCHW[1:].view(batch, views, count, -1)
    mixed_BVP = drawn.weights_bVW[..., :1] * unit_BCHW.reshape(batch, 1, -1)
    for chain in range(count):
        mixed_BVP.addcmul_(drawn.weights_bVW[..., chain + 1 : chain + 2], chains_BVWP[:, :, chain])
    return mixed_BVP.clamp_(0.0, 1.0).view(batch, views, bands, height, width).transpose(0, 1)


def rows(is_drawn_N: npt.NDArray[np.bool_], parameters_NP: Floats) -> Rows:
    """Return the rows of a batch that drew an operation, counted from 1, with its parameters."""
    row_r = np.flatnonzero(is_drawn_N)
    return Rows(torch.from_numpy(row_r + 1), _float32(parameters_NP[row_r]))


def _kinds(drawn: Draw) -> Ints:
    """Position in ``_KINDS`` of what runs at each depth, and -1 beyond a chain's own, (B, V, W, D)."""
    depths = np.arange(drawn.operation.shape[-1])
    return np.where(depths < drawn.depth[..., None], _KINDS[drawn.operation], -1)


def _weights(drawn: Draw) -> Tensor:
    """Of the patch itself, then of the chains of each view, (B, V, 1 + W)."""
    mixed_BV1 = drawn.mixed_weight[..., None]
    return _float32(np.concatenate([1.0 - mixed_BV1, mixed_BV1 * drawn.chain_weight], axis=2))


def _adjustments(drawn: Draw) -> Floats:
    """What ``image_ops.adjust`` takes (B, V, W, D, 3); of other operations it is of no use."""
    operation, size = drawn.operation, abs(drawn.level)
    bits = np.where(operation == OPERATIONS.index("posterize"), 4 - np.floor(size * 4 / 10), 8)
    threshold = np.where(operation == OPERATIONS.index("solarize"), 256 - np.floor(size * 256 / 10), 256)
    return np.stack((operation == OPERATIONS.index("autocontrast"), bits, threshold), axis=-1)


def _apply(kind: int, unit_rCHW: Tensor, parameters_rP: Tensor) -> Tensor:
    match kind:
        case 0:
            return image_ops.adjust(unit_rCHW, parameters_rP)
        case 1:
            return image_ops.equalize(unit_rCHW)
        case _:
            return image_ops.warp(unit_rCHW, parameters_rP)


def _warp_matrices(drawn: Draw, height: int, width: int) -> Floats:
    """What ``image_ops.warp`` takes (B, V, W, D, 6), from signed levels of 10.

    Up to 30 degrees about the centre in whole degrees; shear up to 0.3; translation up to a third in whole pixels.
    """

    def parameter(name: str, most: float) -> Floats:
        return np.where(drawn.operation == OPERATIONS.index(name), drawn.level * most / 10, 0.0)

    return image_ops.warp_matrices(
        degrees=np.trunc(parameter("rotate", 30)),
        shear=(parameter("shear_x", 0.3), parameter("shear_y", 0.3)),
        shift=(np.trunc(parameter("translate_x", width / 3)), np.trunc(parameter("translate_y", height / 3))),
        height=height,
        width=width,
    )


def _float32(values: Floats) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))

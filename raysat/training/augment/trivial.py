"""TrivialAugment (Müller & Hutter 2021) on batches of patches with any number of bands, on the training device.

Each patch gets one operation of 13, all as likely, at one of 31 strengths, all as likely (algorithm 1), in the ranges
of the paper's wide space; which way it turns, shears or moves is drawn, too. Colour, the 14th, blends with the
luminance of red, green and blue: other bands have none. Where the paper goes by the whole image, contrast by the mean
of its luminance, each band goes by itself. Translation, up to 32 pixels, ends at the patch's side.

An operation sees a band's full scale as [0, 1]. Patches that stay as they are keep every value.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.training.augment import augmix, image_ops
from raysat.training.patches import Scale
from raysat.training.step_inputs import Operations

OPERATIONS: Final = (
    "identity",
    "autocontrast",
    "equalize",
    "posterize",
    "solarize",
    "brightness",
    "contrast",
    "sharpness",
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
# Those that run at once: none, levels, equalize, blends, sharpness, warps.
_KINDS: Final = np.array([-1, 0, 1, 0, 0, 2, 2, 3, 4, 4, 4, 4, 4])
_STRENGTHS: Final = 31
_PIXELS: Final = 32  # a translation at most
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Draw(NamedTuple):
    """Every random decision for a batch of B patches."""

    operation: Ints  # (B,), position in OPERATIONS
    strength: Ints  # (B,), 0 to 30
    sign: Floats  # (B,), -1 or 1

    def take(self, positions: Ints) -> Draw:
        """Keep some patches."""
        return Draw._make(values[positions] for values in self)


def draw(patches: int, rng: np.random.Generator) -> Draw:
    """Draw and return the decisions for so many patches."""
    return Draw(
        operation=rng.integers(len(OPERATIONS), size=patches),
        strength=rng.integers(_STRENGTHS, size=patches),
        sign=rng.choice((-1.0, 1.0), size=patches),
    )


def operations(drawn: Draw, *, height: int, width: int) -> Operations:
    """Find what is done to which patch; rows count from 1, and 0 is nobody's.

    Args:
        drawn: the decisions.
        height: of the patches.
        width: of the patches.

    Returns:
        What ``augmented`` takes.
    """
    kind_B, part_B = _KINDS[drawn.operation], drawn.strength / (_STRENGTHS - 1)
    factor_B = 0.01 + 1.99 * part_B  # of the blends: 0.01 to 2
    parameters = (
        _adjustments(drawn.operation, part_B),
        np.empty((len(kind_B), 0)),
        np.stack((factor_B, drawn.operation == OPERATIONS.index("contrast")), axis=1),
        factor_B[:, None],
        _warp_matrices(drawn, part_B, height=height, width=width),
    )
    return Operations(tuple(augmix.rows(kind_B == kind, values) for kind, values in enumerate(parameters)))


def augmented(patches_bCHW: Tensor, scale: Scale, drawn: Operations) -> Tensor:
    """Return normalised patches, each after its operation.

    Args:
        patches_bCHW: in the store's units.
        scale: of the store's bands.
        drawn: what is done to them.
    """
    unit_RCHW = torch.cat((torch.zeros_like(patches_bCHW[:1]), scale.to_unit(patches_bCHW)))
    found_RCHW = torch.cat((torch.zeros_like(patches_bCHW[:1]), scale.normalise(patches_bCHW)))
    for kind, (index_r, parameters_rP) in enumerate(drawn.rows):
        if len(index_r):
            changed_rCHW = _apply(kind, unit_RCHW.index_select(0, index_r), parameters_rP)
            found_RCHW.index_copy_(0, index_r, scale.normalise(scale.from_unit(changed_rCHW)))
    return found_RCHW[1:]


def _apply(kind: int, unit_rCHW: Tensor, parameters_rP: Tensor) -> Tensor:
    match kind:
        case 0:
            return image_ops.adjust(unit_rCHW, parameters_rP)
        case 1:
            return image_ops.equalize(unit_rCHW)
        case 2:
            return image_ops.blend_with_level(unit_rCHW, parameters_rP)
        case 3:
            return image_ops.sharpen(unit_rCHW, parameters_rP[:, 0])
        case _:
            return image_ops.warp(unit_rCHW, parameters_rP)


def _adjustments(operation_B: Ints, part_B: Floats) -> Floats:
    """What ``image_ops.adjust`` takes; of other operations it is of no use."""
    bits_B = np.where(operation_B == OPERATIONS.index("posterize"), 8 - _whole(part_B, 6), 8)
    threshold_B = np.where(operation_B == OPERATIONS.index("solarize"), 256 - _whole(part_B, 256), 256)
    return np.stack((operation_B == OPERATIONS.index("autocontrast"), bits_B, threshold_B), axis=1)


def _warp_matrices(drawn: Draw, part_B: Floats, *, height: int, width: int) -> Floats:
    """Affine matrices (B, 6) in Pillow's form: up to 135 degrees, shear up to 0.99, up to 32 pixels."""

    def of(name: str, amount_B: Floats) -> Floats:
        return np.where(drawn.operation == OPERATIONS.index(name), drawn.sign * amount_B, 0.0)

    return image_ops.warp_matrices(
        degrees=of("rotate", _whole(part_B, 135)),
        shear=(of("shear_x", 0.99 * part_B), of("shear_y", 0.99 * part_B)),
        shift=(
            of("translate_x", _whole(part_B, min(_PIXELS, width))),
            of("translate_y", _whole(part_B, min(_PIXELS, height))),
        ),
        height=height,
        width=width,
    )


def _whole(part_B: Floats, most: int) -> Floats:
    """Whole numbers up to the most, as the authors' code rounds them; a part is a thirtieth times a whole number."""
    return np.floor(np.rint(part_B * (_STRENGTHS - 1)) * most / (_STRENGTHS - 1))

"""AugMix on a CUDA device in one kernel; ``augmix.py`` launches some three hundred, which a small batch waits for.

The kernel (``augmix_kernels.py``) is compiled at its first use by Triton, which comes with torch for CUDA on Linux and
needs a C compiler and Python's headers. It is used if it then makes of a few patches what ``augmix.py`` makes of them.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from raysat.training.augment import augmix
from raysat.training.device import current
from raysat.training.step_inputs import ChainTable, to_device

_LOG: Final = logging.getLogger(__name__)
_BLOCK: Final = 1024  # pixels that a program's threads take at a time
_SLACK: Final = 1e-4  # of warps, whose places are rounded otherwise
_LARGEST: Final = 128 * 128  # pixels of a band; larger ones fill a GPU operation by operation


def augmented_views(unit_BCHW: Tensor, drawn: ChainTable) -> Tensor:
    """Return the augmented views (V, B, C, H, W) of float patches in [0, 1]; they stay in [0, 1].

    Args:
        unit_BCHW: the patches.
        drawn: what is done to them, on their device.
    """
    batch, bands, height, width = unit_BCHW.shape
    _, views, chains, depth = drawn.kind_bVWD.shape
    mixed_BVCHW = unit_BCHW.new_empty((batch, views, bands, height, width))
    scratch = unit_BCHW.new_empty((batch, views, bands, 2, height, width))
    with current(unit_BCHW.device):
        _kernel()[batch * views, bands](
            unit_BCHW.contiguous(),
            drawn.weights_bVW,
            drawn.kind_bVWD,
            drawn.parameters_bVWDP,
            scratch,
            mixed_BVCHW,
            views,
            chains,
            depth,
            height,
            width,
            BLOCK=_BLOCK,
            enable_fp_fusion=False,  # Pillow rounds products before it adds
        )
    return mixed_BVCHW.transpose(0, 1)


def is_worth_it(device: torch.device, height: int, width: int) -> bool:
    """Whether the kernel makes views of patches on a device.

    Args:
        device: where.
        height: of the patches.
        width: of the patches.

    Returns:
        False for large ones, too.
    """
    return height * width <= _LARGEST and works_on(device)


@cache
def works_on(device: torch.device) -> bool:
    """Whether the kernel is of use on a device: on no CPU, and on a GPU unless the log says why not."""
    if device.type != "cuda":
        return False
    cause = fault(device)
    if cause is not None:
        _LOG.error("AugMix's views are made operation by operation: %s", cause)  # Ray's workers keep no lesser lines
    return cause is None


def fault(device: torch.device) -> str | None:
    """Why the kernel is of no use on a device, if it is not: its views of small patches are compared.

    Args:
        device: where.

    Returns:
        The cause, on one line, or None.
    """
    try:
        for drawn in (_single_operations(), _whole_chains()):
            if not (off := _largest_difference(drawn, device)) <= _SLACK:  # nor where it is not a number
                return f"it is off by {255 * off:.3g} levels of 255"
    except Exception as error:  # noqa: BLE001  (a compiler's, a linker's, a driver's: training goes on without it)
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None


def _single_operations() -> augmix.Draw:
    """Each operation, up and down, on a patch of its own."""
    names, shape = len(augmix.OPERATIONS), (2 * len(augmix.OPERATIONS), 1, 1, 1)
    return augmix.Draw(
        operation=np.tile(np.arange(names), 2).reshape(shape),
        level=np.repeat((-9.0, 9.0), names).reshape(shape),
        depth=np.ones(shape[:3], dtype=np.int64),
        chain_weight=np.ones(shape[:3]),
        mixed_weight=np.ones(shape[:2]),
    )


def _whole_chains() -> augmix.Draw:
    """Two views of three chains of up to three operations.

    Warps come last: a level that is found from pixels which a warp rounded otherwise may be the next one.
    """
    names = [
        ("equalize", "posterize", "rotate"),
        ("autocontrast", "shear_x", "shear_y"),
        ("solarize", "rotate", "rotate"),
    ]
    operation = np.array([[augmix.OPERATIONS.index(name) for name in chain] for chain in names])
    patches, views = 4, 2
    return augmix.Draw(
        operation=np.broadcast_to(operation, (patches, views, 3, 3)),
        level=np.linspace(-9.0, 9.0, patches * views * 9).reshape(patches, views, 3, 3),
        depth=np.broadcast_to((3, 3, 2), (patches, views, 3)),
        chain_weight=np.broadcast_to((0.5, 0.3, 0.2), (patches, views, 3)),
        mixed_weight=np.broadcast_to((0.9, 0.6), (patches, views)),
    )


def _largest_difference(drawn: augmix.Draw, device: torch.device) -> float:
    """Between ``augmix.py`` and the kernel, twice, on patches of more pixels than a program takes at a time."""
    height, width = 37, 41
    levels_BCHW = np.random.default_rng(0).integers(0, 256, (len(drawn.depth), 2, height, width))
    unit_BCHW = torch.from_numpy(levels_BCHW.astype(np.float32) / np.float32(255)).to(device)
    by_operation = augmix.chains(drawn, height=height, width=width)
    expected = augmix.augmented_views(unit_BCHW, to_device(by_operation, device))
    own = to_device(augmix.chain_table(drawn, height=height, width=width), device)
    found = torch.stack([augmented_views(unit_BCHW, own) for _ in range(2)])
    return float((found - expected).abs().max())


def _kernel() -> Any:
    """The kernel; Triton takes a third of a second to be imported, and is not there for every torch."""
    from raysat.training.augment.augmix_kernels import mixed_views  # noqa: PLC0415

    return mixed_views

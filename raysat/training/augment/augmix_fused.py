"""AugMix on a CUDA device in one kernel, where ``augmix.py`` takes some three hundred: small batches wait for each.

The kernel (``augmix_kernels.py``) is compiled at its first use, by Triton, which comes with torch for CUDA and asks for
a C compiler. It is used where it then makes of a few patches what ``augmix.py`` makes of them.
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


@cache
def works_on(device: torch.device) -> bool:
    """Whether AugMix's views are made by this kernel on a device; where not on a GPU, a line in the log says why."""
    if device.type != "cuda":
        return False
    cause = fault(device)
    if cause is not None:
        _LOG.error("AugMix's views are made operation by operation: %s", cause)  # Ray's workers keep no lesser lines
    return cause is None


def fault(device: torch.device) -> str | None:
    """Why the kernel is of no use on a device, if it is not: it makes each operation of a small patch, and is compared.

    Args:
        device: where.

    Returns:
        The cause, on one line, or None.
    """
    try:
        off = _largest_difference(device)
    except Exception as error:  # noqa: BLE001  (a compiler's, a linker's, a driver's: none may end a training)
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None if off <= _SLACK else f"its levels are off by {255 * off:.3g} of 255"


def _largest_difference(device: torch.device) -> float:
    """Between the kernel and ``augmix.py``, of each operation on a patch of its own."""
    rng, count = np.random.default_rng(0), len(augmix.OPERATIONS)
    shape = (count, 1, 1, 1)
    drawn = augmix.Draw(
        operation=np.arange(count).reshape(shape),
        level=rng.choice((-1.0, 1.0), shape) * rng.uniform(0.1, 10.0, shape),
        depth=np.ones(shape[:3], dtype=np.int64),
        chain_weight=np.ones(shape[:3]),
        mixed_weight=np.ones(shape[:2]),
    )
    levels_BCHW = rng.integers(0, 256, (count, 2, 23, 31))  # of enough pixels to be equalised
    unit_BCHW = torch.from_numpy(levels_BCHW.astype(np.float32) / np.float32(255)).to(device)
    expected = augmix.augmented_views(unit_BCHW, to_device(augmix.chains(drawn, height=23, width=31), device))
    found = augmented_views(unit_BCHW, to_device(augmix.chain_table(drawn, height=23, width=31), device))
    return float((found - expected).abs().max())


def _kernel() -> Any:
    """The kernel; Triton takes a third of a second to be imported, and is not there for every torch."""
    from raysat.training.augment.augmix_kernels import mixed_views  # noqa: PLC0415

    return mixed_views

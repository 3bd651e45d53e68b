"""The layer before a network whose weights know other units than a store's: one affine map a band.

It comes before the network, and not into its first convolution, as that pads with zeros: a zero there is a pixel of 0
in the weights' units, as when they were trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Units(nn.Module):
    """Multiplies each band and adds to it; both are fixed, and lie in the ``state_dict`` with the weights."""

    gain: Tensor  # (C, 1, 1)
    shift: Tensor

    def __init__(self, bands: int) -> None:
        """Begin with values as they are."""
        super().__init__()
        self.register_buffer("gain", torch.ones(bands, 1, 1))
        self.register_buffer("shift", torch.zeros(bands, 1, 1))

    def set(self, gain_C: Sequence[float], shift_C: Sequence[float]) -> None:
        """Take the map of each band."""
        self.gain.copy_(torch.as_tensor(gain_C)[:, None, None])
        self.shift.copy_(torch.as_tensor(shift_C)[:, None, None])

    def forward(self, patches_BCHW: Tensor) -> Tensor:
        """Map patches, which are standardised by the store's statistics, to the weights' inputs."""
        return patches_BCHW * self.gain + self.shift

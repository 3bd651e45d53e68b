"""Corrupts a batch of patches: the same numbers for the same patch, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from raysat.data.corruptions import CORRUPTIONS, wavelengths
from raysat.data.model_inputs import ModelInputs
from raysat.errors import UsageError, suggest
from raysat.inference.corruptions import atmosphere, sensor
from raysat.inference.corruptions.random_fields import Streams
from raysat.inference.corruptions.scene import Scene
from raysat.training.patches import Scale

_APPLY: Final[dict[str, Callable[[Scene, float], Tensor]]] = {
    "noise": sensor.noise,
    "blur": sensor.blur,
    "haze": atmosphere.haze,
    "cloud": atmosphere.cloud,
    "shadow": atmosphere.shadow,
    "dropout": sensor.dropout,
    "striping": sensor.striping,
    "gain": sensor.gain,
    "misregistration": sensor.misregistration,
    "missing": sensor.missing,
}
_LARGEST: Final = {"uint8": 255.0, "uint16": 65535.0}


def check_known(names: Sequence[str]) -> None:
    """Raise UsageError for a corruption that there is not."""
    for name in names:
        if name not in CORRUPTIONS:
            raise UsageError(f"there is no corruption {name!r}", hint=suggest(name, CORRUPTIONS))


def corrupt(patches_BCHW: Tensor, positions_B: Tensor, inputs: ModelInputs, name: str, severity: int) -> Tensor:
    """Return patches as they would be under a corruption; at severity 0 as they are.

    Random numbers are of the corruption, the patch and the band alone: the same for every model, and at every severity.

    Args:
        patches_BCHW: float32, in the store's units.
        positions_B: of the patches in their store, on the same device.
        inputs: what bands they are of, with the statistics that give their full scale.
        name: of the corruption.
        severity: 0 to 5.

    Returns:
        (B, C, H, W) float32, within the full scale, or as far beyond as the patch is; whole numbers where those are.
    """
    if severity == 0:
        return patches_BCHW
    scale = Scale.from_stats(inputs.stats, patches_BCHW.device)
    unit_BCHW = (patches_BCHW - scale.low) / scale.span
    scene = Scene(
        unit_BCHW=unit_BCHW,
        mean_C11=(scale.mean - scale.low) / scale.span,
        wavelengths=wavelengths(inputs.bands, inputs.sensor),
        streams=Streams.of(name, positions_B),
        band_streams=Streams.of_bands(name, positions_B, inputs.bands),
    )
    found = _APPLY[name](scene, CORRUPTIONS[name].strength(severity))
    low, high = unit_BCHW.clamp(max=0.0), unit_BCHW.clamp(min=1.0)  # a sensor saturates
    changed = patches_BCHW + (torch.minimum(torch.maximum(found, low), high) - unit_BCHW) * scale.span
    if inputs.dtype in _LARGEST:
        changed = changed.round().clamp(0.0, _LARGEST[inputs.dtype])
    return changed

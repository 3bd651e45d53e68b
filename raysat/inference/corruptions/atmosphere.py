"""What the air does to patches (B, C, H, W) in parts of each band's full scale: haze, thin clouds and their shadows.

A band whose wavelength is not known is taken for one of 0.55 micrometres, where the eye sees best: all such bands are
hit alike. A thermal band sees the heat of the ground: haze and shadow leave it as it is, a cloud is cold there.
"""

from __future__ import annotations

import math
from typing import Final

from torch import Tensor

from raysat.data.corruptions import THERMAL_UM
from raysat.inference.corruptions.scene import Scene

_VISIBLE_UM: Final = 0.55
_AEROSOL: Final = 1.3  # Ångström's exponent of usual aerosol
_HAZE: Final = 0.7  # its light where it hides the ground, in parts of full scale
_DIFFUSE: Final = 0.3  # share of the light that comes from the sky rather than the sun, at 0.55 micrometres
_MOST_DIFFUSE: Final = 0.6


def haze(scene: Scene, strength: float) -> Tensor:
    """Light of the ground is lost in the air, and light of the air is added, most at short wavelengths.

    With the optical depth tau of a band (Ångström 1929) and t = exp(-tau): t u + (1 - t) A (Makarau et al. 2014).
    """
    kept = scene.by_band([math.exp(-strength * _by_wavelength(band)) for band in scene.wavelengths])
    return kept * scene.unit_BCHW + (1 - kept) * _HAZE


def cloud(scene: Scene, strength: float) -> Tensor:
    """A white veil of uneven thickness in reflective bands, a cold one in thermal bands (Enomoto et al. 2017)."""
    opacity = strength * scene.streams.field(*scene.size)
    white = scene.by_band([0.0 if _is_thermal(band) else 1.0 for band in scene.wavelengths])
    return (1 - opacity) * scene.unit_BCHW + opacity * white


def shadow(scene: Scene, strength: float) -> Tensor:
    """Sunlight is lost in an uneven field; light of the sky, which is blue, stays (Richter & Müller 2005)."""
    lost = scene.by_band([0.0 if _is_thermal(band) else 1 - _diffuse(band) for band in scene.wavelengths])
    return scene.unit_BCHW * (1 - strength * lost * scene.streams.field(*scene.size))


def _by_wavelength(wavelength: float | None) -> float:
    """How much thicker aerosol is at a wavelength than at 0.55 micrometres."""
    if _is_thermal(wavelength):
        return 0.0
    return math.pow((wavelength or _VISIBLE_UM) / _VISIBLE_UM, -_AEROSOL)


def _diffuse(wavelength: float | None) -> float:
    return min(_MOST_DIFFUSE, _DIFFUSE * _by_wavelength(wavelength))


def _is_thermal(wavelength: float | None) -> bool:
    return wavelength is not None and wavelength > THERMAL_UM

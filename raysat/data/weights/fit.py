"""How the bands of pretrained weights become a store's: by wavelength, and in the units that the weights know.

Each band of the store takes the first layer's kernel of the weights' band that is nearest in wavelength, within 5 %; a
band without one (thermal ones, mostly) takes the mean of all kernels. All are then scaled by the weights' number of
bands over the store's, so that sums over bands keep their size: as timm does where three channels become others. With
the weights' own bands, in any order, every kernel is as it was.

Inputs become what the weights were trained on: the store's values times ``scale``, less the weights' mean, over their
deviation. A band without a counterpart gets the average offset and spread of those that have one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from raysat.data.weights.about import About, wavelengths
from raysat.data.weights.names import plain_name
from raysat.errors import BandError, PlanError

TOLERANCE: Final = 0.05  # of a wavelength: near infrared 0.833 is 0.865, red edge 0.704 is not red 0.665
_LONGEST: Final = 2.5  # micrometres, of what DOFA was trained on: EnMAP's last bands
Standardised = Literal["standardised"]
_Values = npt.NDArray[np.float64]
_SMALLEST, _LARGEST = 0.02, 5.0  # root mean square of what a network sees of a band, in the middle of all bands


@dataclass(frozen=True, slots=True, kw_only=True)
class BandMap:
    """Which band of the weights each band of a store takes, by position; None: none is near."""

    sources: tuple[int | None, ...]
    factor: float  # of every kernel


def map_bands(about: About, *, bands: Sequence[str], sensor: str | None) -> BandMap:
    """Find the weights' band of each of a store's.

    Args:
        about: whose bands.
        bands: of the store, in the order that the network gets them.
        sensor: of the store, None where it is not known.

    Returns:
        The positions of the weights' bands, and what all kernels are multiplied by.

    Raises:
        BandError: no band of the store has one, or their wavelengths are not known.
    """
    theirs, known = about.by_band, wavelengths(sensor)
    if (any(theirs) or about.generated) and not known:
        raise BandError(
            "model.weights needs the wavelengths of the store's bands, and the store names no sensor that is known",
            hint="import the data with {--sensor}",
        )
    if about.generated:
        wavelengths_of(bands, sensor)
        return BandMap(sources=(0,) * len(bands), factor=1.0)
    names = [plain_name(band) for band in about.bands]
    sources = tuple(_nearest(plain_name(band), known.get(plain_name(band)), names, theirs) for band in bands)
    if all(source is None for source in sources):
        raise BandError(
            f"model.weights: no band of the weights ({', '.join(about.bands)}) is near one of {', '.join(bands)}",
            hint="choose weights of a sensor like the store's",
        )
    return BandMap(sources=sources, factor=len(about.bands) / len(bands))


def wavelengths_of(bands: Sequence[str], sensor: str | None) -> list[float]:
    """Return the wavelength of each band in micrometres, for weights that generate their first layer of these.

    Raises BandError for bands whose wavelength is not known, or is none that such weights were trained on.
    """
    known = wavelengths(sensor)
    found = {band: known.get(plain_name(band), math.inf) for band in bands}
    if beyond := [band for band, value in found.items() if not value <= _LONGEST]:
        raise BandError(
            f"model.weights were trained on wavelengths up to {_LONGEST:g} micrometres; of the store's bands "
            f"{', '.join(beyond)} are longer, or not known",
            hint=f"leave them out with data.drop: [{', '.join(beyond)}]",
        )
    return list(found.values())


def _nearest(name: str, wavelength: float | None, names: Sequence[str], theirs: Sequence[float | None]) -> int | None:
    """The position of the nearest band; of those without a wavelength, that of the same name."""
    far = {
        position: abs(other - wavelength)
        for position, other in enumerate(theirs)
        if other is not None and wavelength is not None and abs(other - wavelength) <= TOLERANCE * wavelength
    }
    if far:
        return min(far, key=lambda position: (far[position], names[position] != name, position))
    return next((place for place, other in enumerate(theirs) if other is None and names[place] == name), None)


def units(
    about: About,
    sources: Sequence[int | None],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    scale: float | Standardised,
) -> tuple[_Values, _Values]:
    """Find gain and shift, by band, that make the weights' inputs of a store's standardised values.

    Args:
        about: whose units.
        sources: as of ``map_bands``.
        mean: of each of the store's bands, in the store's units.
        std: likewise.
        scale: what a value of the store is multiplied by to be in the units that the weights were trained on;
            ``standardised`` leaves the values as they are, as do weights that generate their first layer.

    Returns:
        Gain and shift, one a band.
    """
    if scale == "standardised" or about.generated:
        return np.ones(len(sources)), np.zeros(len(sources))
    gain, shift = np.full(len(sources), np.nan), np.full(len(sources), np.nan)
    for band, source in enumerate(sources):
        if source is not None:
            offset, spread = (each[source if len(each) > 1 else 0] for each in (about.mean, about.std))
            gain[band], shift[band] = scale * std[band] / spread, (scale * mean[band] - offset) / spread
    alone = np.isnan(gain)
    gain[alone], shift[alone] = gain[~alone].mean(), shift[~alone].mean()
    return gain, shift


def check_units(gain: _Values, shift: _Values) -> None:
    """Raise PlanError where a network would see values of a size that no weights were trained on."""
    size = float(np.median(np.hypot(gain, shift)))
    if not _SMALLEST <= size <= _LARGEST:
        raise PlanError(
            f"model.weights were trained on other units than the store's: the network would see values near {size:.2g}",
            hint="set model.weights_scale to what makes the store's values those (10000 for reflectances in [0, 1]), "
            "or to standardised",
        )

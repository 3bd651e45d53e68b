"""Named band composites, and which bands of a store a study means.

A study names bands in one of four ways, all resolved here against the bands that a patch store holds:

    all                   every band of the store, in its order
    agriculture           a composite: the same idea on every sensor (6-5-2 on Landsat 8, B11-B08-B02 on Sentinel-2)
    [6, 5, 2]             band numbers of the sensor
    [B6, B5, B2]          band names

and any of them with some bands dropped, by number or name: all but [9].
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from raysat.data.sensors import get_sensor
from raysat.errors import BandError, suggest

# The red, green and blue channel of each named composite, by role (USGS, "common Landsat band combinations").
COMPOSITES: Final[dict[str, tuple[str, ...]]] = {
    "natural": ("red", "green", "blue"),
    "color_infrared": ("nir", "red", "green"),
    "agriculture": ("swir1", "nir", "blue"),
    "vegetation": ("swir1", "nir", "red"),
    "swir": ("swir2", "nir", "red"),
    "urban": ("swir2", "swir1", "red"),
    "geology": ("swir2", "swir1", "blue"),
    "land_water": ("nir", "swir1", "red"),
    "bathymetric": ("red", "green", "coastal"),
}

Bands = str | Sequence[int | str]


def bands_of_files(sensor: str | None, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of files' bands: those that are listed, which must be the sensor's, else all of the sensor's.

    Raises BandError for an unknown sensor, or a name that is none of its bands.
    """
    known = get_sensor(sensor).band_names if sensor is not None else ()
    if names is None:
        return known
    for name in names:
        if known and name not in known:
            hint = suggest(name, known, f"its bands are {', '.join(known)}")
            raise BandError(f"{sensor} has no band {name!r}", hint=hint)
    return tuple(names)


def resolve(
    bands: Bands, *, available: Sequence[str], sensor: str | None, drop: Sequence[int | str] = ()
) -> tuple[str, ...]:
    """Return the names of a store's bands that a study says, in the study's order.

    Args:
        bands: ``"all"``, a composite's name, or a sequence of band numbers and names.
        available: the store's band names, in its order.
        sensor: the store's sensor, or None where it is not known (composites then need one).
        drop: numbers and names of those to leave out.

    Raises:
        BandError: a band or composite that does not exist, is not in the store, or is named twice; a dropped band that
            is not among the others, or no band left.
    """
    selected = _selected(bands, available=available, sensor=sensor)
    dropped = {_named(band, selected) for band in drop}
    for band in sorted(dropped.difference(selected)):
        raise BandError(
            f"dropped band {band!r} is not among the selected bands {', '.join(selected)}",
            hint=suggest(band, selected, "drop bands that are selected, or none"),
        )
    left = tuple(band for band in selected if band not in dropped)
    if not left:
        raise BandError(f"every selected band is dropped: {', '.join(selected)}", hint="leave at least one")
    return left


def picture_bands(
    composite: Bands | None = None, *, available: Sequence[str], sensor: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return what the colours of a picture are called, and its bands: one, or three as red, green and blue.

    Args:
        composite: which; by default natural colours where the sensor has them, else the store's first bands.
        available: the store's band names, in its order.
        sensor: the store's sensor, or None where it is not known.

    Raises:
        BandError: bands that are not in the store, or neither one nor three.
    """
    if composite is None:
        with contextlib.suppress(BandError):
            return "natural", resolve("natural", available=available, sensor=sensor)
        bands = tuple(available[:3] if len(available) >= 3 else available[:1])
    else:
        bands = resolve(composite, available=available, sensor=sensor)
    if len(bands) not in (1, 3):
        raise BandError(f"a picture shows 1 or 3 bands, not {len(bands)}", hint="such as natural, or 6,5,2")
    name = composite if isinstance(composite, str) and composite != "all" else None
    return name or ("red, green, blue" if len(bands) == 3 else "grey"), bands


def _selected(bands: Bands, *, available: Sequence[str], sensor: str | None) -> tuple[str, ...]:
    if isinstance(bands, str):
        if bands == "all":
            return tuple(available)
        wanted = _composite(bands, sensor)
    else:
        wanted = tuple(_named(band, available) for band in bands)
    where = f"the store has {', '.join(available)}"
    if not wanted:
        raise BandError("no band is named", hint=where)
    for band in wanted:
        if band not in available:
            raise BandError(f"band {band!r} is not in the store", hint=suggest(band, available, where))
    if len(set(wanted)) != len(wanted):
        raise BandError(f"bands {list(wanted)} name one band twice", hint="name each band once")
    return wanted


def _composite(name: str, sensor: str | None) -> tuple[str, ...]:
    if name not in COMPOSITES:
        words = re.findall(r"\w+", name)
        listed = f"write a list of bands: [{', '.join(words)}]" if any(map(str.isdigit, name)) else ""
        raise BandError(f"unknown band composite {name!r}", hint=listed or suggest(name, ["all", *COMPOSITES]))
    if sensor is None:
        raise BandError(
            f"composite {name!r} needs a known sensor, and the store names none",
            hint="list the bands by name, or import the data with {--sensor}",
        )
    names = []
    for role in COMPOSITES[name]:
        band = get_sensor(sensor).by_role(role)
        if band is None:
            raise BandError(f"composite {name!r} needs a {role} band, which {sensor} does not have")
        names.append(band.name)
    return tuple(names)


def _named(band: int | str, available: Sequence[str]) -> str:
    """A number means the band of that number, however the sensor writes it: 2 is B2, B02, SR_B2 or else '2'."""
    if not isinstance(band, int):
        return band
    spellings = (f"B{band}", f"B{band:02d}", f"SR_B{band}", f"ST_B{band}", str(band))
    return next((name for name in spellings if name in available), spellings[0])

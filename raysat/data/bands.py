"""Sensors, their bands with wavelengths, and named band composites.

A study names bands in one of four ways, all resolved here against the bands that a patch store holds:

    all                   every band of the store, in its order
    agriculture           a composite: the same idea on every sensor (6-5-2 on Landsat 8, B11-B08-B02 on Sentinel-2)
    [6, 5, 2]             band numbers of the sensor
    [B6, B5, B2]          band names

and any of them with some bands dropped, by number or name: all but [9].
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from raysat.errors import BandError, suggest


@dataclass(frozen=True, slots=True)
class Band:
    """One spectral band: its name, centre wavelength in micrometres and role (``nir``, ``red`` ...)."""

    name: str
    wavelength_um: float
    role: str


@dataclass(frozen=True, slots=True)
class Sensor:
    """An instrument: its bands in their usual file order."""

    name: str
    title: str
    bands: tuple[Band, ...]

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands, in file order."""
        return tuple(band.name for band in self.bands)

    def by_role(self, role: str) -> Band | None:
        """Return the band that plays a role, or None."""
        return next((band for band in self.bands if band.role == role), None)


# Centres: USGS Landsat data users handbooks; ESA Sentinel-2 user handbook (S2A). B8A stands last, as in EuroSAT.
_SENSORS: Final = (
    Sensor(
        "landsat8",
        "Landsat 8 and 9 OLI/TIRS",
        (
            Band("B1", 0.443, "coastal"),
            Band("B2", 0.482, "blue"),
            Band("B3", 0.561, "green"),
            Band("B4", 0.655, "red"),
            Band("B5", 0.865, "nir"),
            Band("B6", 1.609, "swir1"),
            Band("B7", 2.201, "swir2"),
            Band("B8", 0.590, "pan"),
            Band("B9", 1.373, "cirrus"),
            Band("B10", 10.895, "thermal1"),
            Band("B11", 12.005, "thermal2"),
        ),
    ),
    Sensor(
        "sentinel2",
        "Sentinel-2 MSI",
        (
            Band("B01", 0.443, "coastal"),
            Band("B02", 0.492, "blue"),
            Band("B03", 0.560, "green"),
            Band("B04", 0.665, "red"),
            Band("B05", 0.704, "rededge1"),
            Band("B06", 0.741, "rededge2"),
            Band("B07", 0.783, "rededge3"),
            Band("B08", 0.833, "nir"),
            Band("B09", 0.945, "water_vapour"),
            Band("B10", 1.374, "cirrus"),
            Band("B11", 1.614, "swir1"),
            Band("B12", 2.202, "swir2"),
            Band("B8A", 0.865, "nir_narrow"),
        ),
    ),
    Sensor(
        "landsat7",
        "Landsat 7 ETM+",
        (
            Band("B1", 0.483, "blue"),
            Band("B2", 0.560, "green"),
            Band("B3", 0.662, "red"),
            Band("B4", 0.835, "nir"),
            Band("B5", 1.648, "swir1"),
            Band("B6", 11.450, "thermal1"),
            Band("B7", 2.206, "swir2"),
            Band("B8", 0.720, "pan"),
        ),
    ),
    Sensor(
        "naip",
        "NAIP four-band aerial imagery",
        (
            Band("R", 0.660, "red"),
            Band("G", 0.560, "green"),
            Band("B", 0.480, "blue"),
            Band("N", 0.830, "nir"),
        ),
    ),
)
SENSORS: Final = {sensor.name: sensor for sensor in _SENSORS}

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


def get_sensor(name: str) -> Sensor:
    """Return a sensor by name. Raises BandError for an unknown one."""
    try:
        return SENSORS[name]
    except KeyError:
        raise BandError(
            f"unknown sensor {name!r}",
            hint=suggest(name, SENSORS, f"known sensors: {', '.join(SENSORS)}; or name the bands with {{--bands}}"),
        ) from None


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
    """A number means the band of that number, however the sensor writes it: 2 is B2, B02 or, with no such name, '2'."""
    if not isinstance(band, int):
        return band
    spellings = (f"B{band}", f"B{band:02d}", str(band))
    return next((name for name in spellings if name in available), spellings[0])

"""Sensors and their bands: names in their usual file order, centre wavelengths and roles."""

from __future__ import annotations

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


# Centres: USGS Landsat data users handbooks, which hold for level 2 (LSDS-1328) as well; ESA Sentinel-2 user handbook
# (S2A); Planet's PlanetScope instrument table (PSB.SD), with the names of its files. Of Sentinel-2's products level 1C
# has B8A last here, as EuroSAT; level 2A has no B10, since the atmospheric correction uses it up, and B8A after B08.
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
        "sentinel2_l2a",
        "Sentinel-2 MSI, level 2A",
        (
            Band("B01", 0.443, "coastal"),
            Band("B02", 0.492, "blue"),
            Band("B03", 0.560, "green"),
            Band("B04", 0.665, "red"),
            Band("B05", 0.704, "rededge1"),
            Band("B06", 0.741, "rededge2"),
            Band("B07", 0.783, "rededge3"),
            Band("B08", 0.833, "nir"),
            Band("B8A", 0.865, "nir_narrow"),
            Band("B09", 0.945, "water_vapour"),
            Band("B11", 1.614, "swir1"),
            Band("B12", 2.202, "swir2"),
        ),
    ),
    Sensor(
        "landsat8_l2",
        "Landsat 8 and 9 OLI/TIRS, collection 2 level 2",
        (
            Band("SR_B1", 0.443, "coastal"),
            Band("SR_B2", 0.482, "blue"),
            Band("SR_B3", 0.561, "green"),
            Band("SR_B4", 0.655, "red"),
            Band("SR_B5", 0.865, "nir"),
            Band("SR_B6", 1.609, "swir1"),
            Band("SR_B7", 2.201, "swir2"),
            Band("ST_B10", 10.895, "thermal1"),
        ),
    ),
    Sensor(
        "planetscope",
        "PlanetScope SuperDove, eight bands",
        (
            Band("coastal_blue", 0.443, "coastal"),
            Band("blue", 0.490, "blue"),
            Band("green_i", 0.531, "green_narrow"),
            Band("green", 0.565, "green"),
            Band("yellow", 0.610, "yellow"),
            Band("red", 0.665, "red"),
            Band("rededge", 0.705, "rededge1"),
            Band("nir", 0.865, "nir"),
        ),
    ),
    Sensor(
        "planetscope4",
        "PlanetScope SuperDove, four bands",
        (
            Band("blue", 0.490, "blue"),
            Band("green", 0.565, "green"),
            Band("red", 0.665, "red"),
            Band("nir", 0.865, "nir"),
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


def get_sensor(name: str) -> Sensor:
    """Return a sensor by name. Raises BandError for an unknown one."""
    try:
        return SENSORS[name]
    except KeyError:
        raise BandError(
            f"unknown sensor {name!r}",
            hint=suggest(name, SENSORS, f"known sensors: {', '.join(SENSORS)}; or name the bands with {{--bands}}"),
        ) from None

"""Groups of bands that say much the same of a surface, by the roles that their sensor gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raysat.data.sensors import SENSORS

_GROUPS: Final = {  # roles without their numbers
    "visible": ("coastal", "blue", "green", "yellow", "red"),
    "red edge": ("rededge",),
    "near infrared": ("nir", "nir_narrow"),
    "short-wave infrared": ("swir",),
    "thermal": ("thermal",),
    "atmosphere": ("water_vapour", "cirrus"),
}


def band_groups(bands: Sequence[str], sensor: str | None) -> dict[str, tuple[str, ...]]:
    """Return groups of two bands or more among these, by name; none where the sensor is not known.

    Args:
        bands: names, in the order of a store.
        sensor: that recorded them.
    """
    if sensor not in SENSORS:
        return {}
    roles = {band.name: band.role.rstrip("0123456789") for band in SENSORS[sensor].bands}
    groups = {name: tuple(band for band in bands if roles.get(band) in members) for name, members in _GROUPS.items()}
    return {name: members for name, members in groups.items() if 1 < len(members) < len(bands)}

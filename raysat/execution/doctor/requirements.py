"""Looks over installed packages: whether their versions are in raysat's ranges, and what GDAL can read and write."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from raysat.execution.doctor.check import Check
from raysat.formatting import one_line

_REQUIREMENT: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)(?:;(.*))?$")
_CLAUSE: Final = re.compile(r"^(>=|<=|==|!=|<|>)\s*([0-9][0-9.]*)")
_AGAIN: Final = "install them into a new environment: pip install -c constraints.txt ."
_DRIVERS: Final = {  # of GDAL -> what it is for
    "GTiff": "GeoTIFF patches and scenes",
    "COG": "the maps of raysat predict",
    "JP2OpenJPEG": "Sentinel-2 scenes",
    "PNG": "image folders",
}
_NEEDED: Final = ("GTiff",)
_WHEELS: Final = "install rasterio's wheel, which has them: pip install --force-reinstall --only-binary=:all: rasterio"


def requirements(needs: Iterable[str] | None = None) -> Check:
    """Whether what raysat needs is installed, in versions that it knows.

    Args:
        needs: requirements as packages state them; by default raysat's own, without extras.
    """
    try:
        lines = list(requires("raysat") or ()) if needs is None else list(needs)
    except PackageNotFoundError:
        return Check(name="packages", found="not known: raysat runs from a folder, and is not installed")
    checked, wrong = 0, []
    for line in lines:
        if (match := _REQUIREMENT.match(line)) is None or "extra" in (match[3] or ""):
            continue
        checked += 1
        if fault := _fault(match[1], [clause.strip() for clause in match[2].split(",") if clause.strip()]):
            wrong.append(fault)
    if wrong:
        return Check(name="packages", found="; ".join(wrong), level="fault", remedy=_AGAIN)
    return Check(name="packages", found=f"all {checked} that raysat needs, in versions that it knows")


def _fault(name: str, clauses: list[str]) -> str | None:
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"no {name}"
    return None if meets(installed, clauses) else f"{name} {installed}, needs {','.join(clauses)}"


def meets(installed: str, clauses: Iterable[str]) -> bool:
    """Whether a version is in a range, by its release: ``2.14.1+cu130`` meets ``>=2.9``.

    Args:
        installed: the version.
        clauses: such as ``>=2.60`` and ``<2.61``.
    """
    return all(_meets(_release(installed), clause) for clause in clauses)


def _meets(installed: tuple[int, ...], clause: str) -> bool:
    if (match := _CLAUSE.match(clause)) is None:
        return True  # of a form that raysat does not use
    named = _release(match[2])
    width = max(len(installed), len(named))
    ours, theirs = (release + (0,) * (width - len(release)) for release in (installed, named))
    match match[1]:
        case ">=":
            return ours >= theirs
        case "<=":
            return ours <= theirs
        case "<":
            return ours < theirs
        case ">":
            return ours > theirs
        case "==":
            return ours == theirs
        case _:
            return ours != theirs


def _release(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", re.split(r"[^0-9.]", text, maxsplit=1)[0])))


def gdal() -> Check:
    """Whether GDAL has the drivers that raysat reads and writes with, and finds its own data files."""
    try:
        import rasterio
        from rasterio.crs import CRS
        from rasterio.env import Env

        with Env() as env:
            drivers = set(env.drivers())
        release = f"GDAL {rasterio.__gdal_version__}"
    except Exception as error:  # noqa: BLE001  (whatever a broken package raises)
        return Check(
            name="GDAL", found=f"rasterio cannot be used: {one_line(str(error))}", level="fault", remedy=_WHEELS
        )
    try:
        CRS.from_epsg(32633).to_wkt()
    except Exception as error:  # noqa: BLE001  (as above)
        remedy = "unset PROJ_LIB, PROJ_DATA and GDAL_DATA, which name the files of another GDAL"
        found = f"{release} does not find its list of coordinate systems: {one_line(str(error))}"
        return Check(name="GDAL", found=found, level="fault", remedy=remedy)
    return drivers_check(release, drivers)


def drivers_check(release: str, drivers: Iterable[str]) -> Check:
    """Whether all drivers are there that raysat uses.

    Args:
        release: of GDAL.
        drivers: that it has.
    """
    missing = [name for name in _DRIVERS if name not in set(drivers)]
    if not missing:
        return Check(name="GDAL", found=f"{release} with {', '.join(_DRIVERS)}")
    what = ", ".join(f"no {name} ({_DRIVERS[name]})" for name in missing)
    remedy = f"{_WHEELS}; GDAL_SKIP must not name them"
    is_needed = any(name in _NEEDED for name in missing)
    return Check(name="GDAL", found=f"{release}: {what}", level="fault" if is_needed else "warning", remedy=remedy)

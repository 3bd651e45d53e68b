"""Which file, and which band in it, holds each band of a scene: by the names that files give, else by their order.

A scene is one file of several bands, or several files of one band each that are named by their band, as Landsat's and
Sentinel-2's are (``LC08_..._SR_B4.TIF``, ``T32TQM_..._B04_10m.jp2``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import rasterio

from raysat.data.names import check_names
from raysat.data.scenes.gdal import SUFFIXES
from raysat.data.scenes.remote import RasterPath
from raysat.data.sensors import SENSORS, get_sensor
from raysat.errors import BandError, DataError
from raysat.files import folder_entries
from raysat.formatting import echo

_NUMBERED: Final = re.compile(r"b0*(\d+)([a-z]?)")
_BETWEEN: Final = re.compile(r"[^A-Za-z0-9]+")
_NAME_THEM: Final = "name the bands with {--sensor}, or {--bands} B01,B02,..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a scene: bands, in order, or all of a sensor's; neither where the files are to say."""

    bands: tuple[str, ...] | None
    sensor: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The names that may be meant: those that are asked for, else all of the sensor's."""
        return self.bands or (get_sensor(self.sensor).band_names if self.sensor is not None else ())

    @property
    def spellings(self) -> dict[str, str]:
        """The names that files may give, folded, and the band that each means."""
        found: dict[str, str] = {}
        for band in SENSORS[self.sensor].bands if self.sensor in SENSORS else ():
            if band.name in self.names:
                found[fold(band.role)] = band.name
        return found | {fold(name): name for name in self.names}


def fold(name: str) -> str:
    """The same text for spellings of one band: ``B2``, ``b02`` and ``B02, central wavelength 490 nm``."""
    short = "_".join(word for word in _BETWEEN.split(name.partition(",")[0].lower()) if word)
    numbered = _NUMBERED.fullmatch(short)
    return f"b{numbered[1]}{numbered[2]}" if numbered else short


def in_one_file(file: rasterio.DatasetReader, wanted: Wanted) -> dict[str, int]:
    """Return the bands of a file that are wanted, in order, each with its index from 1.

    A file whose descriptions name wanted bands is taken at its word. Else they are named in order: by what is asked
    for where the file has so many bands, or by the sensor.

    Raises:
        BandError: the file does not have them, or nothing names them.
    """
    described = [text or "" for text in file.descriptions]
    if not wanted.names:
        if not all(described):
            raise BandError("the bands are not named, in the file or otherwise", hint=_NAME_THEM)
        check_names(described, "band")
        return dict(zip(described, file.indexes, strict=True))
    spellings = wanted.spellings
    named: dict[str, int] = {}
    for index, text in zip(file.indexes, described, strict=True):
        band = spellings.get(fold(text)) if text else None
        if band is not None and named.setdefault(band, index) != index:
            raise BandError(f"bands {named[band]} and {index} are both called {band}", hint=_NAME_THEM)
    if named:
        if missing := [name for name in wanted.bands or () if name not in named]:
            raise BandError(f"it has no band {', '.join(missing)}; it has {_listed(described)}", hint=_NAME_THEM)
        return {name: named[name] for name in wanted.bands} if wanted.bands else named
    return _in_order(file.count, described, wanted)


def in_files(paths: Sequence[RasterPath], wanted: Wanted) -> dict[str, RasterPath]:
    """Return the file of each wanted band, in order, by the files' names.

    Args:
        paths: files of one band each.
        wanted: what is asked for.

    Raises:
        BandError: a wanted band has no file.
        DataError: it has several.
    """
    found: dict[str, RasterPath] = {}
    for path in paths:
        band = without_band(path.stem, wanted.names)[0] if wanted.names else _BETWEEN.split(path.stem)[-1]
        if band and found.setdefault(band, path) != path:
            raise DataError(
                f"{found[band].name} and {path.name} are both band {band}",
                hint="give the files of one scene and one pixel size",
            )
    if missing := [name for name in wanted.bands or () if name not in found]:
        raise BandError(f"no file is named after band {', '.join(missing)}", hint="files end like scene_B04.tif")
    if not found:
        raise BandError("no file is named after a band", hint=_NAME_THEM)
    check_names(tuple(found), "band")
    return {name: found[name] for name in wanted.names if name in found} if wanted.names else found


def group_files(
    paths: Sequence[Path], bands: Sequence[str] | None, sensor: str | None
) -> list[Path | tuple[Path, ...]]:
    """Return scenes: files whose names differ in nothing but a band are one, each other path is one of its own.

    Args:
        paths: files and folders.
        bands: the bands wanted, or None.
        sensor: whose bands they are otherwise, or None.
    """
    names = Wanted(bands=None if bands is None else tuple(bands), sensor=sensor).names
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        band, rest = (None, path.stem) if path.is_dir() else without_band(path.stem, names)
        groups.setdefault((path.parent, path.name if band is None else f"{rest}/"), []).append(path)
    return [group[0] if len(group) == 1 else tuple(group) for group in groups.values()]


def without_band(stem: str, names: Sequence[str]) -> tuple[str | None, str]:
    """Return the band that a file's name has last in it, and the rest of the name; None and all of it for none."""
    best: tuple[int, int, str | None, str] = (-1, -1, None, stem)
    for name in names:
        folded = fold(name)
        numbered = _NUMBERED.fullmatch(folded)
        pattern = f"b0*{numbered[1]}{numbered[2]}" if numbered else "[^a-z0-9]+".join(folded.split("_"))
        for match in re.finditer(f"(?<![a-z0-9]){pattern}(?![a-z0-9])", stem, re.IGNORECASE):
            rest = stem[: match.start()] + stem[match.end() :]
            best = max(best, (match.end(), len(folded), name, rest), key=lambda each: each[:2])
    return best[2:]


def band_files(folder: Path) -> list[Path]:
    """Return the raster files in a folder, by name. Raises DataError where there is none."""
    files = [folder / entry.name for entry in folder_entries(folder, DataError)]
    found = [file for file in files if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")]
    if not found:
        raise DataError(f"{folder} holds no raster", hint=f"files of its bands end in {', '.join(SUFFIXES)}")
    return sorted(found)


def _in_order(count: int, described: Sequence[str], wanted: Wanted) -> dict[str, int]:
    """Name the bands of a file that does not name them, or by other names, by their order."""
    whole = SENSORS[wanted.sensor].band_names if wanted.sensor in SENSORS else ()
    for names in (wanted.names, whole):
        if count == len(names):
            order: Mapping[str, int] = {name: index for index, name in enumerate(names, 1)}
            return {name: order[name] for name in wanted.names}
    others = f"sensor {wanted.sensor} has {len(whole)}" if wanted.bands is None else f"{len(wanted.names)} are named"
    what = f"; it calls them {_listed(described)}" if any(described) else ""
    raise BandError(f"it has {count} bands, {others}{what}", hint=_NAME_THEM)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(echo(name) if name else "one without a name" for name in names[:20])

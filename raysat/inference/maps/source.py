"""Opens a scene as a model takes it, or says why it is none for it: other bands, sensor, type, scale or pixel size."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeGuard

import numpy as np
from rasterio.windows import Window

from raysat.data.model_inputs import ModelInputs
from raysat.data.places import SAME_SIZE
from raysat.data.scenes.gdal import SUFFIXES
from raysat.data.scenes.raster import open_scene
from raysat.data.scenes.remote import JPEG_2000, RasterPath, RemoteFile, is_http, open_anywhere
from raysat.data.scenes.scene import Scene, SceneFile
from raysat.data.scenes.stac import instruments, open_item, read_item
from raysat.errors import BandError, DataError, UsageError

# An example for each type of a store: gdal_translate alone knows no units.
_CONVERT: Final = {
    "uint8": "gdal_translate -ot Byte -scale LOW HIGH 0 255",
    "uint16": "gdal_translate -ot UInt16 -scale 0 1 0 10000, for one of reflectance",
    "float32": "gdal_translate -ot Float32 -scale 0 10000 0 1, for one of reflectance",
}
_SAMPLES: Final = 4  # patches along each axis whose values are looked at
_TAILS: Final = (2, 98)  # percentiles of the values
# Times that a band's values may be larger or smaller than those that the model was trained on: the same ground is that
# much darker in shadow or over water at most, while other units (reflectance in [0, 1], digital numbers) are 100 or
# more times.
_LARGER: Final = 10.0
_SMALLER: Final = 50.0
_NAME_BANDS: Final = "name them: {--sensor} where they are all of the sensor's in its order, else {--bands} B01,B02,..."
ITEM_SUFFIXES: Final = (".json", ".geojson")
# How products of a sensor are called, and what items say of it.
_PRODUCTS: Final = {
    "landsat8": re.compile(r"L[CO]0[89]_|landsat[-_][89]"),
    "landsat7": re.compile(r"LE07_|landsat[-_]7"),
    "sentinel2": re.compile(r"S2[ABCD]_|T\d{2}[A-Z]{3}_\d{8}T|sentinel-2"),
    "naip": re.compile(r"naip"),
    "planetscope": re.compile(r"planetscope"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """How scenes are to be read."""

    sensor: str | None = None  # names the bands of a file that does not
    bands: tuple[str, ...] | None = None  # of a file, in its order
    resample: bool = False
    allow_remote: bool = False


def open_for(inputs: ModelInputs, place: RasterPath, options: SceneOptions) -> Scene:
    """Open a scene with the bands that a model takes, in its order.

    Args:
        inputs: what the model takes.
        place: of a raster, a folder of one raster a band, or a STAC item; a URL where that is allowed.
        options: how to read it.

    Returns:
        The scene; close it, or use it as a context manager.

    Raises:
        UsageError: another sensor, or a URL that is not allowed.
        BandError: the scene has not the model's bands.
        DataError: it cannot be read, or is of another type, scale or pixel size, or rotated without ``resample``.
    """
    if options.sensor is not None and inputs.sensor is not None and options.sensor != inputs.sensor:
        raise UsageError(f"the scene is of {options.sensor}, the model was trained on {inputs.sensor}")
    if isinstance(place, RemoteFile) and not options.allow_remote:
        raise UsageError(f"{place} is not on this machine", hint="{--allow-remote} lets it be read")
    scene = _open(inputs, place, options)
    try:
        _check(scene, inputs, place)
    except BaseException:
        scene.close()
        raise
    return scene


def scene_name(place: RasterPath) -> str:
    """What the map of a scene is called: its file without the suffix, or its folder."""
    if _is_folder(place):
        place = place.resolve()
        return place.name or "scene"
    return place.stem if place.stem.strip(".") else "scene"


def _is_folder(place: RasterPath) -> TypeGuard[Path]:
    return isinstance(place, Path) and os.path.isdir(place)  # noqa: PTH112  (Path's raises where it may not look)


def is_item(place: RasterPath) -> bool:
    """Whether a STAC item lies there: JSON, or behind a URL that names no raster, as those of STAC APIs do not."""
    suffix = place.suffix.lower()
    if suffix in ITEM_SUFFIXES:
        return True
    return isinstance(place, RemoteFile) and is_http(place) and suffix not in (*SUFFIXES, *JPEG_2000)


def _open(inputs: ModelInputs, place: RasterPath, options: SceneOptions) -> Scene:
    sensor = options.sensor or inputs.sensor
    size = inputs.pixel_size if options.resample else None
    if is_item(place):
        item = read_item(place)
        _check_product(instruments(item), inputs, place)
        return open_item(
            item,
            place,
            bands=inputs.bands,
            sensor=sensor,
            resample=options.resample,
            pixel_size=size,
            allow_remote=options.allow_remote,
        )
    _check_product((place.name,), inputs, place)
    single = not _is_folder(place)
    bands: Sequence[str] | None = inputs.bands
    if single and options.bands is not None:
        bands = options.bands
    elif single and not _names_bands(place):
        if options.sensor is None:
            raise BandError(f"{place}: its bands are not named; the model takes {_few(inputs.bands)}", hint=_NAME_BANDS)
        bands = None
    scene = open_scene(place, bands=bands, sensor=sensor, resample=options.resample, pixel_size=size)
    return _select(scene, inputs.bands, place)


def _names_bands(place: RasterPath) -> bool:
    with open_anywhere(place) as file:
        return any(file.descriptions)


def _select(scene: Scene, bands: Sequence[str], place: RasterPath) -> Scene:
    """The same scene with these bands alone, in order."""
    if scene.bands == tuple(bands):
        return scene
    if missing := [band for band in bands if band not in scene.bands]:
        scene.close()
        raise BandError(f"{place} has no band {_few(missing)}, which the model takes; it has {_few(scene.bands)}")
    wanted = [scene.bands.index(band) for band in bands]
    files = []
    for file in scene.files:
        held = dict(zip(file.positions, file.indexes, strict=True))
        places = [new for new, old in enumerate(wanted) if old in held]
        if places:
            indexes = [held[wanted[place]] for place in places]
            files.append(SceneFile(path=file.path, data=file.data, mask=file.mask, indexes=indexes, positions=places))
    nodata = tuple(scene.nodata[old] for old in wanted)
    return replace(scene, bands=tuple(bands), nodata=nodata, files=files)


def _check(scene: Scene, inputs: ModelInputs, place: RasterPath) -> None:
    if scene.dtype != inputs.dtype:
        raise DataError(
            f"{place} is {scene.dtype}, the model was trained on {inputs.dtype}",
            hint=f"convert its values to those of the training data: {_CONVERT[inputs.dtype]}",
        )
    if inputs.pixel_size is not None:
        own = scene.pixel_size
        if own is None or abs(own / inputs.pixel_size - 1) > SAME_SIZE:
            size = f"{own:.6g} m" if own is not None else "not known in metres"
            raise DataError(
                f"{place}: its pixel size is {size}, the model was trained on {inputs.pixel_size:.6g} m",
                hint="{--resample} brings it to that",
            )
    _check_scale(scene, inputs, place)


def _check_scale(scene: Scene, inputs: ModelInputs, place: RasterPath) -> None:
    """Refuse values in other units, by a sample of patches; those of uint8 are all of one scale."""
    if inputs.dtype == "uint8":
        return
    rows = np.linspace(0, max(0, scene.height - inputs.height), _SAMPLES).astype(int)
    columns = np.linspace(0, max(0, scene.width - inputs.width), _SAMPLES).astype(int)
    valid: list[list[np.ndarray[tuple[int], np.dtype[np.float32]]]] = [[] for _ in inputs.bands]
    for row, column in {(int(row), int(column)) for row in rows for column in columns}:
        pixels, missing = scene.read(Window(column, row, inputs.width, inputs.height))
        for band, values in enumerate(pixels):
            valid[band].append((values.ravel() if missing is None else values[~missing[band]]).astype(np.float32))
    other = []
    for name, parts, stats in zip(inputs.bands, valid, inputs.stats, strict=True):
        values = np.concatenate(parts)
        if len(values) < inputs.height * inputs.width:  # too few to tell
            continue
        low, high = (float(value) for value in np.percentile(values, _TAILS))
        theirs, ours = max(abs(low), abs(high)), max(abs(stats.low), abs(stats.high))
        if theirs > _LARGER * ours or theirs * _SMALLER < ours:
            other.append(f"{name} {low:.4g} to {high:.4g}, not {stats.low:.4g} to {stats.high:.4g}")
    if 2 * len(other) > len(inputs.bands):
        raise DataError(
            f"{place} is in other units than the model's training data: band {other[0]}",
            hint=f"bring its values to those of the training data: {_CONVERT[inputs.dtype]}",
        )


def _check_product(names: Sequence[str], inputs: ModelInputs, place: RasterPath) -> None:
    """Refuse a product of another sensor, where a name of it says that."""
    found = [sensor for sensor, pattern in _PRODUCTS.items() if any(map(pattern.match, names))]
    trained = inputs.sensor or ""
    if found and trained.startswith(tuple(_PRODUCTS)) and not trained.startswith(tuple(found)):
        raise UsageError(f"{place} is of {found[0]}, the model was trained on {trained}")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + ", ..." * (len(names) > 20)

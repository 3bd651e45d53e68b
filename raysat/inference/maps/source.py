"""Opens a scene as a model takes it, or says why it is none for it: other bands, sensor, type, scale or pixel size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from rasterio.windows import Window

from raysat.data.model_inputs import ModelInputs
from raysat.data.places import SAME_SIZE
from raysat.data.scenes.raster import open_scene
from raysat.data.scenes.remote import RasterPath, RemoteFile, is_remote, open_anywhere
from raysat.data.scenes.scene import Scene, SceneFile
from raysat.data.scenes.stac import item_platform, open_item
from raysat.errors import BandError, DataError, UsageError
from raysat.files import as_path

_SAMPLES: Final = 4  # patches along each axis whose values are looked at
_TAILS: Final = (2, 98)  # percentiles of the values
# Times that a band's values may be larger or smaller than those that the model was trained on: the same ground is that
# much darker in shadow or over water at most, while other units (reflectance in [0, 1], digital numbers) are 100 or
# more times.
_LARGER: Final = 10.0
_SMALLER: Final = 50.0
_NAME_BANDS: Final = "name them: {--sensor} where they are all of the sensor's in its order, else {--bands} B01,B02,..."
# How products of a sensor are called, and what items say of it.
_PRODUCTS: Final = {
    "landsat8": re.compile(r"L[CO]0[89]_|landsat-[89]"),
    "landsat7": re.compile(r"LE07_|landsat-7"),
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


def open_for(inputs: ModelInputs, source: str, options: SceneOptions) -> Scene:
    """Open a scene with the bands that a model takes, in its order.

    Args:
        inputs: what the model takes.
        source: a raster, a folder of one raster a band, a STAC item; a path, or a URL where that is allowed.
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
    if is_remote(source) and not options.allow_remote:
        raise UsageError(f"{RemoteFile(source)} is not on this machine", hint="{--allow-remote} lets it be read")
    scene = _open(inputs, source, options)
    try:
        _check(scene, inputs, source)
    except BaseException:
        scene.close()
        raise
    return scene


def scene_name(source: str) -> str:
    """What the map of a scene is called: its file or folder, without the suffix."""
    return RemoteFile(source).stem if is_remote(source) else (Path(source).resolve().stem or "scene")


def _open(inputs: ModelInputs, source: str, options: SceneOptions) -> Scene:
    sensor = options.sensor or inputs.sensor
    size = inputs.pixel_size if options.resample else None
    path: RasterPath
    path = RemoteFile(source) if is_remote(source) else Path(str(as_path(source))).expanduser()
    if path.suffix.lower() in {".json", ".geojson"}:
        place = source if isinstance(path, RemoteFile) else path
        _check_product(item_platform(place), inputs, source)
        return open_item(
            place,
            bands=inputs.bands,
            sensor=sensor,
            resample=options.resample,
            pixel_size=size,
            allow_remote=options.allow_remote,
        )
    _check_product(path.name, inputs, source)
    single = isinstance(path, RemoteFile) or not path.is_dir()
    bands: Sequence[str] | None = inputs.bands
    if single and options.bands is not None:
        bands = options.bands
    elif single and not _names_bands(path):
        if options.sensor is None:
            raise BandError(f"{path}: its bands are not named; the model takes {_few(inputs.bands)}", hint=_NAME_BANDS)
        bands = None
    scene = open_scene(path, bands=bands, sensor=sensor, resample=options.resample, pixel_size=size)
    return _select(scene, inputs.bands, source)


def _names_bands(path: RasterPath) -> bool:
    with open_anywhere(path) as file:
        return any(file.descriptions)


def _select(scene: Scene, bands: Sequence[str], source: str) -> Scene:
    """The same scene with these bands alone, in order."""
    if scene.bands == tuple(bands):
        return scene
    if missing := [band for band in bands if band not in scene.bands]:
        scene.close()
        raise BandError(f"{source} has no band {_few(missing)}, which the model takes; it has {_few(scene.bands)}")
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


def _check(scene: Scene, inputs: ModelInputs, source: str) -> None:
    if scene.dtype != inputs.dtype:
        raise DataError(
            f"{source} is {scene.dtype}, the model was trained on {inputs.dtype}",
            hint=f"convert its values to those of the training data: gdal_translate -ot {inputs.dtype.title()} -scale",
        )
    if inputs.pixel_size is not None:
        own = scene.pixel_size
        if own is None or abs(own / inputs.pixel_size - 1) > SAME_SIZE:
            size = f"{own:.6g} m" if own is not None else "not known in metres"
            raise DataError(
                f"{source}: its pixel size is {size}, the model was trained on {inputs.pixel_size:.6g} m",
                hint="{--resample} brings it to that",
            )
    _check_scale(scene, inputs, source)


def _check_scale(scene: Scene, inputs: ModelInputs, source: str) -> None:
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
            f"{source} is in other units than the model's training data: band {other[0]}",
            hint="bring its values to the scale of the training data: gdal_translate -scale",
        )


def _check_product(name: str, inputs: ModelInputs, source: str) -> None:
    """Refuse a product of another sensor, where its name says that."""
    found = [sensor for sensor, pattern in _PRODUCTS.items() if pattern.match(name)]
    if found and inputs.sensor is not None and not any(inputs.sensor.startswith(sensor) for sensor in found):
        known = any(inputs.sensor.startswith(sensor) for sensor in _PRODUCTS)
        if known:
            raise UsageError(f"{source} is of {found[0]}, the model was trained on {inputs.sensor}")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + ", ..." * (len(names) > 20)

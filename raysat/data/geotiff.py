"""Import GeoTIFF patches listed in a CSV manifest: any number of bands, any type that a store can hold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from raysat.data.intake import Intake, Progress, Summary, silent, sort_labels
from raysat.data.manifest import Manifest, read_manifest
from raysat.data.store import StoreWriter
from raysat.errors import DataError, did_you_mean


def import_geotiff(
    source: Path,
    out: Path,
    *,
    bands: Sequence[str],
    sensor: str | None,
    classes: Sequence[str] = (),
    ordinal: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Summary:
    """Import the patches of a manifest.

    Args:
        source: the manifest, a CSV file (see ``manifest.py``).
        out: the store to write.
        bands: names of the files' bands, in their order.
        sensor: the sensor that they are of, or None.
        classes: class names in order; by default the labels, sorted.
        ordinal: whether the order of the classes has a meaning.
        overwrite: replace a store at ``out``.
        progress: called with the rows read so far and in all.

    Raises:
        DataError: a manifest or a file that cannot be read, or one that differs from the rest; names row and file.
    """
    manifest = read_manifest(source)
    names = tuple(classes) or sort_labels(row.label for row in manifest.rows)
    labels = _label_codes(manifest, names)
    origin = {"kind": "geotiff", "path": str(source.resolve())}
    with (
        rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="TRUE"),  # else GDAL lists a file's whole folder to open it
        warnings.catch_warnings(),
        StoreWriter(
            out, bands=bands, classes=names, sensor=sensor, source=origin, ordinal=ordinal, overwrite=overwrite
        ) as writer,
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # patches need no place on the map
        intake = Intake(writer, origin=str(source), unit="rows", drop_zero=False)
        for done, (row, label) in enumerate(zip(manifest.rows, labels, strict=True), 1):
            try:
                pixels, missing = _read(row.path, bands, sensor)
                intake.add(pixels, label, row.split, missing)
            except DataError as error:
                raise manifest.error(row.number, f"{row.path}: {error}", error.hint) from error
            progress(done, len(labels))
        return intake.finish(f"column {column!r} is not used" for column in manifest.unused)


def _label_codes(manifest: Manifest, names: tuple[str, ...]) -> list[int]:
    codes = {name: code for code, name in enumerate(names)}
    for row in manifest.rows:
        if row.label not in codes:
            raise manifest.error(
                row.number,
                f"unknown label {row.label!r}",
                did_you_mean(row.label, names) or f"the classes are {', '.join(names)}",
            )
    return [codes[row.label] for row in manifest.rows]


def _read(
    path: Path, bands: Sequence[str], sensor: str | None
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Return pixels (C, H, W) and where they are nodata, or None where nothing is."""
    if not path.is_file():  # asked first: GDAL would take the name for a URL or a virtual path, too
        raise DataError("there is no such file", hint="paths are relative to the manifest's folder")
    try:
        with rasterio.open(path, driver="GTiff") as file:
            if file.count != len(bands):
                named = f"sensor {sensor} has {len(bands)}" if sensor else f"--bands names {len(bands)}"
                raise DataError(
                    f"it has {file.count} bands, {named}", hint="name the bands of your files, in order, with --bands"
                )
            pixels = file.read(masked=True)
    except RasterioError as error:
        cause = error.__cause__ or error  # rasterio's own words may only say that GDAL's say more
        raise DataError(f"it cannot be read as GeoTIFF: {cause}", hint="make it again, or drop the row") from error
    mask = np.ma.getmask(pixels)
    return np.asarray(pixels.data), None if mask is np.ma.nomask else mask

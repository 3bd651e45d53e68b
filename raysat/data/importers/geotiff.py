"""Import GeoTIFF patches listed in a CSV manifest: any number of bands, any type that a store can hold.

Nodata is what a file declares by its nodata value or its mask, inside it or beside it (``.msk``). An alpha band is data
like any other, unless asked for: GDAL takes the fourth band of every plain 8-bit file for one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning, RasterioError

from raysat.data.importers.base import Patch, PatchSource, sort_labels
from raysat.data.importers.manifest import read_manifest
from raysat.errors import DataError, prefixed, suggest

_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # how a file begins: either byte order, classic or BigTIFF


def read_geotiff(
    source: Path,
    *,
    bands: Sequence[str],
    sensor: str | None,
    classes: Sequence[str] = (),
    ordinal: bool = False,
    alpha_mask: bool = False,
) -> PatchSource:
    """Return the GeoTIFF patches of a manifest.

    Args:
        source: the manifest, a CSV file (see ``manifest.py``).
        bands: names of the files' bands, in their order; without the alpha band where that is a mask.
        sensor: the sensor that they are of, or None.
        classes: class names in order; by default the labels, sorted.
        ordinal: whether the order of the classes has a meaning.
        alpha_mask: take the files' alpha band for a mask, nodata where it is 0, and not for one of the bands.

    Raises:
        DataError: a manifest that cannot be read, or a label that is not among the classes; a file that cannot be read
            raises it, naming row and file, when its turn comes.
    """
    rows, unused = read_manifest(source)
    names = tuple(classes) or sort_labels(row.label for row in rows)
    for row in rows:
        if row.label not in names:
            hint = suggest(row.label, names, f"the classes are {', '.join(names)}")
            raise DataError(f"{source}: row {row.number}: unknown label {row.label!r}", hint=hint)

    def place(number: int) -> str:
        return f"{source}: row {rows[number].number}: {rows[number].path}"

    def patches() -> Iterator[Patch]:
        for number, row in enumerate(rows):
            with prefixed(place(number), DataError):
                pixels, missing = _read(row.path, bands, sensor, alpha_mask=alpha_mask)
            yield Patch(pixels=pixels, label=names.index(row.label), split=row.split, missing=missing, done=number + 1)

    return PatchSource(
        kind="geotiff",
        path=source,
        unit="rows",
        bands=tuple(bands),
        sensor=sensor,
        classes=names,
        ordinal=ordinal,
        splits=frozenset(row.split for row in rows if row.split is not None),
        patches=patches(),
        total=len(rows),
        place=place,
        drop_zero=False,
        notes=tuple(f"column {column!r} is not used" for column in unused),
    )


def _read(
    path: Path, bands: Sequence[str], sensor: str | None, *, alpha_mask: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return pixels (C, H, W) and where they are nodata."""
    if not path.is_file():  # asked first: GDAL would take the name for a URL or a virtual path, too
        raise DataError("there is no such file", hint="paths are relative to the manifest's folder")
    try:
        _check_sidecar(path)
        with _quiet_gdal(), rasterio.open(path, driver="GTiff") as file:
            mask = _alpha_band(file) if alpha_mask else None
            indexes = [index for index in file.indexes if index != mask]
            if len(indexes) != len(bands):
                named = f"sensor {sensor} has {len(bands)}" if sensor else f"{{--bands}} names {len(bands)}"
                hint = "name the bands of your files, in order, with {--bands}"
                if not alpha_mask and len(indexes) == len(bands) + 1 and ColorInterp.alpha in file.colorinterp:
                    hint += "; or add {--alpha-mask} where the alpha band is their mask"
                beside = " beside the alpha band" * alpha_mask
                raise DataError(f"it has {len(indexes)} bands{beside}, {named}", hint=hint)
            pixels = file.read(indexes)
            missing = np.zeros(pixels.shape, dtype=np.bool_)
            for band, index in enumerate(indexes):
                if not {MaskFlags.all_valid, MaskFlags.alpha} & set(file.mask_flag_enums[index - 1]):
                    missing[band] = file.read_masks(index) == 0
            if mask is not None:
                missing |= file.read(mask) == 0
    except (RasterioError, OSError) as error:
        cause = error.__cause__ or error  # rasterio's own words may only say that GDAL's say more
        raise DataError(f"it cannot be read as GeoTIFF: {cause}", hint="make it again, or drop the row") from error
    return pixels, missing


@contextmanager
def _quiet_gdal() -> Iterator[None]:
    # Else GDAL lists a file's whole folder to open it; with EMPTY_DIR it would not even look for the file's mask.
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="TRUE"), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # patches need no place on the map
        warnings.simplefilter("ignore", NodataShadowWarning)  # an alpha band is no mask here anyway
        yield


def _check_sidecar(path: Path) -> None:
    """Refuse a mask beside a file that is no TIFF: GDAL would open any format, virtual ones that lead elsewhere too."""
    for mask in (Path(f"{path}.msk"), Path(f"{path}.MSK")):
        if mask.exists():
            with mask.open("rb") as content:
                if content.read(4) not in _TIFF:
                    raise DataError(f"its mask {mask.name} is not a TIFF file", hint="make it again, or remove it")


def _alpha_band(file: rasterio.DatasetReader) -> int:
    """The index of the alpha band. Raises DataError where there is not just one."""
    meanings = zip(file.indexes, file.colorinterp, strict=True)
    alpha: list[int] = [index for index, meaning in meanings if meaning is ColorInterp.alpha]
    if len(alpha) != 1:
        has = f"{len(alpha) or 'no'} alpha band{'s' * (len(alpha) > 1)}"
        raise DataError(
            f"it has {has}, and {{--alpha-mask}} takes nodata from one",
            hint="leave {--alpha-mask} out, or mark the band as alpha (gdal_translate -colorinterp_4 alpha)",
        )
    return alpha[0]

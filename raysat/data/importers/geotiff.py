"""Import GeoTIFF patches listed in a CSV manifest: any number of bands, any type that a store can hold.

Nodata is what a file declares by its nodata value or its mask, inside it or beside it (``.msk``). An alpha band is data
like any other, unless asked for: GDAL takes the fourth band of every plain 8-bit file for one. How files are opened,
and what of them is not, is in ``tiff.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import ColorInterp, MaskFlags

from raysat.data.importers.base import Patch, PatchSource, sort_labels
from raysat.data.importers.form import Form
from raysat.data.importers.manifest import read_manifest
from raysat.data.importers.tiff import check_memory, form_of, open_tiff
from raysat.data.places import Place
from raysat.data.scenes.gdal import find_mask
from raysat.data.scenes.grid import Grid, centre_of
from raysat.data.sensors import SENSORS
from raysat.errors import DataError, prefixed, suggest
from raysat.formatting import echo


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
    known = {name: label for label, name in enumerate(names)}
    for row in rows:
        if row.label not in known:
            hint = suggest(row.label, names, f"the classes are {', '.join(names)}")
            raise DataError(f"{source}: row {row.number}: unknown label {row.label!r}", hint=hint)

    def patches() -> Iterator[Patch]:
        first: Form | None = None
        for number, row in enumerate(rows):
            with prefixed(f"{source}: row {row.number}", DataError):
                pixels, missing, form, place = read_image(row.path, bands, sensor, alpha_mask=alpha_mask, first=first)
            first = first or form
            yield Patch(
                pixels=pixels,
                label=known[row.label],
                split=row.split,
                missing=missing,
                place=place,
                group=row.group,
                done=number + 1,
            )

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
        place=lambda number: f"{source}: row {rows[number].number}: {rows[number].path}",
        drop_zero=False,
        notes=tuple(f"column {echo(column)} is not used" for column in unused),
    )


def read_image(
    path: Path,
    bands: Sequence[str],
    sensor: str | None,
    *,
    alpha_mask: bool = False,
    first: Form | None,
    opened: Callable[[Path], AbstractContextManager[rasterio.DatasetReader]] = open_tiff,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], Form, Place | None]:
    """Read the image of one patch.

    Args:
        path: the file.
        bands: names of its bands, without the alpha band where that is a mask.
        sensor: that they are of, for errors.
        alpha_mask: whether the alpha band is a mask, as ``read_geotiff``.
        first: form of the patches before it, which is compared before a pixel is read; None for the first one.
        opened: opens the file.

    Returns:
        Its pixels (C, H, W), where they are nodata (C, H, W), their form, and where it lies.

    Raises:
        DataError: the file cannot be read, or has other bands or another form.
    """
    with opened(path) as file, prefixed(str(path), DataError):
        alpha = _alpha_band(file) if alpha_mask else None
        indexes = [index for index in file.indexes if index != alpha]
        if len(indexes) != len(bands):
            raise _other_bands(file, len(indexes), len(bands), sensor, alpha_mask=alpha_mask)
        form = form_of(file, indexes)
        form.check_like(first)
        check_memory(file, form)
        pixels = file.read(indexes)
        missing = _missing(file, path, indexes)
        if alpha is not None:
            missing |= file.read(alpha) == 0
        return pixels, missing, form, centre_of(Grid.of(file))


def _missing(file: rasterio.DatasetReader, path: Path, indexes: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Where bands are nodata (C, H, W): by the mask inside the file, else the one beside it, else the nodata value."""
    missing = np.zeros((len(indexes), file.height, file.width), dtype=np.bool_)
    flags = [set(file.mask_flag_enums[index - 1]) for index in indexes]
    has_mask = any(each == {MaskFlags.per_dataset} for each in flags)
    if not has_mask and (beside := find_mask(path)) is not None:
        with open_tiff(beside) as mask, prefixed(f"its mask {beside.name}", DataError):
            if mask.shape != file.shape or mask.count not in (1, file.count):
                raise DataError(
                    f"it is {form_of(mask, mask.indexes)}, the file is {form_of(file, file.indexes)}",
                    hint="make it again, or remove it",
                )
            check_memory(mask, form_of(mask, mask.indexes))
            for band, index in enumerate(indexes):
                missing[band] = mask.read(1 if mask.count == 1 else index) == 0
        return missing
    for band, index in enumerate(indexes):
        if not {MaskFlags.all_valid, MaskFlags.alpha} & flags[band]:
            missing[band] = file.read_masks(index) == 0
    return missing


def _other_bands(
    file: rasterio.DatasetReader, has: int, named: int, sensor: str | None, *, alpha_mask: bool
) -> DataError:
    """The error of a file with another number of bands than are named."""
    names = f"sensor {sensor} has {named}" if sensor else f"{{--bands}} names {named}"
    hint = "name the bands of your files, in order, with {--bands}"
    if same := [each.name for each in SENSORS.values() if len(each.bands) == has]:
        hint += f", or use {{--sensor}} {' or '.join(same)} where they are of that"
    if not alpha_mask and has == named + 1 and ColorInterp.alpha in file.colorinterp:
        hint += "; or add {--alpha-mask} where the alpha band is their mask"
    beside = " beside the alpha band" * alpha_mask
    return DataError(f"it has {has} bands{beside}, {names}", hint=hint)


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

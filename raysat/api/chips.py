"""Chips: a store of patches cut from scenes where labels lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le

from raysat.api.importers import ImportResult, import_result
from raysat.config import limits
from raysat.config.arguments import checked
from raysat.data.importers.base import Progress, no_progress
from raysat.errors import UsageError


@checked
def import_chips(
    scenes: Sequence[Path | str] | Path | str,
    labels: Path | str,
    out: Path | str,
    *,
    size: Annotated[int, Ge(1), Le(limits.CHIP)] = 65,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    resample: bool = False,
    pixel_size: Annotated[float, Ge(limits.LEAST_PIXEL), Le(limits.PIXEL)] | None = None,
    stride: Annotated[int, Ge(1), Le(limits.CHIP)] | None = None,
    purity: Annotated[float, Ge(0), Le(1)] | None = None,
    label_column: str | None = None,
    layer: str | None = None,
    classes: Sequence[str] = (),
    ordinal: bool = False,
    split_column: str | None = None,
    split_by: Literal["scene"] | None = None,
    skip_outside: bool = False,
    keep_empty: bool = False,
    map: Path | str | None = None,  # noqa: A002 (as the option)
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportResult:
    """Cut labelled chips from scenes into a store: one a point, or a grid over polygons or a raster of classes.

    Scenes are read window by window, so they may be of any size. The store keeps where each chip lies.

    Args:
        scenes: a raster of several bands, or a folder of rasters of one band each, named by their bands, for each
            scene. Files that differ in nothing but the band in their name are one scene. All have the same bands, type
            and pixel size.
        labels: points or polygons (GeoPackage, GeoJSON, FlatGeobuf, shapefile), or a raster of classes; in any CRS.
        out: the store to write, a folder.
        size: rows and columns of a chip.
        sensor: the name of one, as sentinel2_l2a (an unknown one tells them all); names the bands.
        bands: the bands to take, in order; names them in order where the files do not.
        resample: bring bands of other grids, and rotated scenes, to one grid, north up.
        pixel_size: that this grid shall have, in metres; by default the files' own.
        stride: pixels from one chip to the next over polygons and rasters; by default the size.
        purity: share of a chip that one class must cover: by default 0.8 of polygons; of rasters, by default, the
            class of the centre pixel is taken.
        label_column: the column with the class; by default ``label``, ``class`` or the only one.
        layer: the layer of the vector file, where it has several.
        classes: class names in order, by default the labels, sorted; of rasters values, as ``1=water``.
        ordinal: whether the order of the classes has a meaning.
        split_column: the column that says train, val or test.
        split_by: ``"scene"`` keeps the chips of a scene in one split; by default chips are split by chance.
        skip_outside: leave out labels whose chip would leave the scenes, which is an error otherwise.
        keep_empty: keep chips whose pixels are all zero.
        map: a picture to draw, .png, .pdf, .svg or .jpg: the chips on the scenes, coloured by class.
        allow_duplicates: accept chips with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with the chips cut so far and in all.

    Returns:
        The store, and what was cut and dropped.

    Raises:
        UsageError: options that do not go together.
        BandError: bands that a scene does not have.
        DataError: scenes or labels that cannot be read or do not fit together, or a label outside; names it.
        InstallationError: pyogrio or shapely is not installed, which vector files need.
    """
    from raysat.data.chips.overlap import overlapping
    from raysat.data.chips.read import read_chips
    from raysat.data.chips.scenes import ChipOptions

    given = [Path(scenes)] if isinstance(scenes, Path | str) else [Path(scene) for scene in scenes]
    if not given:
        raise UsageError("there is no scene to cut chips from", hint="give a raster, or a folder of bands")
    picture = None if map is None else Path(map)
    if picture is not None:
        from raysat.data.chips.picture import check_picture

        check_picture(picture)
    options = ChipOptions(
        bands=bands,
        sensor=sensor,
        resample=resample or pixel_size is not None,
        pixel_size=pixel_size,
        size=size,
        stride=stride,
        purity=purity,
        layer=layer,
        label_column=label_column,
        split_column=split_column,
        split_by=split_by,
        classes=classes,
        ordinal=ordinal,
        skip_outside=skip_outside,
        keep_empty=keep_empty,
    )
    chips = read_chips(given, Path(labels), options)
    made = import_result(chips.patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)
    if shared := overlapping(made.store, chips.scenes, size):
        measured = int((made.store.splits != 0).sum())
        note = (
            f"{shared:,} of {measured:,} chips of val and test overlap with one of train, so results on them are too "
            "good: split by place, a chip apart, with --split-column, --split-by or raysat data split"
        )
        made = replace(made, notes=(*made.notes, note))
    if picture is not None:
        from raysat.data.chips.picture import draw_chips

        draw_chips(made.store, chips, picture)
    return made

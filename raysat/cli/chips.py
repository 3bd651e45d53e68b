"""``raysat data chips``: a store of patches cut from scenes where labels lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from raysat.cli.commands import command
from raysat.cli.console import aside
from raysat.cli.numbers import Decimal, Whole
from raysat.cli.options import read_words
from raysat.cli.store_options import (
    PATH,
    bands_option,
    keep_empty_option,
    make_store,
    ordinal_option,
    sensor_option,
    store_options,
    words_of,
)
from raysat.config import limits

_WITH = {
    "labels": click.option(
        "--labels",
        type=PATH,
        required=True,
        metavar="FILE",
        help="Points or polygons (.gpkg, .geojson, .fgb, .shp), or a raster of classes; in any CRS.",
    ),
    "size": click.option(
        "--size", type=Whole(1, limits.CHIP), default=65, show_default=True, help="Rows and columns of a chip."
    ),
    "stride": click.option(
        "--stride",
        type=Whole(1, limits.CHIP),
        help="Pixels from one chip to the next over polygons and rasters.  [default: the size]",
    ),
    "purity": click.option(
        "--purity",
        type=Decimal(0, 1),
        help="Share of a chip that one class must cover.  [default: 0.8 of polygons; a raster's centre pixel decides]",
    ),
    "resample": click.option(
        "--resample", is_flag=True, help="Bring bands of other grids, and rotated scenes, to one grid, north up."
    ),
    "pixel_size": click.option(
        "--pixel-size",
        type=Decimal(limits.LEAST_PIXEL, limits.PIXEL),
        help="Resample to pixels of so many metres.",
    ),
    "label_column": click.option(
        "--label-column", help="The column with the class.  [default: label, class or the only one]"
    ),
    "layer": click.option("--layer", help="The layer of the vector file, where it has several."),
    "classes": click.option(
        "--classes",
        help="Class names in order, with commas; by default the labels, sorted. Of a raster: 1=water,2=crop.",
    ),
    "split_column": click.option("--split-column", help="The column that says train, val or test."),
    "split_by": click.option(
        "--split-by", type=click.Choice(["scene"]), help="Keep the chips of a scene in one split; else chance decides."
    ),
    "skip_outside": click.option(
        "--skip-outside", is_flag=True, help="Leave out labels whose chip would leave the scenes; an error otherwise."
    ),
    "map": click.option(
        "--map", type=PATH, metavar="FILE.png", help="Draw the chips on the scenes, coloured by class."
    ),
}


def _options(command: Any) -> Any:
    for option in reversed(_WITH.values()):
        command = option(command)
    return command


@command(
    "raysat data chips scene.tif --labels points.gpkg --size 65 --out STORE",
    short="Cut labelled chips from scenes",
)
@click.argument("scenes", metavar="SCENE...", type=PATH, nargs=-1, required=True)
@_options
@sensor_option
@bands_option
@ordinal_option
@keep_empty_option
@store_options
def chips(scenes: tuple[Path, ...], bands: str | None, classes: str | None, **options: Any) -> None:
    """Cut labelled chips from scenes: one a point, or a grid over polygons or a raster of classes.

    SCENE is a raster of several bands, or a folder of rasters of one band each, named by their bands; files that differ
    in nothing but the band in their name are one scene. Scenes are read window by window, so they may be of any size.
    The store keeps where each chip lies.
    """
    from raysat.api.chips import import_chips

    order = read_words(classes, "--classes") if classes is not None else ()
    labels = options.pop("labels")
    out = options.pop("out")
    names = {"bands": words_of(bands), "classes": order}
    make_store(import_chips, "cutting chips", scenes, labels, out, **names, **options)
    if options["map"] is not None:
        aside().print(f"wrote {options['map']}", style="dim")

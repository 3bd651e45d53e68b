"""The ``raysat data`` commands: import, make and inspect patch stores."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from raysat.cli.chips import chips
from raysat.cli.commands import group
from raysat.cli.completers import stores
from raysat.cli.console import aside, progress_bar, waiting
from raysat.cli.convert import convert, imagefolder, webdataset, zarr
from raysat.cli.documents import json_option, write
from raysat.cli.download import download
from raysat.cli.numbers import Whole
from raysat.cli.options import read_bands, read_words
from raysat.cli.split import split
from raysat.cli.store_options import (
    PATH,
    bands_option,
    keep_empty_option,
    make_store,
    ordinal_option,
    out_option,
    overwrite_option,
    screen,
    sensor_option,
    store_options,
    words_of,
)
from raysat.config import limits
from raysat.errors import StoreError


@group()
def data() -> None:
    """Import, make and inspect patch stores."""


@data.group("import", short_help="Import patches into a store")
def import_() -> None:
    """Import patches into a store: read once, checked, memory-mapped from then on."""


@import_.command(short_help="W&B droughtwatch TFRecords", examples=["raysat data import droughtwatch DIR --out STORE"])
@click.argument("source", metavar="DIR", type=PATH)
@keep_empty_option
@store_options
def droughtwatch(source: Path, keep_empty: bool, **store: Any) -> None:
    """Import W&B droughtwatch TFRecords: train/part-* and val/part-*, a folder of parts, or one part; plain or gzip."""
    from raysat.api.importers import import_droughtwatch

    make_store(import_droughtwatch, "reading records", source, keep_empty=keep_empty, **store)


@import_.command(
    short_help="GeoTIFFs listed in a CSV file",
    examples=["raysat data import geotiff patches.csv --sensor sentinel2 --out STORE"],
)
@click.argument("manifest", metavar="MANIFEST.csv", type=PATH)
@sensor_option
@bands_option
@click.option("--classes", help="Class names in order, with commas; by default the labels, sorted.")
@ordinal_option
@click.option(
    "--alpha-mask",
    is_flag=True,
    help="The files' alpha band is a mask: nodata where it is 0. --bands names the others. "
    "Without this, a band that is marked as alpha is data like any other.",
)
@store_options
def geotiff(
    manifest: Path,
    sensor: str | None,
    bands: str | None,
    classes: str | None,
    ordinal: bool,
    alpha_mask: bool,
    **store: Any,
) -> None:
    """Import GeoTIFF patches listed in a CSV file with columns path, label and optionally split and group.

    Paths are relative to the CSV file; a split is train, val or test; patches of one group are alike. Errors number
    rows as a spreadsheet does: the header is row 1. Nodata, by a file's nodata value or its mask (inside it, or beside
    it as .msk), stays out of the statistics and is stored as its band's mean; a patch of nodata alone is dropped.
    """
    from raysat.api.importers import import_geotiff

    order = read_words(classes, "--classes") if classes is not None else ()
    names = {"sensor": sensor, "bands": words_of(bands), "classes": order}
    make_store(import_geotiff, "reading patches", manifest, **names, ordinal=ordinal, alpha_mask=alpha_mask, **store)


@import_.command(
    short_help="Arrays sorted into folders", examples=["raysat data import folder DIR --sensor landsat8 --out STORE"]
)
@click.argument("source", metavar="DIR", type=PATH)
@sensor_option
@bands_option
@ordinal_option
@keep_empty_option
@store_options
def folder(source: Path, sensor: str | None, bands: str | None, ordinal: bool, keep_empty: bool, **store: Any) -> None:
    """Import arrays sorted into folders: train/<class>/*.npy, val/<class>/*.npy, test/..., each H x W x C.

    Arrays of 11 bands are taken for Landsat 8 where neither --sensor nor --bands is given.
    """
    from raysat.api.importers import import_folder

    names = {"sensor": sensor, "bands": words_of(bands)}
    make_store(import_folder, "reading arrays", source, **names, ordinal=ordinal, keep_empty=keep_empty, **store)


for _command in (imagefolder, webdataset, zarr):
    import_.add_command(_command)
data.add_command(convert)
data.add_command(chips)
data.add_command(download)
data.add_command(split)


@data.command(short_help="Make synthetic Landsat 8 patches", examples=["raysat data synth --size 1000 --out STORE"])
@out_option
@click.option("--size", type=Whole(40, limits.PATCHES), default=5000, show_default=True, help="Number of patches.")
@click.option("--seed", type=Whole(0, 2**32 - 1), default=0, show_default=True, help="Decides every patch.")
@overwrite_option
def synth(out: Path, size: int, seed: int, overwrite: bool) -> None:
    """Make synthetic Landsat 8 patches in four ordinal classes (60/16/15/9 %), split 70/10/20."""
    from raysat.api.importers import make_synthetic

    make_store(partial(make_synthetic, size=size, seed=seed), "making patches", out=out, overwrite=overwrite)


@data.command(short_help="Show what a store holds", examples=["raysat data info STORE --plot"])
@click.argument("store", shell_complete=stores)
@click.option(
    "--plot",
    is_flag=False,
    flag_value="",
    metavar="[FILE.png]",
    help="Draw classes by split, spectra with quantiles, and examples.  [default: <store>.png]",
)
@click.option("--composite", help="Bands of the examples: a composite, or 1 or 3 bands as 6,5,2.  [default: natural]")
@click.option("--per-class", type=Whole(1, 100), default=5, show_default=True, help="Examples of a class.")
@json_option
def info(store: str, plot: str | None, composite: str | None, per_class: int, as_json: bool) -> None:
    """Show what a store holds: bands, patches per class and split, value ranges.

    STORE is a path, a URL, or 'demo'.
    """
    from raysat.api.stores import open_store

    opened = open_store(store)
    if not as_json:
        opened.show(screen())
    if plot is not None:
        file = Path(plot or f"{opened.path.name}.png")
        with waiting("drawing"):
            opened.plot_summary(file, composite=read_bands(composite), per_class=per_class)
        aside().print(f"wrote {file}", style="dim")
    if as_json:
        from raysat.views.json.data import store_document

        write(store_document(opened))


@data.command(short_help="Read all of a store, and check it", examples=["raysat data verify STORE"])
@click.argument("store", shell_complete=stores)
@json_option
def verify(store: str, as_json: bool) -> None:
    """Read all of a store and compare it with its description: fingerprint, statistics, nodata, no NaN.

    Every other command looks at a part of the pixels alone, which takes milliseconds.
    STORE is a path, a URL, or 'demo'.
    """
    from raysat.api.stores import open_store

    opened = open_store(store)
    with progress_bar() as bar:
        found = opened.verify(progress=partial(bar, "reading patches"))
    if found.faults:
        raise StoreError(f"{opened.path} is damaged: {'; '.join(found.faults)}", hint="import the data again")
    if as_json:
        from raysat.views.json.data import check_document

        write(check_document(opened, found))
        return
    read = f"{found.patches:,} patches, {found.bytes / 1e6:,.1f} MB of pixels read in {found.seconds:.1f} s"
    click.echo(f"whole: {read}; fingerprint {opened.fingerprint}")


@data.command(short_help="List the copies of stores that are kept here", examples=["raysat data cache"])
@click.option("--clear", is_flag=True, help="Delete what no process uses.")
def cache(clear: bool) -> None:
    """List the copies of stores and the folds that this machine keeps, their sizes and when they were last used.

    Stores that lie elsewhere are copied when they are trained on, and folds of studies made. Room for a new one is made
    by deleting the ones that were not used for longest. RAYSAT_CACHE_LIMIT says how much they may take together, as
    20GB or 30%; by default half of what their disk has for them. RAYSAT_CACHE names another folder.
    """
    from raysat.api.cache import store_cache
    from raysat.formatting import data_size, plural

    if clear:
        deleted = store_cache().clear()
        click.echo(f"deleted    {plural(len(deleted), 'store')}, {data_size(sum(store.bytes for store in deleted))}")
    store_cache().show(screen())

"""The ``raysat data`` commands: import, make and inspect patch stores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raysat.cli.console import console, progress_bar
from raysat.cli.numbers import Whole
from raysat.cli.options import read_bands, read_words
from raysat.config import limits
from raysat.data.sensors import SENSORS
from raysat.errors import StoreError

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.data.importers.base import ImportSummary

_PATH = click.Path(path_type=Path)
_out = click.option("--out", type=_PATH, required=True, help="The store to write, a folder.")
_overwrite = click.option("--overwrite", is_flag=True, help="Replace a store that is there.")
_allow_duplicates = click.option(
    "--allow-duplicates", is_flag=True, help="Accept patches with the same pixels in two splits; an error otherwise."
)
_keep_empty = click.option(
    "--keep-empty", is_flag=True, help="Keep patches whose pixels are all zero; they do not count as copies."
)
_ordinal = click.option("--ordinal", is_flag=True, help="The order of the classes has a meaning.")
_sensor = click.option("--sensor", help=f"Names the bands in its order: {', '.join(SENSORS)}.")
_bands = click.option(
    "--bands", help="Names of the files' bands in order, with commas: B01,B02,... With --sensor, some of the sensor's."
)


def _store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the store that it writes; it hands them on to ``_import``."""
    return _out(_allow_duplicates(_overwrite(command)))


@click.group()
def data() -> None:
    """Import, make and inspect patch stores."""


@data.group("import")
def import_() -> None:
    """Import patches into a store: read once, checked, memory-mapped from then on."""


@import_.command()
@click.argument("source", metavar="DIR", type=_PATH)
@_keep_empty
@_store_options
def droughtwatch(source: Path, keep_empty: bool, **store: Any) -> None:
    """Import W&B droughtwatch TFRecords: train/part-* and val/part-*, a folder of parts, or one part; plain or gzip."""
    from raysat.api.importers import import_droughtwatch

    _import(import_droughtwatch, "reading records", source, keep_empty=keep_empty, **store)


@import_.command()
@click.argument("manifest", metavar="MANIFEST.csv", type=_PATH)
@_sensor
@_bands
@click.option("--classes", help="Class names in order, with commas; by default the labels, sorted.")
@_ordinal
@click.option(
    "--alpha-mask",
    is_flag=True,
    help="The files' alpha band is a mask: nodata where it is 0. --bands names the others. "
    "Without this, a band that is marked as alpha is data like any other.",
)
@_store_options
def geotiff(
    manifest: Path,
    sensor: str | None,
    bands: str | None,
    classes: str | None,
    ordinal: bool,
    alpha_mask: bool,
    **store: Any,
) -> None:
    """Import GeoTIFF patches listed in a CSV file with columns path, label and optionally split.

    Paths are relative to the CSV file; a split is train, val or test. Errors number rows as a spreadsheet does: the
    header is row 1. Nodata, by a file's nodata value or its mask (inside it, or beside it as .msk), stays out of the
    statistics and is stored as its band's mean; a patch of nodata alone is dropped.
    """
    from raysat.api.importers import import_geotiff

    order = read_words(classes, "--classes") if classes is not None else ()
    names = {"sensor": sensor, "bands": _words(bands), "classes": order}
    _import(import_geotiff, "reading patches", manifest, **names, ordinal=ordinal, alpha_mask=alpha_mask, **store)


@import_.command()
@click.argument("source", metavar="DIR", type=_PATH)
@_sensor
@_bands
@_ordinal
@_keep_empty
@_store_options
def folder(source: Path, sensor: str | None, bands: str | None, ordinal: bool, keep_empty: bool, **store: Any) -> None:
    """Import arrays sorted into folders: train/<class>/*.npy, val/<class>/*.npy, test/..., each H x W x C.

    Arrays of 11 bands are taken for Landsat 8 where neither --sensor nor --bands is given.
    """
    from raysat.api.importers import import_folder

    names = {"sensor": sensor, "bands": _words(bands)}
    _import(import_folder, "reading arrays", source, **names, ordinal=ordinal, keep_empty=keep_empty, **store)


@data.command()
@_out
@click.option("--size", type=Whole(40, limits.PATCHES), default=5000, show_default=True, help="Number of patches.")
@click.option("--seed", type=Whole(0, 2**32 - 1), default=0, show_default=True, help="Decides every patch.")
@_overwrite
def synth(out: Path, size: int, seed: int, overwrite: bool) -> None:
    """Make synthetic Landsat 8 patches in four ordinal classes (60/16/15/9 %), split 70/10/20."""
    from raysat.api.importers import make_synthetic

    _import(partial(make_synthetic, size=size, seed=seed), "making patches", out=out, overwrite=overwrite)


@data.command()
@click.argument("store")
@click.option("--plot", type=_PATH, metavar="FILE.png", help="Draw a contact sheet by class.")
@click.option(
    "--composite", help="Bands of the sheet: a composite's name, or 1 or 3 bands as 6,5,2.  [default: natural]"
)
@click.option("--per-class", type=Whole(1, 100), default=8, show_default=True, help="Patches of a class.")
def info(store: str, plot: Path | None, composite: str | None, per_class: int) -> None:
    """Show what a store holds: bands, patches per class and split, value ranges.

    STORE is a path, a URL, or 'demo'.
    """
    from raysat.api.stores import open_store

    opened = open_store(store)
    opened.show(_screen())
    if plot is not None:
        opened.plot(plot, composite=read_bands(composite), per_class=per_class)
        click.echo(f"wrote {plot}")


@data.command()
@click.argument("store")
def verify(store: str) -> None:
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
    read = f"{found.patches:,} patches, {found.bytes / 1e6:,.1f} MB of pixels read in {found.seconds:.1f} s"
    click.echo(f"whole: {read}; fingerprint {opened.fingerprint}")


@data.command()
@click.option("--clear", is_flag=True, help="Delete the copies that no process uses.")
def cache(clear: bool) -> None:
    """List the copies of stores that this machine keeps, their sizes and when they were last used.

    Stores that lie elsewhere are copied when they are trained on. Room for a new copy is made by deleting the ones that
    were not used for longest. RAYSAT_CACHE_LIMIT says how much they may take together, as 20GB or 30%; by default half
    of what their disk has for them. RAYSAT_CACHE names another folder.
    """
    from raysat.api.cache import store_cache
    from raysat.formatting import data_size, plural

    if clear:
        deleted = store_cache().clear()
        click.echo(f"deleted    {plural(len(deleted), 'store')}, {data_size(sum(store.bytes for store in deleted))}")
    store_cache().show(_screen())


def _import(make: Callable[..., ImportSummary], title: str, *source: Path, **options: Any) -> None:
    """Make a store with a progress bar, and show what became of it."""
    from raysat.views.store import show_import

    with progress_bar() as bar:
        summary = make(*source, **options, progress=partial(bar, title))
    show_import(summary, _screen())


def _words(bands: str | None) -> tuple[str, ...] | None:
    return None if bands is None else read_words(bands, "--bands")


def _screen() -> Console:
    """A console on which nothing wraps in a pipe, whatever the names of the classes."""
    return console(piped_width=10_000)

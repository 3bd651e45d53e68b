"""``raysat data convert``, and the commands that import what other tools keep their patches in."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from raysat.cli.commands import command
from raysat.cli.completers import stores
from raysat.cli.console import progress_bar
from raysat.cli.options import read_words
from raysat.cli.store_options import (
    PATH,
    allow_duplicates_option,
    bands_option,
    make_store,
    ordinal_option,
    screen,
    sensor_option,
    store_options,
    words_of,
)
from raysat.data.layouts import LAYOUTS
from raysat.errors import UsageError

_classes = click.option("--classes", help="Class names in order of their numbers, with commas, where none are stored.")


@command(
    "raysat data import imagefolder DIR --sensor sentinel2 --out STORE",
    short="Images sorted into folders: EuroSAT, ImageFolder",
)
@click.argument("source", metavar="DIR", type=PATH)
@sensor_option
@bands_option
@ordinal_option
@store_options
def imagefolder(source: Path, sensor: str | None, bands: str | None, ordinal: bool, **store: Any) -> None:
    """Import images sorted into folders: train/<class>/*.tif (val, test), or <class>/*.tif with lists of the splits.

    Images are GeoTIFF, PNG or JPEG. A list is train.txt, or a name that ends in -train.txt, beside the classes, with
    the name of a file on each line. EuroSAT and torchvision's ImageFolder look so.
    """
    from raysat.api.layouts import import_image_folder

    names = {"sensor": sensor, "bands": words_of(bands)}
    make_store(import_image_folder, "reading images", source, **names, ordinal=ordinal, **store)


def _with_numbers(command: Any) -> Any:
    """Give a command a folder of files that number their classes, and the options that say what these are."""
    for option in (store_options, ordinal_option, _classes, bands_option, sensor_option):
        command = option(command)
    return click.argument("source", metavar="DIR", type=PATH)(command)


@command(
    "raysat data import webdataset DIR --out STORE",
    short="WebDataset shards",
)
@_with_numbers
def webdataset(source: Path, **options: Any) -> None:
    """Import WebDataset shards: train-*.tar, val-*.tar, test-*.tar with KEY.npy (bands first) and KEY.cls."""
    from raysat.api.layouts import import_webdataset

    make_store(import_webdataset, "reading shards", source, **_named(**options))


@command(
    "raysat data import zarr DIR --out STORE",
    short="A Zarr group",
)
@_with_numbers
def zarr(source: Path, **options: Any) -> None:
    """Import a Zarr group, format 3: images (patches x bands x height x width), labels and, where there are, splits."""
    from raysat.api.layouts import import_zarr

    make_store(import_zarr, "reading chunks", source, **_named(**options))


@command(
    "raysat data convert STORE --to zarr --out DIR",
    short="Convert a store for other tools, or back",
)
@click.argument("source", metavar="STORE|DIR", shell_complete=stores)
@click.option("--to", type=click.Choice(LAYOUTS), help="Write the store in this layout.")
@click.option("--from", "from_", type=click.Choice(LAYOUTS), help="Make a store of a folder in this layout.")
@click.option("--out", type=PATH, required=True, help="What to write, a folder.")
@sensor_option
@bands_option
@_classes
@ordinal_option
@allow_duplicates_option
@click.option("--overwrite", is_flag=True, help="Replace what an earlier conversion wrote.")
def convert(source: str, to: str | None, from_: str | None, out: Path, overwrite: bool, **options: Any) -> None:
    """Convert a store to what other tools read (--to), or back (--from); nothing is lost on the way.

    imagefolder: train/<class>/*.tif for torchvision. torchgeo: <class>/*.tif and lists of the splits. webdataset: tar
    shards. zarr: one group of arrays. The last two need the extra 'convert'.
    """
    from raysat.api import layouts

    if (to is None) == (from_ is None):
        raise UsageError("say one of --to and --from", hint="--to zarr writes a store as Zarr, --from zarr makes one")
    if to is not None:
        if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value]:
            raise UsageError(f"{', '.join(given)} say nothing with --to", hint="a store knows its bands and classes")
        with progress_bar() as bar:
            done = layouts.convert(source, out, to=to, overwrite=overwrite, progress=partial(bar, "writing patches"))
        done.show(screen())
        return
    names = _named(**options, out=out, overwrite=overwrite)
    if from_ == "webdataset":
        make_store(layouts.import_webdataset, "reading shards", Path(source), **names)
    elif from_ == "zarr":
        make_store(layouts.import_zarr, "reading chunks", Path(source), **names)
    elif names.pop("classes"):
        raise UsageError("--classes says nothing of folders", hint="the folders name the classes")
    else:
        make_store(layouts.import_image_folder, "reading images", Path(source), **names)


def _named(*, bands: str | None, classes: str | None, **others: Any) -> dict[str, Any]:
    named = () if classes is None else read_words(classes, "--classes")
    return {"bands": words_of(bands), "classes": named, **others}

"""``raysat data download``: public data sets."""

from __future__ import annotations

from pathlib import Path

import click

from raysat.cli.commands import command
from raysat.cli.completers import data_sets
from raysat.cli.console import progress_bar
from raysat.cli.store_options import PATH, screen
from raysat.data.download.catalog import DATA_SETS


@command(
    "raysat data download eurosat --out STORE",
    short="Download a public data set",
)
@click.argument("name", metavar="|".join(DATA_SETS), shell_complete=data_sets)
@click.option("--folder", type=PATH, default="datasets", show_default=True, help="It goes to FOLDER/<name>.")
@click.option("--out", type=PATH, help="Make a store here, too; droughtwatch and eurosat alone.")
@click.option("--overwrite", is_flag=True, help="Replace a store that is there.")
def download(name: str, folder: Path, out: Path | None, overwrite: bool) -> None:
    """Download a public data set: licence and citation first, then its files, checked and unpacked.

    A download that was cut goes on where it was when the same command is run again. Files that lie in FOLDER/<name>
    already, brought by hand, are checked and used.
    """
    from raysat.api import downloads

    shown = screen()
    downloads.data_set(name).show(shown)
    shown.print()
    with progress_bar(bytes_of=("downloading", "unpacking")) as bar:
        done = downloads.download(name, folder=folder, out=out, overwrite=overwrite, progress=bar)
    done.show(shown)

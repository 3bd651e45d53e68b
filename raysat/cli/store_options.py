"""What the commands that write a patch store share: their options, and how they make one and show it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raysat.cli.completers import sensors
from raysat.cli.console import console, progress_bar
from raysat.cli.options import read_words
from raysat.data.sensors import SENSORS

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.data.importers.base import ImportSummary

PATH = click.Path(path_type=Path)
out_option = click.option("--out", type=PATH, required=True, help="The store to write, a folder.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace a store that is there.")
allow_duplicates_option = click.option(
    "--allow-duplicates", is_flag=True, help="Accept patches with the same pixels in two splits; an error otherwise."
)
keep_empty_option = click.option(
    "--keep-empty", is_flag=True, help="Keep patches whose pixels are all zero; they do not count as copies."
)
ordinal_option = click.option("--ordinal", is_flag=True, help="The order of the classes has a meaning.")
sensor_option = click.option(
    "--sensor", shell_complete=sensors, help=f"Names the bands in its order: {', '.join(SENSORS)}."
)
bands_option = click.option(
    "--bands", help="Names of the files' bands in order, with commas: B01,B02,... With --sensor, some of the sensor's."
)


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the store that it writes; it hands them on to ``make_store``."""
    return out_option(allow_duplicates_option(overwrite_option(command)))


def make_store(make: Callable[..., ImportSummary], title: str, *source: Any, **options: Any) -> None:
    """Make a store with a progress bar, and show what became of it."""
    from raysat.views.store import show_import

    with progress_bar() as bar:
        summary = make(*source, **options, progress=partial(bar, title))
    show_import(summary, screen())


def words_of(bands: str | None) -> tuple[str, ...] | None:
    """The names of bands as they are given, if they are."""
    return None if bands is None else read_words(bands, "--bands")


def screen() -> Console:
    """A console on which nothing wraps in a pipe, whatever the names of the classes."""
    return console(piped_width=10_000)

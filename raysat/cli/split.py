"""``raysat data split``: a store's patches with other splits, by group or by place."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from raysat.cli.commands import command
from raysat.cli.completers import stores
from raysat.cli.console import progress_bar
from raysat.cli.numbers import Decimal, Whole
from raysat.cli.store_options import PATH, overwrite_option, screen
from raysat.config import limits


@command(
    "raysat data split STORE --split spatial --block 10km --out BLOCKS",
    short="Split a store by group or by place",
)
@click.argument("store", shell_complete=stores)
@click.option(
    "--split",
    type=click.Choice(["group", "spatial"]),
    required=True,
    help="group: a column of its manifest, or its named scenes. spatial: square blocks of the Earth.",
)
@click.option("--block", metavar="LENGTH", help="Side of a block: 10km, 500m.")
@click.option(
    "--buffer",
    metavar="LENGTH",
    default="0m",
    show_default=True,
    help="How far apart patches of two splits are at least, centre to centre; nearer ones are dropped.",
)
@click.option(
    "--val",
    type=Decimal(limits.LEAST_SHARE, limits.SHARE),
    default=0.15,
    show_default=True,
    help="Share of every class for val.",
)
@click.option(
    "--test", type=Decimal(limits.LEAST_SHARE, limits.SHARE), help="Share of every class for test.  [default: 0.15]"
)
@click.option(
    "--folds",
    type=Whole(2, limits.FOLDS),
    help="Make so many stores, OUT-1, OUT-2, ...: every group is in the test split of one of them.",
)
@click.option("--seed", type=Whole(0, 2**32 - 1), default=0, show_default=True, help="Decides between equal groups.")
@click.option("--out", type=PATH, required=True, help="The store to write, a folder; of folds, how their names begin.")
@overwrite_option
def split(store: str, out: Path, **options: Any) -> None:
    """Split a store anew, so that patches of one place are in one split.

    Each class is shared out as evenly as whole groups allow. Groups that hold the same pixels stay together. Patches of
    val that are nearer to test than the buffer are dropped, then those of train that are near to either.

    STORE is a path, a URL, or 'demo'.
    """
    from raysat.api.splits import split_store

    with progress_bar() as bar:
        done = split_store(store, out, **options, progress=partial(bar, "reading patches"))
    done.show(screen())

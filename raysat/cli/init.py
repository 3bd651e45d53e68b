"""The ``raysat init`` command: a first study of a store."""

from __future__ import annotations

import click

from raysat.cli.commands import command
from raysat.cli.completers import stores
from raysat.cli.console import console, waiting


@command(
    "raysat init                              # of the demo patches, into study.yaml",
    "raysat init STORE --out landcover.yaml",
    short="Write a commented study for a store",
)
@click.argument("store", default="demo", shell_complete=stores)
@click.option(
    "--out",
    type=click.Path(),
    default="study.yaml",
    show_default=True,
    help="The file to write; one that is there is not replaced.",
)
def init(store: str, out: str) -> None:
    """Write a study for STORE that raysat plan and raysat ablate take without an edit, and say what comes next.

    It says in comments what the store holds, and fits network, epochs and batches to its size and seeds to what a
    paired test can see. STORE is a path, a URL, or 'demo', the default.
    """
    from raysat.api.first_studies import init_study

    with waiting("looking at the store"):
        made = init_study(store, out)
    made.show(console())

"""``raysat across``: what holds on several data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.completers import arms_of_run
from raysat.cli.console import aside, console, progress_bar
from raysat.cli.options import read_words
from raysat.cli.places import FOLDER

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat across runs/one runs/two runs/three --out reports/across",
    short="Compare the arms of a study over several data sets",
)
@click.argument("runs", type=FOLDER, nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--out", type=FOLDER, help="Write a page, a table, figures and numbers here.")
@click.option("--format", "formats", default="md,csv,parquet,json,tex,html", show_default=True, help="What to write.")
@click.option(
    "--baseline",
    metavar="ARM",
    shell_complete=arms_of_run,
    help="Compare with this arm; else with the one without any method.",
)
def across(runs: tuple[AnyPath, ...], out: AnyPath | None, formats: str, baseline: str | None) -> None:
    """Compare the arms of a study over several data sets: each gain on each of them, on average, and elsewhere.

    Each RUN is of another data set; a study with several stores writes one each. Gains over the baseline are combined
    by random effects, and mean ranks with their critical difference.
    """
    from raysat.api.across import across as compare

    told = aside()
    with progress_bar() as progress:
        found = compare(runs, out=out, formats=read_words(formats, "--format"), baseline=baseline, progress=progress)
    told.print()
    found.show(console())
    if out is not None:
        told.print()
        names = [file.name for file in found.files if file.parent == out]
        told.print(f"wrote {', '.join(names)} in {out}", style="dim")

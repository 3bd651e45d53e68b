"""The ``raysat export`` command: an arm's models as a folder to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.completers import arms_of_run
from raysat.cli.console import console, waiting
from raysat.cli.numbers import Whole
from raysat.cli.options import plugins_loaded, read_words
from raysat.cli.places import FOLDER

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat export runs/study --best --out model --format onnx",
    short="Write an arm's models as a folder to hand on",
)
@click.argument("run", type=FOLDER)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option(
    "--arm", metavar="NAME", shell_complete=arms_of_run, help="Whose models; not needed where the run has one arm."
)
@click.option("--best", is_flag=True, help="Those of the arm that the leaderboard has first.")
@click.option(
    "--seed", "seeds", type=Whole(0, 2**32 - 1), multiple=True, help="Take this seed; repeat it.  [default: all]"
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("safetensors",),
    show_default=True,
    help="safetensors, torch, onnx, mlm; with commas, or repeated.",
)
@click.option(
    "--data", metavar="STORE", help="The store that it was trained on, where the records do not say all of it."
)
@click.option("--license", metavar="SPDX", help="Of the weights, such as CC-BY-4.0: for the card and the STAC item.")
@click.option("--overwrite", is_flag=True, help="Replace an exported model that is there.")
@plugins_loaded
def export(
    run: AnyPath,
    out: Path,
    arm: str | None,
    best: bool,
    seeds: tuple[int, ...],
    formats: tuple[str, ...],
    data: str | None,
    license: str | None,  # noqa: A002  (the field of STAC and of model hubs)
    overwrite: bool,
) -> None:
    """Write an arm's models as a folder that works without raysat, to hand on.

    Weights (safetensors), a model card, a manifest and SHA256SUMS are always written. --format torch adds a program for
    torch.export.load, onnx one for ONNX Runtime, both with the normalisation inside: pixels as they are in the data go
    in, probabilities come out, averaged over the seeds. mlm adds a STAC item. raysat.load_model reads the folder back.
    """
    from raysat.api.export import export as write

    wanted = dict.fromkeys(word for text in formats for word in read_words(text, "--format"))
    with waiting("writing the models"):
        written = write(
            run,
            out=out,
            arm=arm,
            best=best,
            seeds=list(seeds) or None,
            formats=list(wanted),
            data=data,
            license=license,
            overwrite=overwrite,
        )
    written.show(console())

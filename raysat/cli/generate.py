"""The ``raysat generate`` command: synthetic patches alone, with pictures and figures to judge them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from raysat.cli.commands import command
from raysat.cli.console import aside, console, follow, waiting
from raysat.cli.numbers import Whole
from raysat.cli.options import data_option, describe_store, machine_options, read_bands, read_words
from raysat.cli.places import FOLDER
from raysat.cli.signals import INTERRUPTED
from raysat.config import limits

if TYPE_CHECKING:
    from raysat.execution.cluster_options import ClusterOptions
    from raysat.files import AnyPath


@command(
    "raysat generate --data STORE --out runs/generated",
    "raysat generate --classes water,forest --steps 500 --out generated",
    short="Make synthetic patches by a generator per class",
)
@data_option
@click.option(
    "--kind",
    type=click.Choice(["dcgan", "flow"]),
    default="dcgan",
    show_default=True,
    help="A DC-GAN, or a flow from the Gaussian of the class.",
)
@click.option("--classes", help="Labels or names with commas; by default every class but the largest.")
@click.option("--bands", default="all", show_default=True, help="A composite's name, or bands as 6,5,2.")
@click.option(
    "--patches",
    type=Whole(1, limits.PATCHES),
    help="Patches of each class; by default up to the largest class.",
)
@click.option("--steps", type=Whole(1, limits.GENERATOR_STEPS), help="Training steps of each generator.")
@click.option("--seed", type=Whole(0, 2**32 - 1), help="Decides every generator.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the stores; a study looks in its OUT/generated.")
@machine_options
def generate(
    data: str,
    kind: Literal["dcgan", "flow"],
    classes: str | None,
    bands: str,
    patches: int | None,
    steps: int | None,
    seed: int | None,
    out: AnyPath,
    cluster: ClusterOptions,
) -> int:
    """Train a generator per class and keep its patches as a store, with sample grids and quality figures.

    What is there already is not made again. Trials that ask for the same generators share them.
    """
    from raysat.api.generators import generate as run
    from raysat.api.stores import open_store
    from raysat.views.generate import show_training

    store, screen, told = open_store(data), console(), aside()
    told.print(f"data       {data}: {describe_store(store)}")
    found = run(
        data,
        out=out,
        kind=kind,
        classes=None if classes is None else read_words(classes, "--classes"),
        bands=read_bands(bands) or "all",
        patches=patches,
        steps=steps,
        seed=seed,
        cluster=cluster,
        on_event=follow(),
    )
    found.show(screen)
    if len(found.finished) == len(found.jobs):
        with waiting("judging: training classifiers on synthetic and on real patches"):
            training = found.train_on_synthetic()
        if training is not None:
            show_training(training, screen)
        for job in found.jobs:
            told.print(f"pictures   {found.artifacts.path(job.id)}", style="dim")
    if found.outcome.interrupted:
        return INTERRUPTED
    return 0 if len(found.finished) == len(found.jobs) else 1

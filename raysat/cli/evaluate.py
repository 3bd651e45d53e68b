"""The ``raysat evaluate`` command: what a run's finished models are worth under other conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from raysat.cli.commands import command
from raysat.cli.completers import arms_of_run, stores
from raysat.cli.console import console, progress_bar
from raysat.cli.numbers import Whole
from raysat.cli.options import plugins_loaded, read_numbers, read_words
from raysat.cli.places import FOLDER
from raysat.config import limits
from raysat.data.corruptions import SEVERITIES

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat evaluate runs/study --corruptions",
    "raysat evaluate runs/study --data STORE --split all",
    short="Evaluate finished models in haze, calibrated, elsewhere",
)
@click.argument("run", type=FOLDER)
@click.option("--corruptions", "corrupt", is_flag=True, help="Under noise, haze, clouds, lost bands and more.")
@click.option("--corruption", "chosen", metavar="NAME,...", help="Under these corruptions alone.")
@click.option("--severities", default="1,2,3,4,5", show_default=True, metavar="N,...", help="Of each corruption.")
@click.option("--calibrate", type=click.Choice(["temperature"]), help="Fit it to the val split; conformal sets too.")
@click.option(
    "--data",
    shell_complete=stores,
    help="On another store: a region or a year; or where the run's own store lies now.",
)
@click.option("--split", type=click.Choice(["train", "val", "test", "all"]), help="Of that store; else test or val.")
@click.option("--importance", is_flag=True, help="What each band, and groups of bands, are worth: by permutation.")
@click.option("--repeats", type=Whole(1, limits.REPEATS), default=5, show_default=True, help="Permutations of each.")
@click.option("--occlusion", is_flag=True, help="Where an arm and the baseline look, in patches newly right.")
@click.option("--patches", type=Whole(1, limits.MAPPED), default=6, show_default=True, help="Of which maps are made.")
@click.option(
    "--arms",
    metavar="NAME,...",
    multiple=True,
    shell_complete=arms_of_run,
    help="Models of these arms; else of all that are finished.",
)
@click.option("--seeds", metavar="N,...", help="Models of these seeds; else of all that are finished.")
@plugins_loaded
def evaluate(
    run: AnyPath,
    corrupt: bool,
    chosen: str | None,
    severities: str,
    calibrate: Literal["temperature"] | None,
    data: str | None,
    split: Literal["train", "val", "test", "all"] | None,
    importance: bool,
    repeats: int,
    occlusion: bool,
    patches: int,
    arms: tuple[str, ...],
    seeds: str | None,
) -> None:
    """Evaluate a run's finished models under corruptions, calibrated, or on other data; train nothing.

    What comes out is kept in RUN/evaluations, where raysat report finds it; the same command again evaluates only what
    is missing. It runs in this process, on its GPU where there is one.
    """
    from raysat.api.evaluations import evaluate as run_evaluations

    with progress_bar() as progress:
        found = run_evaluations(
            run,
            corruptions=read_words(chosen, "--corruption") if chosen is not None else ["all"] if corrupt else [],
            severities=read_numbers(severities, "--severities", 1, SEVERITIES),
            calibrate=calibrate,
            data=data,
            split=split,
            importance=importance,
            repeats=repeats,
            occlusion=occlusion,
            patches=patches,
            arms=arms,
            seeds=() if seeds is None else read_numbers(seeds, "--seeds", 0, 2**32 - 1),
            progress=progress,
        )
    found.show(console())

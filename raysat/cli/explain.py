"""The ``raysat explain`` command: one arm of a study in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.completers import arms_of_study
from raysat.cli.console import console
from raysat.cli.numbers import Whole
from raysat.cli.options import plugins_loaded, set_option
from raysat.cli.space import space_option
from raysat.config import limits

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat explain '#3' --space study.yaml",
    short="Print all settings of an arm, and what sets each",
)
@click.argument("arm", shell_complete=arms_of_study)
@space_option("study")
@click.option(
    "--epochs",
    type=Whole(1, limits.EPOCHS),
    help="Epochs of the arm; points in training follow, second stages keep theirs.",
)
@set_option
@plugins_loaded
def explain(arm: str, space: AnyPath, epochs: int | None, settings: tuple[str, ...]) -> None:
    """Print all settings of an arm, and what sets each: base, the arm, an option, or a default.

    ARM is its name, or its number in raysat plan, such as '#3'. What does nothing in it is marked, as far as that can
    be known without data; raysat plan says the rest.
    """
    from raysat.planning.explain import explain as explained
    from raysat.study.load import load_study, parse_settings
    from raysat.views.explain import show_explained

    study = load_study(space, overrides=parse_settings(settings), epochs=epochs)
    show_explained(explained(study, arm), console())

"""``raysat power``: which differences a study can see, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from raysat.cli.commands import command
from raysat.cli.completers import stores, studies
from raysat.cli.console import aside, console, waiting
from raysat.cli.documents import json_option, write
from raysat.cli.numbers import Decimal, Whole
from raysat.cli.places import FILE, FOLDER
from raysat.cli.space import SPACE
from raysat.config import limits
from raysat.errors import UsageError
from raysat.formatting import one_line

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat power --space study.yaml --data STORE",
    "raysat power --classes 600,160,150,90 --arms 4 --seeds 8",
    short="Say which differences a study can see, before training",
)
@click.option(
    "--data",
    shell_complete=stores,
    help="The patch store whose test patches arms are compared on: its path, its URL, or 'demo', "
    "which is the default of a study.",
)
@click.option(
    "--space",
    "study",
    type=SPACE,
    shell_complete=studies,
    help="A study, by its file or name: what its trials cost, arms, seeds.",
)
@click.option("--classes", metavar="N,N,...", help="In place of a store: test patches of each class.")
@click.option("--arms", type=Whole(2, limits.TRIALS), help="The baseline among them.  [default: the study's, or 2]")
@click.option("--seeds", type=Whole(1, limits.SEEDS), help="Of every arm.  [default: the study's, or 5]")
@click.option(
    "--effect",
    "effects",
    type=Decimal(limits.LEAST_EFFECT, 1),
    multiple=True,
    metavar="NUMBER",
    help="A difference to look at; repeat it for several.  [default: 0.02, 0.05, 0.1]",
)
@click.option("--pilot", type=FOLDER, metavar="RUN", help="A run that says how arms differ; else that is assumed.")
@click.option("--recall", metavar="R,R,...", help="Of the baseline: one for all classes, or one for each.")
@click.option("--figure", type=FILE, metavar="FILE.png", help="Draw power against seeds, as PNG or SVG.")
@json_option
def power(
    classes: str | None,
    recall: str | None,
    effects: tuple[float, ...],
    figure: AnyPath | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Say which differences a study can see, with how many seeds, and what that costs; nothing is trained.

    In balanced accuracy, ICV and the recall of the class with the fewest test patches. A difference is seen where the
    report's test is significant at 5 % after Holm and its interval leaves zero out.
    """
    counts = [] if classes is None else _numbers(classes, int, "--classes", "600,160,150,90")
    recalls = [] if recall is None else _numbers(recall, float, "--recall", "0.9,0.7,0.6,0.4")
    from raysat.api.power import power as compute
    from raysat.reporting.analysis.study_power import EFFECTS

    told = aside()
    with waiting("drawing studies"):
        found = compute(classes=counts, recall=recalls, effects=effects or EFFECTS, **given)
        if figure is not None:
            found.save_figure(figure)
    if as_json:
        from raysat.views.json.power import power_document

        write(power_document(found.found))
    else:
        found.show(console())
    if figure is not None:
        told.print()
        told.print(f"wrote {figure}", style="dim")


def _numbers(text: str, kind: type[int] | type[float], option: str, example: str) -> list[Any]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        message = f"{{{option}}} must be {what} with commas between, got {one_line(text[:80])}"
        raise UsageError(message, hint=f"such as {example}") from None

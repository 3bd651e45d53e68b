"""The option ``--track`` of commands that train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

KIND: Final = click.Choice(["tensorboard", "mlflow", "wandb"])


def track_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--track``; it gets the trackers as ``track``."""
    option = click.option(
        "--track",
        type=KIND,
        multiple=True,
        help="Send every trial to this tracker while it trains, from a process of its own; repeat it for several.",
    )
    return option(command)

"""The ``raysat track`` command: send a run to a tracker, after it was trained or while another command trains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.console import console, progress_bar
from raysat.cli.options import plugins_loaded
from raysat.cli.places import FOLDER
from raysat.cli.tracker_options import KIND

if TYPE_CHECKING:
    from raysat.files import AnyPath
    from raysat.tracking.models import TrackerKind


@command(
    "raysat track runs/study --to mlflow",
    "raysat track s3://BUCKET/runs/study --to tensorboard --watch",
    short="Send a run to MLflow, TensorBoard or W&B",
)
@click.argument("run", type=FOLDER)
@click.option("--to", type=KIND, required=True, help="The tracker.")
@click.option("--out", type=click.Path(file_okay=False), help="Files of a tracker without a server; else RUN/tracking.")
@click.option("--watch", is_flag=True, help="Go on until the run ends, and send what trains meanwhile, too.")
@plugins_loaded
def track(run: AnyPath, to: TrackerKind, out: str | None, watch: bool) -> int:
    """Send a run or a search to MLflow, TensorBoard or Weights & Biases, each trial as a run of its own.

    It may be finished or train, here or elsewhere, and lie on a disk or in an object store. What was sent before is not
    sent again. Trials that failed or whose records are damaged are named, and it ends with 1. MLflow's server is
    MLFLOW_TRACKING_URI; without, and without a key of W&B's, files go to RUN/tracking.
    """
    from raysat.api.tracking import track as send

    with progress_bar() as bar:
        sent = send(run, to=to, out=out, watch=watch, on_change=lambda done, total: bar("trials", done, total))
    sent.show(console())
    return 1 if sent.left else 0

"""The ``raysat cluster`` commands: what is wrong in a file for ``ray up``, and what a study would cost there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raysat.cli.console import console
from raysat.cli.numbers import Decimal, Whole
from raysat.cli.options import FILE, AblateOptions, study_options
from raysat.config import limits

if TYPE_CHECKING:
    from raysat.files import AnyPath


@click.group()
def cluster() -> None:
    """Look over a file for ray up, before it costs anything."""


@cluster.command()
@click.argument("file", type=FILE)
@click.option("--workers", type=Whole(1, limits.WORKERS), default=1, help="Data-parallel workers of a trial there.")
@click.option("--cpus-per-trial", type=Decimal(limits.LEAST_CPUS, limits.CPUS), help="CPUs of each worker.")
@click.option("--gpus-per-trial", type=Decimal(0, limits.CPUS), help="GPUs of each worker; a part shares one.")
def check(file: AnyPath, workers: int, cpus_per_trial: float | None, gpus_per_trial: float | None) -> int:
    """Say what is wrong in FILE: what Ray would not take, what loses results, and what lets others in or costs money.

    Ends with 2 where there is an error, with 0 where there are risks alone.
    """
    from raysat.api.clusters import load_cluster
    from raysat.views.cluster import show_findings

    found = load_cluster(str(file)).check(workers=workers, cpus_per_trial=cpus_per_trial, gpus_per_trial=gpus_per_trial)
    show_findings(found, console())
    return 2 if any(finding.level == "error" for finding in found) else 0


@cluster.command()
@click.argument("file", type=FILE)
@click.option("--rate", type=Decimal(0.001, 1e9), required=True, help="Images a second of one machine.")
@study_options
def price(file: AnyPath, rate: float, options: AblateOptions) -> None:
    """Say what a study would cost on the machines of FILE, by the prices in it.

    The rate of a machine is what benchmarks/gpu.py measures there, or an earlier run of the study.
    """
    from raysat.api.clusters import images, load_cluster
    from raysat.views.cluster import show_costs

    found, plan = load_cluster(str(file)), options.plan()
    show_costs(found.price(plan, rate), images(plan), rate, console())

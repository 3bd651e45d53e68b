"""The ``raysat cluster`` commands: look over a file for ``ray up``, price a study there, have Grafana show its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raysat.cli.commands import group
from raysat.cli.console import console
from raysat.cli.numbers import Decimal, Whole
from raysat.cli.options import AblateOptions, study_options
from raysat.cli.places import FILE, FOLDER
from raysat.config import limits

if TYPE_CHECKING:
    from raysat.files import AnyPath

_PORT = Whole(1, limits.PORT)


@group(short="Check and price a cluster, and watch what runs there")
def cluster() -> None:
    """Look over a file for ray up before it costs anything, and watch what runs there."""


@cluster.command(short_help="Say what is wrong in a file for ray up", examples=["raysat cluster check cluster.yaml"])
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


@cluster.command(
    short_help="Say what a study would cost there",
    examples=["raysat cluster price cluster.yaml --rate 3000 --space study.yaml"],
)
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


@cluster.command(
    short_help="Have Prometheus and Grafana show its runs", examples=["raysat cluster metrics --out raysat-metrics"]
)
@click.option("--out", type=FOLDER, default="raysat-metrics", show_default=True, help="Folder to write to.")
@click.option(
    "--temp-dir",
    type=click.Path(file_okay=False),
    help="Ray's folder, if not /tmp/ray: as ray start --temp-dir has it.",
)
@click.option("--prometheus-port", type=_PORT, default=9090, show_default=True, help="Of Prometheus, on loopback.")
@click.option("--grafana-port", type=_PORT, default=3000, show_default=True, help="Of Grafana, on loopback.")
@click.option("--replace", is_flag=True, help="Write files anew that are there and differ.")
def metrics(out: AnyPath, temp_dir: str | None, prometheus_port: int, grafana_port: int, replace: bool) -> None:
    """Have Prometheus and Grafana show a cluster's runs, linked from Ray's dashboard.

    Run it on the cluster's head: it writes their settings, the alerts and the boards, raysat's and Ray's own, and says
    what to start.
    """
    from raysat.api.clusters import set_up_metrics
    from raysat.views.cluster import show_setup

    ports = {"prometheus_port": prometheus_port, "grafana_port": grafana_port}
    show_setup(set_up_metrics(str(out), temp_dir=temp_dir, **ports, replace=replace), console())

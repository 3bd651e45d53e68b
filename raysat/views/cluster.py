"""What is said of a cluster file: what is wrong in it, and what a study would cost there, how Grafana shows it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from raysat.execution.cluster_file.cost import Cost
from raysat.execution.cluster_file.finding import Finding
from raysat.execution.monitoring.setup import MetricsSetup
from raysat.formatting import duration, plural, visible
from raysat.views.table import plain_table

_STYLES = {"error": "red", "risk": "yellow"}


def show_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print what is wrong, a paragraph each, and how much it is."""
    for finding in findings:
        console.print(
            Text(f"{finding.level}: ", style=_STYLES[finding.level]),
            Text(visible(f"{finding.place}: {finding.what}")),
            sep="",
        )
        console.print(Text(visible(f"  do: {finding.remedy}"), style="dim"))
    errors = sum(finding.level == "error" for finding in findings)
    if not findings:
        console.print("nothing is wrong that a look at the file can tell")
    else:
        console.print(f"{plural(errors, 'error')}, {plural(len(findings) - errors, 'risk')}")


def show_costs(costs: Sequence[Cost], views: float, rate: float, console: Console) -> None:
    """Print what a study would cost on each kind of machine.

    Args:
        costs: by kind of machine.
        views: images that pass through networks.
        rate: of these a second, of one machine.
        console: where to print.
    """
    console.print(f"to train   {views:,.0f} images, {rate:,.0f} a second on each machine")
    table = plain_table("machines", right=("at once", "time", "$"))
    for cost in costs:
        market = "spot" if cost.choice.is_spot else "on demand"
        name = f"{cost.kind}: {cost.choice.instance}, {market}"
        table.add_row(Text(visible(name)), str(cost.machines), duration(cost.hours * 3600), f"{cost.usd:,.2f}")
    console.print(table)
    console.print("with the head, without what machines take to start and disks and the bucket cost")


def show_setup(setup: MetricsSetup, console: Console) -> None:
    """Print what was written for Prometheus and Grafana, and what to do with it: commands in whole lines."""
    written = f"wrote {plural(len(setup.files), 'file')} to" if setup.files else "all is as it should be in"
    lines = (
        f"{written} {setup.folder}",
        "start both on the head:",
        f"  {setup.prometheus}",
        f"  {setup.grafana}",
        "before ray start --head:",
        *(f"  export {name}={value}" for name, value in setup.environment.items()),
        f"board: {setup.board}",
    )
    for line in lines:
        console.print(Text(visible(line)), soft_wrap=True)

"""What is said of a cluster file: what is wrong in it, and what a study would cost there."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from raysat.execution.cluster_file.cost import Cost
from raysat.execution.cluster_file.finding import Finding
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

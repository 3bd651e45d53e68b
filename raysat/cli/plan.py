"""The ``raysat plan`` command: what a study would train, what it would cost, and what it can show."""

from __future__ import annotations

from contextlib import nullcontext

import click

from raysat.cli.console import console
from raysat.cli.options import AblateOptions, growth_options, study_options


@click.command()
@study_options
@growth_options
@click.option("--all", "everything", is_flag=True, help="List every arm and the whole tree; otherwise one page.")
@click.option("--estimate", is_flag=True, help="Measure some steps on this machine, to say how long it would take.")
def plan(options: AblateOptions, max_seeds: int | None, everything: bool, estimate: bool) -> None:
    """Show what can be learned from a study, what that would cost and which epochs are shared; train nothing."""
    plans = options.plans()
    from raysat.views.plan import show_plan

    out = console()
    for place, plan in enumerate(plans):
        with out.status("measuring some steps of each network") if estimate else nullcontext():
            summary = plan.summary(options.out, estimate=estimate, max_seeds=max_seeds)
        if place:
            out.print()
        show_plan(summary, out, everything=everything)

"""The ``raysat plan`` command: what a study would train, what it would cost, and what it can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.console import console, waiting
from raysat.cli.documents import json_option, write
from raysat.cli.options import AblateOptions, growth_options, study_options

if TYPE_CHECKING:
    from raysat.api.studies import Plan
    from raysat.planning.summary import PlanSummary


@command(
    "raysat plan --space study.yaml",
    "raysat plan --space study.yaml --data STORE --estimate",
    short="Show what a study can tell and what it costs; train nothing",
)
@study_options
@growth_options
@click.option("--all", "everything", is_flag=True, help="List every arm and the whole tree; otherwise one page.")
@click.option("--estimate", is_flag=True, help="Measure some steps on this machine, to say how long it would take.")
@json_option
def plan(options: AblateOptions, max_seeds: int | None, everything: bool, estimate: bool, as_json: bool) -> None:
    """Show what can be learned from a study, what that would cost and which epochs are shared; train nothing."""
    plans = options.plans()

    def summarized(plan: Plan) -> PlanSummary:
        with waiting("measuring some steps of each network" if estimate else "planning"):
            return plan.summary(options.out, estimate=estimate, max_seeds=max_seeds)

    if as_json:
        from raysat.views.json.plan import plan_document

        write(plan_document((plan, summarized(plan)) for plan in plans))
        return
    from raysat.views.plan import show_plan

    out = console()
    for place, plan in enumerate(plans):
        summary = summarized(plan)
        if place:
            out.print()
        show_plan(summary, out, everything=everything)

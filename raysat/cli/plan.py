"""The ``raysat plan`` command: what a study would train, what it would cost, and what it can show."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from raysat.cli.console import console
from raysat.cli.documents import json_option, write
from raysat.cli.options import AblateOptions, growth_options, study_options

if TYPE_CHECKING:
    from raysat.api.studies import Plan
    from raysat.planning.summary import PlanSummary


@click.command()
@study_options
@growth_options
@click.option("--all", "everything", is_flag=True, help="List every arm and the whole tree; otherwise one page.")
@click.option("--estimate", is_flag=True, help="Measure some steps on this machine, to say how long it would take.")
@json_option
def plan(options: AblateOptions, max_seeds: int | None, everything: bool, estimate: bool, as_json: bool) -> None:
    """Show what can be learned from a study, what that would cost and which epochs are shared; train nothing."""
    plans = options.plans()
    out = console(stderr=as_json)

    def summarized(plan: Plan) -> PlanSummary:
        with out.status("measuring some steps of each network") if estimate else nullcontext():
            return plan.summary(options.out, estimate=estimate, max_seeds=max_seeds)

    if as_json:
        from raysat.views.json.plan import plan_document

        write(plan_document((plan, summarized(plan)) for plan in plans))
        return
    from raysat.views.plan import show_plan

    for place, plan in enumerate(plans):
        summary = summarized(plan)
        if place:
            out.print()
        show_plan(summary, out, everything=everything)

"""Shows a plan in the terminal: its arms, which epochs are trained once, and what it would cost."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from raysat.formatting import duration, plural
from raysat.metrics.power import power_note
from raysat.planning.no_effect import NoEffect
from raysat.planning.stages import TrainJob
from raysat.planning.summary import ArmSummary, GeneratorSummary, PlanSummary
from raysat.views.table import plain_table

_SHORT: Final = 32  # characters of an arm's name: with longer ones, lines and the tree call arms by number
_NAMED: Final = 5  # arms that a line names


def show_plan(summary: PlanSummary, console: Console) -> None:
    """Print arms, generators, the stage tree and an estimate of the time."""
    long = any(len(arm.name) > _SHORT for arm in summary.arms)
    numbers = {arm.name: f"#{number}" for number, arm in enumerate(summary.arms, start=1)} if long else {}
    parts = [_arms(summary.arms, numbered=long)]
    parts += [_generators(summary.generators)] if summary.generators else []
    tree = _stage_tree(summary.stages, numbers or {arm.name: arm.name for arm in summary.arms})
    for part in [*parts, *([tree] if tree else [])]:
        console.print(part)
        console.print()
    for line in [*_lines(summary), *no_effect_lines(summary.no_effects, console.width, numbers)]:
        console.print(line)


def no_effect_lines(effects: Sequence[NoEffect], width: int, numbers: Mapping[str, str]) -> list[str]:
    """Return the lines on methods of arms that cannot act on the balance of the classes.

    Args:
        effects: what is to be said.
        width: columns to fill.
        numbers: how arms are called where it is not by their names.
    """
    lines = []
    for effect in effects:
        arms = [numbers.get(arm, repr(arm)) for arm in effect.arms[:_NAMED]]
        more = [f"{len(effect.arms) - _NAMED} more"] if len(effect.arms) > _NAMED else []
        lines += textwrap.wrap(
            f"{'arm' if len(effect.arms) == 1 else 'arms'} {', '.join(arms + more)}: {effect.sentence}",
            width,
            initial_indent="no effect  ",
            subsequent_indent=" " * 11,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _arms(arms: Sequence[ArmSummary], *, numbered: bool) -> Table:
    table = plain_table("arm", "settings", right=("epochs", "images/trial", "finished"), numbered=numbered)
    for number, arm in enumerate(arms, start=1):
        row = (Text(arm.name), Text(", ".join(arm.settings)), str(arm.epochs), f"{arm.samples_per_trial:,}")
        table.add_row(*([str(number)] if numbered else []), *row, f"{arm.finished}/{arm.trials}")
    return table


def _generators(generators: Sequence[GeneratorSummary]) -> Table:
    """One line per generate job: what it makes, and which arms share it."""
    table = plain_table("generate", "bands", "needed by", right=("real", "to make", "steps", "finished"))
    for job in generators:
        numbers = (f"{job.real:,}", f"{job.to_make:,}", f"{job.steps:,}", f"{job.finished:d}/1")
        table.add_row(Text(job.class_name), "-".join(job.bands), Text(", ".join(job.arms)), *numbers)
    return table


def _stage_tree(jobs: Sequence[TrainJob], names: Mapping[str, str]) -> RenderableType | None:
    """Draw the stages of one seed's jobs, those that share nothing left out; None where nothing is shared.

    ``names`` are what to call the arms.
    """
    below: dict[str, list[TrainJob]] = {}
    for job in jobs:
        if job.parent is not None:
            below.setdefault(job.parent, []).append(job)
    roots = [job for job in jobs if job.parent is None and (len(job.trials) > 1 or job.id in below)]
    if not roots:
        return None
    tree = Tree(Text("epochs trained once, and the arms that are read out there", style="bold"), guide_style="dim")
    for root in roots:
        _grow(tree, root, below, names)
    return tree


def _grow(node: Tree, job: TrainJob, below: Mapping[str, list[TrainJob]], names: Mapping[str, str]) -> None:
    """Add a job's stages, each below the one before, and the jobs that leave it where they do."""
    start = job.start_epoch
    for end in sorted({*job.fork_epochs, *(trial.epochs for trial in job.trials)}):
        read = [names[trial.arm] for trial in job.trials if trial.epochs == end]
        label = Text(f"{start + 1}–{end}" if end > start + 1 else f"{end}", style="cyan")
        label.append(f"  {'; '.join(read)}" if read else "", style="default")
        node = node.add(label)
        for other in below.get(job.id, []):
            if other.start_epoch == end:
                _grow(node, other, below, names)
        start = end


def _lines(summary: PlanSummary) -> list[str]:
    n_arms, n_generators = len(summary.arms), summary.missing_generators
    lines = [f"all arms   {', '.join(summary.shared_settings)}"] if summary.shared_settings else []
    trials = f"trials     {summary.n_trials} ({plural(n_arms, 'arm')} x {plural(summary.n_seeds, 'seed')})"
    lines.append(trials + (f", {summary.n_equal} equal to another" if summary.n_equal else ""))
    generate = f"; {plural(n_generators, 'generator')}, {summary.missing_steps:,} steps" if n_generators else ""
    epochs = f"{summary.missing_epochs:,} epochs, {summary.samples_alone:,} images"
    lines.append(f"to train   {plural(summary.missing_trials, 'trial')}, {epochs}{generate}")
    if summary.samples_shared == summary.samples_alone:
        lines += ["sharing    none: every trial is trained alone"] if summary.samples_alone else []
    else:
        times = f"{summary.samples_alone / summary.samples_shared:.1f}x less to train, the same numbers"
        lines.append(f"sharing    {summary.samples_shared:,} images in fact: {times}")
    lines += [f"evidence   {power_note(summary.n_seeds, n_arms - 1)}"] if n_arms > 1 else []
    source = (
        f"(mean of {summary.measured_on} finished trials)"
        if summary.measured_on
        else "(assumed: ResNet-18 on two CPU cores; finished trials replace it)"
    )
    rate = f"{summary.samples_per_s:,.0f} images/s {source}" + ("; generators on top" if n_generators else "")
    return [*lines, f"time       about {duration(summary.seconds)} one at a time, at {rate}"]

"""Shows a plan in the terminal: its arms, and what it would cost."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.cli.views.stage_tree import stage_tree
from raysat.config.diff import changes, flatten, label
from raysat.config.schema import Config
from raysat.errors import StorageError
from raysat.formatting import duration, plural
from raysat.metrics.power import power_note
from raysat.plan.build import Plan
from raysat.plan.jobs import GenerateJob, PlannedTrial, WorkItem
from raysat.plan.no_effect import no_effects
from raysat.plan.stages import train_jobs
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger

# ResNet-18 on 65 x 65 x 3 patches, float32: 154 images/s measured on two cores of an AMD EPYC (one run of six batches).
_ASSUMED_RATE: Final = 150.0
_SHORT: Final = 32  # characters of an arm's name
_NAMED: Final = 5  # arms that a line names
_DEFAULTS: Final = flatten(Config())
_ELSEWHERE: Final = ("data.bands", "data.drop", "optim.epochs")  # have words or a column of their own


def show_plan(plan: Plan, missing: Sequence[WorkItem], ledger: Ledger, artifacts: Artifacts, console: Console) -> None:
    """Print arms, generators and an estimate of the time; ``missing`` are the jobs to do."""
    waiting = {job.id for job in missing}
    by_id = {job.id: job for job in plan.trials}
    table = Table(box=None, pad_edge=False, header_style="bold")
    long = any(len(arm) > _SHORT for arm in plan.trial_ids)  # then the tree calls arms by number
    numbers = {arm: f"#{number}" for number, arm in enumerate(plan.trial_ids, start=1)}
    if long:
        table.add_column("#", justify="right", no_wrap=True)
    table.add_column("arm", overflow="fold")
    table.add_column("settings", overflow="fold")
    for name in ("epochs", "images/trial", "finished"):
        table.add_column(name, justify="right", no_wrap=True)
    cells = {arm: [by_id[job] for job in seeds.values()] for arm, seeds in plan.trial_ids.items()}
    settings = {arm: describe(jobs[0].trial.config, plan.store.bands) for arm, jobs in cells.items()}
    shared = set.intersection(*map(set, settings.values())) if len(settings) > 1 else set()
    for arm, jobs in cells.items():
        own = ", ".join(setting for setting in settings[arm] if setting not in shared)
        done = sum(job.id not in waiting for job in jobs)
        epochs = jobs[0].trial.config.optim.epochs
        row = (Text(arm), Text(own), str(epochs), f"{jobs[0].samples_seen:,}", f"{done}/{len(jobs)}")
        table.add_row(*([numbers[arm].removeprefix("#")] if long else []), *row)
    console.print(table)
    console.print()
    if plan.generate_jobs:
        console.print(_generators(plan, artifacts))
        console.print()
    first = plan.study.seeds[0]
    one_seed = [chain for chain in plan.train_jobs if chain.trials[-1].trial.seed == first]
    if (tree := stage_tree(one_seed, numbers if long else {arm: arm for arm in numbers})) is not None:
        console.print(tree)
        console.print()
    trials = [job for job in missing if isinstance(job, PlannedTrial)]
    alone, images = sum(job.samples_seen for job in trials), sum(chain.samples_seen for chain in train_jobs(trials))
    equal = plan.n_trials - len(plan.trials)
    lines = [f"all arms   {', '.join(sorted(shared))}"] if shared else []
    lines += [
        f"trials     {plan.n_trials} ({plural(len(plan.study.arms), 'arm')} x {plural(len(plan.study.seeds), 'seed')})"
        + (f", {equal} equal to another" if equal else ""),
        f"to train   {plural(len(trials), 'trial')}, {sum(job.trial.config.optim.epochs for job in trials):,} epochs, "
        f"{alone:,} images" + _generation(missing),
        *([f"sharing    {_sharing(alone, images)}"] if images else []),
        *(
            [f"evidence   {power_note(len(plan.study.seeds), len(plan.trial_ids) - 1)}"]
            if len(plan.trial_ids) > 1
            else []
        ),
        f"time       {_time(images, plan, ledger)}" + ("; generators on top" if len(trials) < len(missing) else ""),
    ]
    for line in [*lines, *no_effect_lines(plan, console.width, numbers if long else {})]:
        console.print(line)


def no_effect_lines(plan: Plan, width: int, called: Mapping[str, str]) -> list[str]:
    """Say which methods of which arms cannot act on the balance of the classes.

    Args:
        plan: whose arms.
        width: columns to fill.
        called: how arms are called where it is not by their names.
    """
    lines = []
    for each in no_effects(plan):
        arms = [called.get(arm, repr(arm)) for arm in each.arms[:_NAMED]]
        more = [f"{len(each.arms) - _NAMED} more"] if len(each.arms) > _NAMED else []
        text = f"{'arm' if len(each.arms) == 1 else 'arms'} {', '.join(arms + more)}: {each.sentence}"
        lines += textwrap.wrap(
            text,
            width,
            initial_indent="no effect  ",
            subsequent_indent=" " * 11,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _sharing(alone: int, shared: int) -> str:
    if shared == alone:
        return "none: every trial is trained alone"
    return f"{shared:,} images in fact: {alone / shared:.1f}x less to train, the same numbers"


def _generators(plan: Plan, artifacts: Artifacts) -> Table:
    """One line per generate job: what it makes, and which arms share it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("generate", "bands", "needed by"):
        table.add_column(name, overflow="fold")
    for name in ("real", "to make", "steps", "finished"):
        table.add_column(name, justify="right", no_wrap=True)
    counts = plan.store.counts("train")
    by_id = {job.id: job for job in plan.trials}
    for job in plan.generate_jobs:
        arms = [arm for arm, seeds in plan.trial_ids.items() if job.id in by_id[next(iter(seeds.values()))].needs]
        work = job.work
        table.add_row(
            Text(job.class_name),
            "-".join(work.bands),
            Text(", ".join(arms)),
            f"{counts[work.label]:,}",
            f"{work.patches:,}",
            f"{work.gan.steps:,}",
            "1/1" if artifacts.is_finished(job.id) else "0/1",
        )
    return table


def _generation(missing: Sequence[WorkItem]) -> str:
    generate = [job for job in missing if isinstance(job, GenerateJob)]
    steps = sum(job.work.gan.steps for job in generate)
    return f"; {plural(len(generate), 'generator')}, {steps:,} steps" if generate else ""


def describe(config: Config, bands: Sequence[str]) -> list[str]:
    """List what a configuration sets apart from the defaults: ``loss=ldam``, ``bands=B6-B5-B2``, ``optim.lr=0.01``."""
    kinds = {key: kind for key, kind in flatten(config).items() if key.endswith(".kind")}
    plain = Config.model_validate({key.removesuffix(".kind"): {"kind": kind} for key, kind in kinds.items()})
    changed = {key: kind for key, kind in kinds.items() if kind != _DEFAULTS[key]} | changes(config, plain)
    every_band = list(config.data.bands) == list(bands)
    settings = [f"bands={'all' if every_band else label(config.data.bands)}"]
    for section in Config.model_fields:
        keys = [key for key in changed if key.startswith(f"{section}.") and key not in _ELSEWHERE]
        keys.sort(key=lambda key: not key.endswith(".kind"))
        settings += [f"{key.removesuffix('.kind')}={label(changed[key])}" for key in keys]
    return settings


def _time(images: int, plan: Plan, ledger: Ledger) -> str:
    """Estimate from the finished trials of the same run, else from an assumed rate, and say which."""
    trained, seconds, n = 0, 0.0, 0
    for job in plan.trials:
        if ledger.is_finished(job.id):
            try:
                record = ledger.read(job.id)
            except StorageError:
                continue
            trained, seconds, n = trained + record.images, seconds + record.seconds, n + 1
    if n and seconds:
        rate = trained / seconds
        return f"about {duration(images / rate)} one at a time, at {rate:,.0f} images/s (mean of {n} finished trials)"
    return (
        f"about {duration(images / _ASSUMED_RATE)} one at a time, at {_ASSUMED_RATE:g} images/s "
        "(assumed: ResNet-18 on two CPU cores; finished trials replace it)"
    )

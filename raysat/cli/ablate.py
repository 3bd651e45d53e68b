"""The ``raysat ablate`` command: train what a study lacks, and show its leaderboard."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from raysat.cli.commands import command
from raysat.cli.console import aside, console, follow
from raysat.cli.options import (
    AblateOptions,
    describe_store,
    growth_options,
    machine_options,
    study_options,
    training_options,
)
from raysat.cli.places import FOLDER
from raysat.cli.signals import INTERRUPTED
from raysat.cli.tracker_options import track_option
from raysat.formatting import plural

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.api.arm_tuning import TunedArms
    from raysat.api.runs import Run
    from raysat.api.studies import Plan
    from raysat.execution.cluster_options import ClusterOptions
    from raysat.files import AnyPath
    from raysat.tracking.models import TrackerKind


@command(
    "raysat ablate --space study.yaml",
    "raysat ablate --space study.yaml --data STORE --epochs 3 --seeds 1",
    short="Train what a study lacks, and rank its arms",
)
@study_options
@growth_options
@machine_options
@training_options
@click.option("--cache", type=FOLDER, help="Take equal work of other studies from here, and offer what is finished.")
@track_option
@click.option("--board", "shows_board", is_flag=True, help="Serve the page of raysat board beside it, until it ends.")
@click.option("--timings", "timed", is_flag=True, help="Say at the end where the seconds went.")
def ablate(
    options: AblateOptions,
    max_seeds: int | None,
    cluster: ClusterOptions,
    cache: AnyPath | None,
    track: tuple[TrackerKind, ...],
    shows_board: bool,
    timed: bool,
) -> int:
    """Train every trial of a study that is not finished yet, and write the leaderboard.

    Finished trials are kept whatever happens; the same command again trains only what is missing. With --until-decided
    seeds are added in blocks, as many as the study has, and each planned contrast (compare: in the study) is tested
    after each block, with an error rate of 5 % over all looks. A study that tunes its arms (tune:) does so first.
    """
    from raysat.execution.cluster.forked_workers import workers_begun

    with workers_begun(cluster.address), ExitStack() as until_end:  # beside imports, and the plan
        from raysat.api.ablation import ablate as train
        from raysat.api.tracking import trackers
        from raysat.cli.start import BEGAN
        from raysat.execution.events import to_all
        from raysat.execution.timings import Timings
        from raysat.planning.no_effect import no_effects
        from raysat.views.plan import no_effect_lines
        from raysat.views.timings import show_timings

        out, told, timings, complete = console(), aside(), Timings(BEGAN), True
        runs: list[Run] = []
        plans = options.plans()
        if shows_board:
            from raysat.board.beside import board_beside

            url = until_end.enter_context(board_beside([options.out / plan.study.name for plan in plans]))
            out.print(f"board      {url}")
        for asked in plans:
            told.print(f"study      {asked.study.name}: {_count(asked)}")
            told.print(f"data       {asked.data}: {describe_store(asked.store)}")
            for line in no_effect_lines(no_effects(asked), out.width, {}):
                told.print(line)
            machines, on_event = replace(cluster, workers=options.workers), follow(timings)
            how: Any = {"out": options.out, "cluster": machines, "on_event": on_event, "cache": cache}
            tuned = None if asked.study.tune is None else _tune_tracked(asked, options, out, how, track)
            if tuned is not None and tuned.plan is None:  # there is more to tune
                runs, complete = [*runs, tuned.run], False
                break
            plan = tuned.plan if tuned and tuned.plan else asked
            with trackers(options.out / plan.study.name, track) as tracking:
                how |= {"on_event": to_all(on_event, tracking)}
                run = train(plan, **how) if max_seeds is None else _grow(plan, max_seeds, options, out, how)
                complete = _show_run(run, out) and complete
                for tracked in tracking.end(interrupted=bool(run.outcome and run.outcome.interrupted)):
                    tracked.show(out)
            runs.append(run)
            if run.outcome and run.outcome.interrupted:
                break
    if len(runs) > 1:
        folders = " ".join(shlex.quote(str(run.path)) for run in runs)
        told.print(f"next: raysat across {folders} says what holds on all of them")
    if timed:
        out.print()
        show_timings(timings.spent(), out)
    if any(run.outcome and run.outcome.interrupted for run in runs):
        return INTERRUPTED
    return 0 if complete else 1


def _show_run(run: Run, out: Console) -> bool:
    """Print a run's leaderboard, what was written, and what to do next; returns whether all of it is trained."""
    from raysat.config.plugins.use import changed_plugins

    told = aside()
    told.print()
    run.show(out)
    told.print()
    for file in run.files:
        told.print(f"wrote {file}", style="dim")
    board = run.results[0] if run.results else run.leaderboard()
    if board.finished:
        path = shlex.quote(str(run.path))
        told.print(f"next: raysat report {path} says what helped, by how much, and how surely")
    for note in (*run.notes(), *changed_plugins()):
        out.print(note, style="yellow")
    return board.finished == board.planned or run.is_complete


def _tune_tracked(
    plan: Plan, options: AblateOptions, out: Console, how: dict[str, Any], track: tuple[TrackerKind, ...]
) -> TunedArms:
    """Tune the arms of a study, and send the trials that do."""
    from raysat.api.tracking import trackers
    from raysat.execution.events import to_all
    from raysat.search.per_arm import run_of_tuning

    with trackers(options.out / run_of_tuning(plan.study.name), track) as tracking:
        tuned = _tune(plan, options, out, how | {"on_event": to_all(how["on_event"], tracking)})
        for tracked in tracking.end(interrupted=bool(tuned.run.outcome and tuned.run.outcome.interrupted)):
            tracked.show(out)
    return tuned


def _tune(plan: Plan, options: AblateOptions, out: Console, how: dict[str, Any]) -> TunedArms:
    """Tune the arms of a study, and say what was chosen."""
    from raysat.api.arm_tuning import tune_arms

    tuned = tune_arms(plan, reuse_epochs=options.reuse_epochs, **how)
    told = aside()
    told.print()
    is_stopped = bool(tuned.run.outcome and tuned.run.outcome.interrupted)
    if tuned.plan is not None or not is_stopped:  # what to do after a stop is said at the very end
        tuned.show(out)
        told.print()
    if tuned.plan is not None:
        told.print(f"study      {tuned.plan.study.name}: {_count(tuned.plan)}")
    return tuned


def _grow(plan: Plan, max_seeds: int, options: AblateOptions, out: Console, how: dict[str, Any]) -> Run:
    """Train a study that adds seeds until decided, and say after each look what is."""
    from raysat.api.until_decided import ablate_until_decided
    from raysat.views.looks import show_looked

    plan = replace(plan, command=f"{plan.command} --until-decided --max-seeds {max_seeds}")
    how |= {"reuse_epochs": options.reuse_epochs, "on_look": lambda looked: show_looked(looked, out)}
    grown = ablate_until_decided(plan, max_seeds=max_seeds, **how)
    return grown.run


def _count(plan: Plan) -> str:
    arms, seeds = len(plan.study.arms), len(plan.study.seeds)
    forms = ", tuned and as written," if plan.study.tuned else ""
    same = f", {len(plan.trials)} of them different" if len(plan.trials) < plan.n_trials else ""
    generators = f"; {plural(len(plan.generate_jobs), 'generator')}" if plan.generate_jobs else ""
    if (tune := plan.study.tune) is not None:
        first = f"each tuned by {plural(tune.per_arm, 'trial')} first"
        return f"{plural(arms, 'arm')}, {first}, then compared over {plural(seeds, 'seed')}"
    return (
        f"{plural(arms, 'arm')}{forms} x {plural(seeds, 'seed')} = {plural(plan.n_trials, 'trial')}{same}{generators}"
    )

"""The raysat command. Heavy modules are imported inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from raysat import __version__
from raysat.cli_data import data
from raysat.errors import RaysatError
from raysat.textual import plural

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.ledger import Ledger
    from raysat.plan import Job, Plan

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="raysat")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Which method really helps the rare classes of multispectral imagery, and by how much?

    raysat trains every configuration of a study with the same seeds on Ray, and ranks them by balanced accuracy and
    intra-class variance (ICV), never by raw accuracy.
    """


cli.add_command(data)


def _study_options(command: F) -> F:
    """Options that say which study to read, how to alter it and what to run it on."""
    for option in reversed(
        (
            click.option("--space", type=_FILE, required=True, help="The study, a YAML file."),
            click.option("--data", "data_name", default="demo", show_default=True, help="A patch store, or 'demo'."),
            click.option("--epochs", type=int, help="Epochs of every arm; points in training follow."),
            click.option("--seeds", type=int, help="Run the first so many of the study's seeds."),
            click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a value in every arm."),
            click.option(
                "--workers",
                type=click.IntRange(1),
                default=1,
                show_default=True,
                help="Data-parallel workers per trial.",
            ),
            click.option("--out", type=_FOLDER, default="runs", show_default=True, help="Runs go to OUT/<study>."),
        )
    ):
        command = option(command)
    return command


@cli.command()
@_study_options
@click.option("--address", help="A Ray cluster ('auto' on one of its machines); else Ray starts on this machine.")
@click.option("--cpus-per-trial", type=click.FloatRange(0, min_open=True), help="CPUs of each worker.")
@click.option("--gpus-per-trial", type=click.FloatRange(0), help="GPUs of each worker; a fraction shares one.")
@click.option("--max-concurrent", type=click.IntRange(1), help="Trials at a time, at most.")
def ablate(
    space: Path,
    data_name: str,
    epochs: int | None,
    seeds: int | None,
    overrides: tuple[str, ...],
    workers: int,
    out: Path,
    address: str | None,
    cpus_per_trial: float | None,
    gpus_per_trial: float | None,
    max_concurrent: int | None,
) -> int:
    """Train every trial of a study that is not finished yet, and write the leaderboard.

    Finished trials are kept whatever happens; the same command again trains only what is missing.
    """
    console = _console()
    plan = _plan(space, data_name, epochs, seeds, overrides, workers)
    ledger, missing = _ledger(plan, out)
    finished = len(plan.jobs) - len(missing)
    console.print(f"study      {plan.study.name}: {_count(plan)}")
    console.print(f"data       {data_name}: {_data(plan)}")
    interrupted = False
    if missing:
        from raysat.tuning import stay_on_loopback

        address = None if address == "local" else address
        if address is None:
            stay_on_loopback()
        from raysat.tuning.run import Options, run

        if finished:
            console.print(f"resuming   {finished} of {len(plan.jobs)} trials are finished already")
        options = Options(
            address=address,
            workers=workers,
            cpus_per_trial=cpus_per_trial,
            gpus_per_trial=gpus_per_trial,
            max_concurrent=max_concurrent,
        )
        summary = run(plan, missing, ledger, options, console)
        interrupted = summary.interrupted
        console.print(f"trained    {plural(summary.finished, 'trial')}, {summary.failed} failed")
    else:
        ledger.write_plan(plan.study.text, plan.to_json())
        console.print(f"nothing to train: all {len(plan.jobs)} trials are finished")
    _report(ledger.root, None, console)
    if interrupted:
        console.print("stopped; the same command goes on from here", style="yellow")
        return 130
    return 0 if all(ledger.is_finished(job.id) for job in plan.jobs) else 1


@cli.command()
@_study_options
def plan(
    space: Path,
    data_name: str,
    epochs: int | None,
    seeds: int | None,
    overrides: tuple[str, ...],
    workers: int,
    out: Path,
) -> None:
    """Show what a study would train and what that would cost, and train nothing."""
    from raysat.plan_view import show_plan

    made = _plan(space, data_name, epochs, seeds, overrides, workers)
    ledger, missing = _ledger(made, out)
    show_plan(made, missing, ledger, _console())


@cli.command()
@click.argument("run", type=_FOLDER)
@click.option("--out", type=_FOLDER, help="Write to OUT/<study>; into the run itself where absent.")
def report(run: Path, out: Path | None) -> None:
    """Write the leaderboard of a run (Markdown, CSV, JSON) and show it."""
    _report(run, out, _console())


def _plan(
    space: Path, data_name: str, epochs: int | None, seeds: int | None, overrides: tuple[str, ...], workers: int
) -> Plan:
    """Read a study, resolve it against its data, and check that every arm can run there."""
    from raysat.data.source import open_data
    from raysat.plan import make_plan
    from raysat.report import reference
    from raysat.space import load_study
    from raysat.training.check import check

    study = load_study(space, overrides=overrides, epochs=epochs, seeds=seeds)
    if study.reference is not None:
        reference.load(study.reference)
    made = make_plan(study, open_data(data_name), data=data_name, workers=workers)
    checked = set()
    for job in made.jobs:
        if job.arm not in checked:
            checked.add(job.arm)
            check(job.trial.config, made.store)
    return made


def _ledger(plan: Plan, out: Path) -> tuple[Ledger, list[Job]]:
    """The ledger of a plan's run, and the jobs that it has no finished record of."""
    from raysat.ledger import Ledger

    ledger = Ledger(out / plan.study.name)
    return ledger, [job for job in plan.jobs if not ledger.is_finished(job.id)]


def _report(run: Path, out: Path | None, console: Console) -> None:
    from raysat.report.run import report as write_report
    from raysat.report.terminal import render

    board, files = write_report(run, out)
    console.print()
    console.print(render(board))
    console.print()
    for file in files:
        console.print(f"wrote {file}", style="dim")


def _console() -> Console:
    """A console that takes text as it is; in a pipe, wide enough for a whole leaderboard."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 120
    return console


def _count(plan: Plan) -> str:
    arms, seeds = len(plan.study.arms), len(plan.study.seeds)
    same = f", {len(plan.jobs)} of them different" if len(plan.jobs) < plan.trials else ""
    return f"{plural(arms, 'arm')} x {plural(seeds, 'seed')} = {plural(plan.trials, 'trial')}{same}"


def _data(plan: Plan) -> str:
    store = plan.store
    sizes = [f"{len(store.indices(split))} {split}" for split in ("train", "val", "test") if len(store.indices(split))]
    return f"{' / '.join(sizes)} patches, {len(store.bands)} bands, {len(store.classes)} classes"


def main() -> None:
    """Run the command: errors made on purpose end as one clear message, never as a traceback."""
    debug = "--debug" in sys.argv
    try:
        code = cli.main(args=[word for word in sys.argv[1:] if word != "--debug"], standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        click.echo("stopped; the same command goes on from what is finished", err=True)
        code = 130
    except RaysatError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        code = error.exit_code
        if debug:
            traceback.print_exc()
    except Exception as error:  # noqa: BLE001  (the last line of defence: a traceback is for --debug)
        click.echo(f"error: unexpected {type(error).__name__}: {error}", err=True)
        click.echo("hint: this is a bug in raysat; run again with --debug for the traceback, and report it", err=True)
        code = 1
        if debug:
            traceback.print_exc()
    sys.exit(code if isinstance(code, int) else 0)

"""The ``raysat tune`` command: search for hyperparameters, and write the study that confirms what it found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raysat.cli.console import console, stopped
from raysat.cli.options import (
    FILE,
    data_option,
    describe_store,
    machine_options,
    out_option,
    set_option,
    workers_option,
)
from raysat.cli.signals import terminable
from raysat.formatting import plural

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.execution.cluster_options import ClusterOptions
    from raysat.search.load import Search
    from raysat.search.log import Log
    from raysat.storage.ledger import Ledger


@click.command()
@click.option("--space", type=FILE, required=True, help="The search, a YAML file.")
@data_option
@click.option("--epochs", type=int, help="Epochs of every candidate; points in training follow.")
@set_option
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Trains every candidate; by default the file's.")
@click.option("--trials", type=click.IntRange(2), help="Candidates in all, the base among them.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="Begin no candidate after so long.")
@workers_option
@out_option
@machine_options
def tune(
    space: Path,
    data: str,
    epochs: int | None,
    overrides: tuple[str, ...],
    seed: int | None,
    trials: int | None,
    hours: float | None,
    workers: int,
    out: Path,
    cluster: ClusterOptions,
) -> int:
    """Search for hyperparameters that beat a base configuration on the val split; the test split decides nothing.

    Writes OUT/<study>/best.yaml, a study of the base and the best, for a paired confirmation with raysat ablate. The
    same command again resumes from what was tried, until the budget is spent.
    """
    from raysat.execution.hpo.prepare import prepare_search
    from raysat.search.load import load_search

    search = load_search(space, overrides=overrides, epochs=epochs, seed=seed, trials=trials, hours=hours)
    prepared = prepare_search(search, data=data, out=out, cluster=replace(cluster, workers=workers))
    log, interrupted = prepared.log, False
    screen = console()
    screen.print(f"search     {search.name}: {_describe(search)}")
    screen.print(f"data       {data}: {describe_store(prepared.store)}")
    if log.left(search.options.budget):
        from raysat.execution.hpo.run import tune as run
        from raysat.views.run import RunView

        if log.ended:
            screen.print(f"resuming   {plural(len(log.ended), 'candidate')} tried already")
        with terminable():
            result = run(prepared, RunView(screen))
        log, interrupted = result.log, result.interrupted
        if result.exhausted:
            tried = plural(len(log.candidates), "candidate")
            screen.print(f"the space is exhausted: no new configuration after {tried}")
    else:
        screen.print(f"nothing to train: the budget is spent on {plural(len(log.candidates), 'candidate')}")
    _report(search, log, prepared.ledger, screen)
    if interrupted:
        return stopped(screen)
    return 0 if any(candidate.val for candidate in log.candidates) else 1


def _describe(search: Search) -> str:
    options = search.options
    spent = [plural(options.budget.trials, "candidate")] if options.budget.trials else []
    spent += [f"{options.budget.hours:g} h"] if options.budget.hours else []
    stop = "" if options.pruner.kind == "none" else f", early stopping by {options.pruner.kind}"
    what = plural(len(search.parameters), "parameter")
    return f"{what}, at most {' or '.join(spent)}, sampler {options.sampler.kind}{stop}"


def _report(search: Search, log: Log, ledger: Ledger, screen: Console) -> None:
    """Show what was found and write it down."""
    from raysat.files import write_atomic
    from raysat.reporting.figures.search import search_png
    from raysat.reporting.format.search import search_blocks
    from raysat.reporting.render.frames import search_frame, to_csv
    from raysat.reporting.render.terminal import Blocks
    from raysat.search.confirm import best_candidates, confirming_study

    failures = [ledger.read_failure(candidate.job) for candidate in log.candidates if candidate.state == "failed"]
    screen.print()
    errors = {failure.id: failure.error for failure in failures if failure}
    screen.print(Blocks(search_blocks(search, log, errors)))
    screen.print()
    files: dict[str, str | bytes] = {
        "search.csv": to_csv(search_frame(search, log)),
        "search.png": search_png(search, log),
    }
    if any(candidate.val for candidate in log.candidates):
        files["best.yaml"] = confirming_study(search, log)
    for name, content in files.items():
        write_atomic(ledger.root / name, content)
        screen.print(f"wrote {ledger.root / name}", style="dim")
    if best_candidates(search, log):
        screen.print(f"confirm it with: raysat ablate --space {ledger.root / 'best.yaml'} --data {log.data}")

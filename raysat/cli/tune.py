"""The ``raysat tune`` command: search for hyperparameters, and write the study that confirms what it found."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command, under
from raysat.cli.console import aside, console, follow
from raysat.cli.numbers import Decimal, Whole
from raysat.cli.options import (
    data_option,
    describe_store,
    load_plugins,
    machine_options,
    out_option,
    plugin_option,
    set_option,
    training_options,
    workers_option,
)
from raysat.cli.signals import INTERRUPTED
from raysat.cli.space import space_option
from raysat.cli.tracker_options import track_option
from raysat.config import limits
from raysat.formatting import plural

if TYPE_CHECKING:
    from raysat.execution.cluster_options import ClusterOptions
    from raysat.files import AnyPath
    from raysat.search.load import Search
    from raysat.tracking.models import TrackerKind


@command(
    "raysat tune --space search.yaml --trials 30",
    "raysat tune --space search.yaml --data STORE --hours 8",
    short="Search for hyperparameters that beat a base",
)
@under(
    "Search",
    space_option("search", "hpo"),
    data_option,
    click.option(
        "--epochs",
        type=Whole(1, limits.EPOCHS),
        help="Epochs of each candidate; points in training follow, second stages keep theirs.",
    ),
    set_option,
    plugin_option,
    click.option("--seed", type=Whole(0, 2**32 - 1), help="Trains every candidate; by default the file's."),
    click.option("--trials", type=Whole(2, limits.CANDIDATES), help="Candidates in all, the base among them."),
    click.option("--hours", type=Decimal(0.001, limits.HOURS), help="Begin no candidate after so long."),
    workers_option,
    out_option,
)
@machine_options
@training_options
@track_option
def tune(
    space: AnyPath,
    data: str,
    epochs: int | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
    seed: int | None,
    trials: int | None,
    hours: float | None,
    workers: int,
    out: AnyPath,
    cluster: ClusterOptions,
    track: tuple[TrackerKind, ...],
) -> int:
    """Search for hyperparameters that beat a base configuration on the val split; the test split decides nothing.

    Writes OUT/<study>/best.yaml, a study of the base and the best, for a paired confirmation with raysat ablate. The
    same command again resumes from what was tried, until the budget is spent.
    """
    load_plugins(plugins)
    from raysat.search.load import load_search
    from raysat.study.load import parse_settings

    overrides = parse_settings(settings)
    search = load_search(space, overrides=overrides, epochs=epochs, seed=seed, trials=trials, hours=hours)
    from raysat.api.searches import tune as run  # after the search, so that a mistake there is said at once
    from raysat.api.stores import open_store
    from raysat.api.tracking import trackers
    from raysat.config.plugins.use import changed_plugins
    from raysat.execution.events import to_all

    store, screen, told = open_store(data), console(), aside()
    told.print(f"search     {search.name}: {_describe(search)}")
    told.print(f"data       {data}: {describe_store(store)}")
    with trackers(out / search.name, track) as tracking:
        on_event, machines = to_all(follow(), tracking), replace(cluster, workers=workers)
        found = run(search, data, out=out, cluster=machines, on_event=on_event)
        tracked = tracking.end(interrupted=found.interrupted)
    if found.exhausted:
        tried = plural(len(found.log.candidates), "candidate")
        told.print(f"the space is exhausted: no new configuration after {tried}")
    told.print()
    found.show(screen)
    told.print()
    for file in found.files:
        told.print(f"wrote {file}", style="dim")
    for each in tracked:
        each.show(screen)
    for line in changed_plugins():
        told.print(line, style="yellow")
    if found.can_be_confirmed:
        files = "".join(f" --plugin {shlex.quote(file)}" for file in plugins)
        told.print(f"confirm it with: raysat ablate --space {found.path / 'best.yaml'} --data {data}{files}")
    if found.interrupted:
        return INTERRUPTED
    return 0 if found.best else 1


def _describe(search: Search) -> str:
    options = search.options
    spent = [plural(options.budget.trials, "candidate")] if options.budget.trials else []
    spent += [f"{options.budget.hours:g} h"] if options.budget.hours else []
    stop = "" if options.pruner.kind == "none" else f", early stopping by {options.pruner.kind}"
    what = plural(len(search.parameters), "parameter")
    return f"{what}, at most {' or '.join(spent)}, sampler {options.sampler.kind}{stop}"

"""The commands on a run's folder: ``raysat status``, ``raysat logs`` and ``raysat ledger``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command, group
from raysat.cli.completers import arms_of_run
from raysat.cli.console import console, progress_bar, waiting
from raysat.cli.documents import json_option, write
from raysat.cli.numbers import Whole
from raysat.cli.options import plugins_loaded
from raysat.cli.places import FOLDER
from raysat.errors import UsageError
from raysat.formatting import data_size, plural

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat status runs/study --watch",
    short="Show how far a run or a search is",
)
@click.argument("run", type=FOLDER)
@click.option("--all", "everything", is_flag=True, help="List every arm and failure; otherwise one page.")
@click.option("--watch", "watching", is_flag=True, help="Look again every two seconds, until the run ends.")
@json_option
@plugins_loaded
def status(run: AnyPath, everything: bool, watching: bool, as_json: bool) -> None:
    """Show how far a run or a search is, from any machine that sees its folder: done, running, failed, missing.

    With --json --watch a document a line, whenever something has changed.
    """
    from raysat.views.status import look_at  # not the API, whose frames and reports take longer to import than this

    look = partial(look_at, run, everything=everything)
    if as_json:
        if watching:
            from raysat.cli.watching import watch_documents

            watch_documents(look, partial(write, line=True))
        else:
            write(look().document())
    elif watching:
        from raysat.cli.watching import watch

        watch(look, console())
    else:
        look().show(console())


@command(
    "raysat logs runs/study --arm LDAM --seed 0",
    short="Show what happened to a run's trials",
)
@click.argument("run", type=FOLDER)
@click.option(
    "--arm",
    shell_complete=arms_of_run,
    help="What happened to its trials alone; or to a candidate, or a generator, of this name.",
)
@click.option("--seed", type=Whole(0, 2**32 - 1), help="What happened to trials with this seed alone.")
@json_option
def logs(run: AnyPath, arm: str | None, seed: int | None, as_json: bool) -> None:
    """Show what happened in a run or a search: when and on which machine each trial began, ended, failed, and why.

    The same is in RUN/events, as lines of JSON.
    """
    from raysat.files import folder_entries
    from raysat.search.log import read_log
    from raysat.storage.event_log import FOLDER as EVENTS
    from raysat.storage.ledger import Ledger
    from raysat.storage.trial_events import events_of
    from raysat.views.logs import show_end, show_events

    ledger = Ledger(run)
    if not folder_entries(run / EVENTS) and read_log(run) is None:
        Ledger.open(run)  # an error where it is no run
    screen, events = console(), events_of(ledger, arm, seed)
    of_one = (arm is not None or seed is not None) and len({event.trial for event in events}) == 1
    last = events[-1] if of_one else None
    failure = ledger.read_failure(last.trial) if last and last.trial and last.event == "failed" else None
    if as_json:
        from raysat.views.json.ledger import logs_document

        write(logs_document(run, events, failure))
        return
    if not events:
        screen.print("nothing has happened yet")
    show_events(events, screen)
    if last is not None:
        show_end(last, failure, screen)


@group()
def ledger() -> None:
    """Look after the records of a run."""


@ledger.command(
    short_help="Check a run's records against their checksums", examples=["raysat ledger verify runs/study"]
)
@click.argument("run", type=FOLDER)
@json_option
def verify(run: AnyPath, as_json: bool) -> int:
    """Check a run's records: checksums, metrics against predictions, orphans, half-written leftovers.

    An orphan is a whole record that the study did not ask for when it ran last, such as that of an arm taken out: it is
    used again when the arm comes back, and is no error.
    """
    from raysat.storage.ledger import Ledger
    from raysat.storage.verify import verify as look_over

    with waiting("reading records"):
        found = look_over(Ledger.open(run))
    if as_json:
        from raysat.views.json.ledger import verify_document

        write(verify_document(run, found))
        return 1 if found.wrong else 0
    screen = console()
    for finding in found.findings:
        style = "red" if finding.kind == "damaged" else ""
        screen.print(f"{finding.kind:<10} {finding.path}: {finding.what}", style=style)
    screen.print(f"whole      {plural(found.whole, 'record')}")
    if found.wrong:
        screen.print("raysat ledger gc --delete deletes what is damaged or left over; the study makes it again")
    return 1 if found.wrong else 0


@ledger.command(short_help="Say what is of no use, and delete it", examples=["raysat ledger gc runs/study --delete"])
@click.argument("place", type=FOLDER, metavar="RUN|CACHE")
@click.option("--run", "runs", type=FOLDER, multiple=True, help="Of a cache: what this run refers to stays; repeat it.")
@click.option("--orphans", is_flag=True, help="Whole records too that the study, or no --run, asks for.")
@click.option("--delete", is_flag=True, help="Delete it; otherwise it is only said.")
@json_option
def gc(place: AnyPath, runs: tuple[AnyPath, ...], orphans: bool, delete: bool, as_json: bool) -> None:
    """Say what of a run or a cache is of no use and what that would free; with --delete, delete it.

    That is what is damaged or half-written, attempts that others finished first, checkpoints and failures of finished
    trials; the study makes again what it asks for. Nothing of a run is deleted while another raysat fills it.
    """
    from raysat.storage.cache import Cache, is_cache
    from raysat.storage.garbage import collect_cache, collect_run
    from raysat.storage.ledger import Ledger

    with waiting("looking"):
        if is_cache(place):
            found = collect_cache(Cache(place), [Ledger.open(run) for run in runs], orphans=orphans, delete=delete)
        elif runs:
            raise UsageError("--run says whose work stays in a cache", hint=f"{place} is none: leave it out")
        else:
            found = collect_run(Ledger.open(place), orphans=orphans, delete=delete)
    if as_json:
        from raysat.views.json.ledger import gc_document

        write(gc_document(place, found))
        return
    screen = console()
    for kind in found.kinds:
        screen.print(f"{data_size(kind.size):>10}  {kind.number:,} x {kind.what}")
    if found.orphans:
        kept = found.orphans
        screen.print(f"kept: {plural(kept.number, 'orphan')}, {data_size(kept.size)}; --orphans counts these too")
    total = data_size(found.size)
    if not found.kinds:
        screen.print("nothing is of no use")
    else:
        screen.print(f"{total:>10}  deleted" if delete else f"{total:>10}  in all; --delete deletes it")


@ledger.command(
    short_help="Copy a run home, or into an object store", examples=["raysat ledger copy s3://BUCKET/runs/study runs"]
)
@click.argument("run", type=FOLDER)
@click.argument("out", type=FOLDER)
@json_option
def copy(run: AnyPath, out: AnyPath, as_json: bool) -> int:
    """Copy a run to OUT/<its name>: home from an object store, up into one, or from disk to disk.

    Every file is checked by its hash on the way. What is there is not copied again, so the same command goes on where
    an earlier one ended. Checkpoints stay where they are; generated patches of the run go to OUT/generated.
    """
    from raysat.api.runs import open_run
    from raysat.search.log import read_log
    from raysat.storage.copying import copy_run
    from raysat.storage.ledger import Ledger

    source = open_run(run).ledger if read_log(run) is None else Ledger(run)
    with progress_bar() as bar:
        copied = copy_run(source, out, lambda what, done, total: bar(f"copying {what}", done, total))
    if as_json:
        from raysat.views.json.ledger import copy_document

        write(copy_document(run, copied))
        return 1 if copied.damaged else 0
    screen = console()
    for fault in copied.damaged:
        screen.print(f"left out   {fault}", style="red")
    patches = f", patches of {plural(copied.generators, 'generator')}" if copied.generators else ""
    there = f"; {plural(copied.kept, 'record')} were there" if copied.kept else ""
    screen.print(f"copied     {plural(copied.records, 'record')}{patches} to {copied.path}{there}")
    return 1 if copied.damaged else 0

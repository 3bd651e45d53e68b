"""Shows a run as it goes: one live table, or plain lines where the output is not a terminal."""

from __future__ import annotations

import math
import time
from functools import partial
from itertools import islice
from typing import Final, assert_never

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raysat.execution.events import (
    CacheFault,
    Connected,
    Ended,
    Event,
    FromCache,
    GpuShared,
    NoDashboard,
    NodeLost,
    NodeUnfit,
    Notice,
    Progress,
    Resized,
    Resumed,
    Retrying,
    Started,
    Waiting,
)
from raysat.execution.messages import State
from raysat.execution.row import Row
from raysat.execution.run_state import RunState
from raysat.execution.store_news import Copying, ReadingByRange, StoreNews
from raysat.formatting import data_size, duration, one_line, plural
from raysat.planning.jobs import GenerateJob
from raysat.views.screen import can_redraw

_STYLE: Final = {
    State.WAITING: "yellow",
    State.STARTING: "dim",
    State.TRAINING: "cyan",
    State.DONE: "green",
    State.STOPPED: "dim",
    State.FAILED: "bold red",
}
_SHOWN: Final = 8  # ended trials that stay in view
_MOST: Final = 40  # that train: more than a terminal has lines for
_COPYING_S: Final = 5.0  # between two lines on a copy
_QUIET_S: Final = 30.0  # plain output: at most one line of progress in so many seconds, besides ended trials


class RunView:
    """Shows the events of a run on a console: give it as ``on_event``.

    Where the console is no terminal, trials that train have at most one line together in ``every_s`` seconds.
    """

    def __init__(self, console: Console, *, every_s: float = _QUIET_S) -> None:
        self._console, self._every_s = console, every_s
        self._run: Started | None = None
        self._live: Live | None = None
        self._last_line = 0.0
        self._last_copied = -math.inf
        self._by_range: set[str] = set()  # machines

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Resumed():
                self._print_resumed(event)
            case (
                FromCache()
                | CacheFault()
                | Waiting()
                | Connected()
                | NoDashboard()
                | GpuShared()
                | Resized()
                | NodeLost()
                | NodeUnfit()
                | Retrying()
            ):
                if line := _line_of(event):
                    is_bad = isinstance(event, CacheFault | NodeLost | NodeUnfit | Retrying)
                    self._console.print(line, style="yellow" if is_bad else "dim")
            case Copying() | ReadingByRange():
                self._print_store(event)
            case Started():
                self._console.print(_using(event), style="dim")
                self._run, self._last_line = event, event.state.elapsed
                if can_redraw(self._console):
                    table = partial(run_table, event)
                    self._live = Live(get_renderable=table, console=self._console, transient=True)
                    self._live.start()
            case Progress(row=row):
                if self._run and row and not self._live:
                    self._print_line(self._run, row)
            case Ended():
                if self._live:
                    self._live.stop()
                if self._run:
                    self._print_done(self._run.state)
            case _:
                assert_never(event)

    def _print_store(self, event: StoreNews) -> None:
        """Print how far a store is copied, at once and then now and then; once a machine, that it does not fit."""
        size, machine, now = data_size(event.total), event.node or "this machine", time.monotonic()
        if isinstance(event, Copying):
            if now - self._last_copied >= _COPYING_S:
                self._last_copied = now
                share = 100 * event.done // max(1, event.total)
                self._console.print(f"copying    {share} % of {size} of patches to {machine}", style="dim")
        elif machine not in self._by_range:  # each of its jobs says so
            self._by_range.add(machine)
            line = f"reading    by range: {size} of patches do not fit the cache of {machine}"
            self._console.print(line, style="yellow")

    def _print_resumed(self, event: Resumed) -> None:
        if event.finished == event.total:
            self._console.print(f"nothing to do: all {plural(event.total, event.noun)} are finished")
        elif event.finished:
            of = plural(event.finished, event.noun)
            of = of if event.total is None else f"{event.finished:,} of {plural(event.total, event.noun)}"
            self._console.print(f"resuming   {of} are finished already")

    def _print_done(self, state: RunState) -> None:
        done, failed = state.count(State.DONE), state.count(State.FAILED)
        self._console.print(f"done       {plural(done, 'job')}, {failed} failed")

    def _print_line(self, run: Started, row: Row) -> None:
        """Print a plain line for a trial that ended, and now and then for one that trains."""
        state = run.state
        is_news = row.state == State.TRAINING and state.elapsed - self._last_line > self._every_s
        if not (row.has_ended or is_news):
            return
        self._last_line = state.elapsed
        name, seed, status, progress, balanced_accuracy, icv = _cells(row)
        if isinstance(row.item, GenerateJob):
            line = f"{name}  {status}  step {progress}"
        else:
            line = f"{name}  seed {seed}  {status}  epoch {progress}  "
            line += f"{_split(run)}balanced accuracy {balanced_accuracy}, ICV {icv}"
        self._console.print(f"{state.ended:>4}/{state.total}  {line}  ETA {_eta(state)}")


def run_table(run: Started) -> RenderableType:
    """A table of all that trains and what ended last, and the time left."""
    state = run.state
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("job", "seed", "state", "epoch", f"{_split(run)}bal. acc.", f"{_split(run)}ICV"):
        table.add_column(name, justify="left" if name in ("job", "state") else "right", overflow="ellipsis")
    for row in [*state.last_ended(_SHOWN), *islice(state.open_rows, _MOST)]:
        name, seed, status, *numbers = _cells(row)
        table.add_row(*map(Text, (name, seed)), Text(status, style=_STYLE[row.state]), *map(Text, numbers))
    if (more := len(state.open_rows) - _MOST) > 0:
        table.add_row(Text(f"... {more} more", style="dim"))
    failed = state.count(State.FAILED)
    summary = [f"{state.ended - failed}/{state.total} jobs done", f"{state.running} running"]
    summary += [f"{state.waiting} wait for nodes"] if state.waiting else []
    summary += [f"{failed} failed"] if failed else []
    summary += [f"{duration(state.elapsed)} elapsed", f"ETA {_eta(state)}"]
    return Group(table, Text("  ".join(summary), style="dim"))


def _using(run: Started) -> str:
    worker = f"{run.cpus:g} CPU" + (f" + {run.gpus:g} GPU" if run.gpus else "")
    group = f"{run.workers} workers of {worker}" if run.workers > 1 else worker
    more = f"; up to {run.most} as nodes join" if run.most > run.slots else ""
    return f"running    {plural(run.slots, 'job')} at a time, {group} each{more}"


def _line_of(event: Notice) -> str | None:
    """One line, if there is anything to say."""
    match event:
        case FromCache(cache=cache, trials=trials, total=total, generators=generators, others=others):
            patches = f", patches of {plural(generators, 'generator')}" if generators else ""
            made = f"; some were made by {one_line(', '.join(others))}" if others else ""
            return f"cache      {trials:,} of {plural(total, 'trial')}{patches} from {cache}{made}"
        case CacheFault(cache=cache, error=error, taking=taking):
            after = "what is missing is trained" if taking else "the same command again offers what is finished"
            return f"cache      {cache} cannot be {'read' if taking else 'written'}: {error}; {after}"
        case Waiting(reason=reason):
            return f"waiting    {reason}"
        case Connected(dashboard=dashboard, token=token):
            where = f", its token in {token}" if token else ""
            return f"dashboard  {dashboard}{where}" if dashboard else None
        case NoDashboard():
            return "dashboard  did not start; the run goes on without it"
        case GpuShared(choice=choice):
            return f"GPU        {choice}"
        case Resized(slots=slots):
            return f"nodes      {plural(slots, 'job')} at a time now"
        case NodeLost(node=node, jobs=jobs):
            return f"lost node  {node}: {'1 job goes' if jobs == 1 else f'{jobs} jobs go'} back to the queue"
        case NodeUnfit(node=node, reason=reason):
            return f"unfit node {one_line(f'{node}: {reason}')}; it gets no more jobs of this run"
        case Retrying(name=name, seed=seed, reason=reason):
            return f"retrying   {name}{'' if seed is None else f', seed {seed}'}: {reason}"


def _split(run: Started) -> str:
    return f"{run.validation_split} " if run.validation_split else ""


def _eta(state: RunState) -> str:
    seconds = state.seconds_left()
    return "–" if seconds is None else duration(seconds)


def _cells(row: Row) -> tuple[str, ...]:
    """Name, seed, state, epoch (steps for a generator), balanced accuracy and ICV of a row as text."""
    item, score = row.item, row.score
    return (
        item.name,
        "–" if item.seed is None else str(item.seed),
        row.state,
        f"{row.epoch}/{item.epochs}",
        "–" if score is None else f"{score.balanced_accuracy:.3f}",
        "–" if score is None else f"{score.icv:.3f}",
    )

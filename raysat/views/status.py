"""Shows how far a run or a search is, from its folder alone: what is done, what runs, what failed and is missing."""

from __future__ import annotations

import shlex
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from raysat.formatting import NONE, duration, plural
from raysat.search.log import Log
from raysat.storage.heartbeat import RunningJob, RunStatus, read_status
from raysat.storage.ledger import Ledger
from raysat.storage.lock import holder_of
from raysat.views.table import plain_table

_ALIVE_S = 30.0  # a run writes every two seconds; where its lock cannot be seen, it is taken for dead after this
_ARMS = 20  # of a page
_FAILURES = 5
_STATES = ("done", "running", "failed", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class _LastSeen:
    """How the run that fills a folder was when it was last seen."""

    status: RunStatus | None  # None where there was none yet
    age: float  # seconds since then
    holder: str | None  # of the folder's lock: it may be a newer run that only starts

    @property
    def is_alive(self) -> bool:
        if self.status is None:
            return False
        if self.holder is not None:
            return self.holder == f"pid {self.status.pid} on {self.status.host}"
        elsewhere = self.status.host != socket.gethostname()  # whose locks may not be seen here
        return elsewhere and self.age < _ALIVE_S and self.status.is_unfinished

    @property
    def running(self) -> tuple[RunningJob, ...]:
        return self.status.running if self.status is not None and self.is_alive else ()


def show_status(ledger: Ledger, console: Console, *, everything: bool = False) -> None:
    """Print the status of a run.

    Args:
        ledger: of the run.
        console: where to print.
        everything: all arms; otherwise those that say most, as many as fit a page.

    Raises:
        StorageError: its plan is missing or damaged.
    """
    plan, seen = ledger.read_plan(), _last_seen(ledger)
    running = {job.job for job in seen.running}
    totals: Counter[str] = Counter()
    failures: list[str] = []
    rows: list[tuple[str, Counter[str]]] = []
    for arm in plan.arms:
        counts: Counter[str] = Counter()
        for trial in arm.trials:
            if ledger.is_finished(trial.id):
                counts["done"] += 1
            elif trial.id in running:
                counts["running"] += 1
            elif failure := ledger.read_failure(trial.id):
                counts["failed"] += 1
                failures.append(f"failed     {arm.name}  seed {trial.seed}: {failure.error}")
            else:
                counts["missing"] += 1
        totals += counts
        rows.append((arm.name, counts))
    _show_arms(rows, console, everything=everything)
    console.print()
    console.print(f"study      {plan.study}: {plural(len(plan.arms), 'arm')}, {plural(totals.total(), 'trial')}")
    console.print("trials     " + ", ".join(f"{totals[state]} {state}" for state in _STATES))
    _show_run(seen, console)
    kept = sum(1 for _ in ledger.checkpoints.names())
    if kept and not seen.is_alive:
        console.print(f"kept       {plural(kept, 'checkpoint')}, from which training goes on")
    for line in failures if everything else failures[:_FAILURES]:
        console.print(line, style="red")
    if not everything and len(failures) > _FAILURES:
        console.print(f"... {plural(len(failures) - _FAILURES, 'more failed trial')}: --all shows them", style="dim")
    if not seen.is_alive:
        _show_next(ledger, plan.command, totals, console)


def _show_arms(rows: Sequence[tuple[str, Counter[str]]], console: Console, *, everything: bool) -> None:
    """List arms in the study's order; of very many, those that run or failed, then those that are partly done."""
    table, kept = plain_table("arm", right=_STATES), set(range(len(rows)))
    if not everything and len(rows) > _ARMS:
        telling = [bool(counts["running"] or counts["failed"]) * 2 + (len(counts) > 1) for _, counts in rows]
        kept = set(sorted(kept, key=lambda position: -telling[position])[:_ARMS])
    for position in sorted(kept):
        name, counts = rows[position]
        table.add_row(Text(name), *(str(counts[state] or NONE) for state in _STATES))
    console.print(table)
    if len(kept) < len(rows):
        console.print(f"... {plural(len(rows) - len(kept), 'more arm')}: --all shows them", style="dim")


def _show_next(ledger: Ledger, command: str | None, totals: Counter[str], console: Console) -> None:
    """Say what to do about a run that nobody fills."""
    if totals["done"] == totals.total():
        console.print(f"next       raysat report {shlex.quote(str(ledger.root))} says what helped, and how surely")
    elif command:
        tried = ", and tries what failed again" * bool(totals["failed"])
        console.print(f"next       the command that began it trains what is missing{tried}: {command}")


def show_search(log: Log, ledger: Ledger, console: Console) -> None:
    """Print the status of a search for hyperparameters.

    Args:
        log: what it has tried.
        ledger: of its run.
        console: where to print.
    """
    seen = _last_seen(ledger)
    states = [candidate.state for candidate in log.candidates]
    counts = [f"{states.count(state)} {state}" for state in ("finished", "stopped", "failed", "running")]
    if not seen.is_alive:
        counts[-1] = counts[-1].replace("running", "interrupted")
    console.print(f"search     {log.study}: {plural(len(states), 'candidate')}")
    console.print(f"candidates {', '.join(counts)}")
    best = next((candidate for candidate in log.ranked() if candidate.val is not None), None)
    if best is not None and best.val is not None:
        console.print(f"best       {best.name}: balanced accuracy {best.val.balanced_accuracy:.3f} on val")
    _show_run(seen, console)


def _last_seen(ledger: Ledger) -> _LastSeen:
    status = read_status(ledger.progress)
    age = 0.0 if status is None else max(0.0, time.time() - status.time)
    return _LastSeen(status=status, age=age, holder=holder_of(ledger.root))


def _show_run(seen: _LastSeen, console: Console) -> None:
    starting = seen.holder is not None and not seen.is_alive
    console.print(f"run        {f'{seen.holder}, starting' if starting else _run(seen)}")
    for job in seen.running:
        seed, unit = ("", "step") if job.seed is None else (f"  seed {job.seed}", "epoch")
        console.print(f"running    {job.name}{seed}  {unit} {job.epoch}/{job.epochs}")


def _run(seen: _LastSeen) -> str:
    status = seen.status
    if status is None:
        return "none yet"
    who = f"pid {status.pid} on {status.host}"
    if not seen.is_alive:
        end = "died or was stopped" if status.is_unfinished else "ended"
        return f"not running; the last one ({who}) {end} {duration(seen.age)} ago"
    eta = "" if status.eta_seconds is None else f", ETA {duration(max(0.0, status.eta_seconds - seen.age))}"
    return f"{who}, seen {duration(seen.age)} ago{eta}"

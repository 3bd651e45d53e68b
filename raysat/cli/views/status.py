"""Shows where a run or a search stands, from its folder alone: what is done, what runs, what failed and is missing."""

from __future__ import annotations

import socket
import time

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.formatting import duration, plural
from raysat.search.log import Log
from raysat.storage.heartbeat import RunStatus, read_status
from raysat.storage.ledger import Ledger
from raysat.storage.lock import holder_of

_ALIVE_S = 30.0  # a run writes every two seconds; where its lock cannot be seen, it is taken for dead after this


def show_status(ledger: Ledger, console: Console) -> None:
    """Print the status of a run. Raises LedgerError where its plan is missing or damaged."""
    plan = ledger.read_plan()
    status, age, alive = _seen(ledger)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("arm", overflow="fold")
    for name in ("done", "running", "failed", "missing"):
        table.add_column(name, justify="right", no_wrap=True)
    running = {each.job for each in status.running} if status is not None and alive else set()
    failures: list[tuple[str, int, str]] = []
    counts = dict.fromkeys(("done", "running", "failed", "missing"), 0)
    for arm in plan.arms:
        states = [_state(ledger, trial.id, running) for trial in arm.trials]
        for trial, state in zip(arm.trials, states, strict=True):
            if state == "failed" and (failure := ledger.read_failure(trial.id)):
                failures.append((arm.name, trial.seed, failure.error))
        row = {name: states.count(name) for name in counts}
        for name, count in row.items():
            counts[name] += count
        table.add_row(Text(arm.name), *(str(count) if count else "–" for count in row.values()))
    console.print(table)
    console.print()
    total = sum(counts.values())
    console.print(f"study      {plan.study}: {plural(len(plan.arms), 'arm')}, {plural(total, 'trial')}")
    console.print("trials     " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    _show_run(ledger, status, age, alive=alive, console=console)
    begun = sum(1 for _ in ledger.checkpoints.names())
    if begun and not alive:
        console.print(f"kept       {plural(begun, 'checkpoint')}: the same command goes on from there")
    for arm_name, seed_of, error in failures:
        console.print(f"failed     {arm_name}  seed {seed_of}: {error}", style="red")


def show_search(log: Log, ledger: Ledger, console: Console) -> None:
    """Print the status of a search for hyperparameters."""
    status, age, alive = _seen(ledger)
    states = [candidate.state for candidate in log.candidates]
    counts = [f"{states.count(state)} {state}" for state in ("finished", "stopped", "failed", "running")]
    if not alive:
        counts[-1] = counts[-1].replace("running", "interrupted")
    console.print(f"search     {log.study}: {plural(len(states), 'candidate')}")
    console.print(f"candidates {', '.join(counts)}")
    best = next((each for each in log.ranked() if each.val is not None), None)
    if best is not None and best.val is not None:
        console.print(f"best       {best.name}: balanced accuracy {best.val.balanced_accuracy:.3f} on val")
    _show_run(ledger, status, age, alive=alive, console=console)


def _seen(ledger: Ledger) -> tuple[RunStatus | None, float, bool]:
    """Where the run that fills a folder was when it was last seen, how many seconds ago, and whether it is alive."""
    status = read_status(ledger.progress)
    if status is None:
        return None, 0.0, False
    age = max(0.0, time.time() - status.time)
    if (holder := holder_of(ledger.root)) is not None:
        return status, age, holder == f"pid {status.pid} on {status.host}"  # else a newer one that only starts
    elsewhere = status.host != socket.gethostname()  # whose locks may not be seen here
    return status, age, elsewhere and age < _ALIVE_S and status.is_unfinished


def _show_run(ledger: Ledger, status: RunStatus | None, age: float, *, alive: bool, console: Console) -> None:
    holder = None if alive else holder_of(ledger.root)
    console.print(f"run        {f'{holder}, starting' if holder else _run(status, age, alive=alive)}")
    for each in status.running if status is not None and alive else ():
        seed, unit = ("", "step") if each.seed is None else (f"  seed {each.seed}", "epoch")
        console.print(f"running    {each.name}{seed}  {unit} {each.epoch}/{each.epochs}")


def _state(ledger: Ledger, trial: str, running: set[str]) -> str:
    if ledger.is_finished(trial):
        return "done"
    if trial in running:
        return "running"
    return "failed" if ledger.read_failure(trial) else "missing"


def _run(status: RunStatus | None, age: float, *, alive: bool) -> str:
    if status is None:
        return "none yet"
    who = f"pid {status.pid} on {status.host}"
    if not alive:
        end = "died or was stopped" if status.is_unfinished else "ended"
        return f"not running; the last one ({who}) {end} {duration(age)} ago"
    left = None if status.eta_seconds is None else max(0.0, status.eta_seconds - age)
    return f"{who}, seen {duration(age)} ago" + ("" if left is None else f", ETA {duration(left)}")

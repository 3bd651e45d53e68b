"""Shows how far a run or a search is, from its folder alone: what is done, what runs, what failed and is missing."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from raysat.files import AnyPath, file_exists
from raysat.formatting import NONE, duration, plural
from raysat.search import LOG_FILE
from raysat.storage.ledger import Ledger
from raysat.storage.progress import LastSeen, RunProgress, TrialState, last_seen, read_progress
from raysat.views.table import plain_table

if TYPE_CHECKING:
    from raysat.documents.status import StatusDocument
    from raysat.search.log import Log

_ARMS: Final = 20  # of a page
_FAILURES: Final = 5
_RUNNING: Final = 8
_STATES: Final[tuple[TrialState, ...]] = ("done", "running", "failed", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A run or a search as it is at one moment."""

    line: str  # in short, without times
    is_alive: bool
    is_complete: bool  # nothing is left to do
    show: Callable[[Console], None]
    document: Callable[[], StatusDocument]


def look_at(run: AnyPath, *, everything: bool = False) -> Look:
    """Look how far a run or a search is.

    Args:
        run: its folder.
        everything: all arms are shown.

    Returns:
        What there is to show.

    Raises:
        StorageError: there is no run, or its plan is damaged.
    """
    if (log := _search_log(run)) is not None:
        ledger = Ledger(run)
        return Look(
            line=f"{log.study}: {_candidates(log, last_seen(ledger))}",
            is_alive=last_seen(ledger).is_alive,
            is_complete=False,
            show=lambda console: show_search(log, ledger, console),
            document=lambda: _document_of_search(log, ledger),
        )
    progress = read_progress(Ledger.open(run))
    return Look(
        line=f"{progress.study}: {_trials(progress)}",
        is_alive=progress.last_seen.is_alive,
        is_complete=progress.is_complete,
        show=lambda console: show_status(progress, console, everything=everything),
        document=lambda: _document_of_run(progress),
    )


def _search_log(run: AnyPath) -> Log | None:
    """The log of a search; what reads it is imported for one alone, as a look at a run is to be quick."""
    if not file_exists(run / LOG_FILE):
        return None
    from raysat.search.log import read_log

    return read_log(run)


def _document_of_run(progress: RunProgress) -> StatusDocument:
    from raysat.views.json.status import run_document  # models that a page does without

    return run_document(progress)


def _document_of_search(log: Log, ledger: Ledger) -> StatusDocument:
    from raysat.views.json.status import search_document  # as above

    return search_document(log, ledger)


def _trials(progress: RunProgress) -> str:
    return ", ".join(f"{progress.count(state)} {state}" for state in _STATES)


def _candidates(log: Log, seen: LastSeen) -> str:
    states = [candidate.state for candidate in log.candidates]
    counts = [f"{states.count(state)} {state}" for state in ("finished", "stopped", "failed", "running")]
    if not seen.is_alive:
        counts[-1] = counts[-1].replace("running", "interrupted")
    return ", ".join(counts)


def show_status(progress: RunProgress, console: Console, *, everything: bool = False) -> None:
    """Print how far a run is.

    Args:
        progress: of the run.
        console: where to print.
        everything: all arms; otherwise those that say most, as many as fit a page.
    """
    seen = progress.last_seen
    _show_arms(progress, console, everything=everything)
    console.print()
    arms, trials = plural(len(progress.arms), "arm"), plural(len(progress.trials), "trial")
    console.print(f"study      {progress.study}: {arms}, {trials}")
    console.print(f"trials     {_trials(progress)}")
    _show_run(seen, console, everything=everything)
    if progress.checkpoints and not seen.is_alive:
        console.print(f"kept       {plural(progress.checkpoints, 'checkpoint')}, from which training goes on")
    failed = [trial for trial in progress.trials if trial.error is not None]
    for trial in failed if everything else failed[:_FAILURES]:
        console.print(f"failed     {trial.arm}  seed {trial.seed}: {trial.error}", style="red")
    if not everything and len(failed) > _FAILURES:
        console.print(f"... {plural(len(failed) - _FAILURES, 'more failed trial')}: --all shows them", style="dim")
    if not seen.is_alive:
        _show_next(progress, console)


def _show_arms(progress: RunProgress, console: Console, *, everything: bool) -> None:
    """List arms in the study's order; of very many, those that run or failed, then those that are partly done."""
    counts = progress.by_arm()
    table, kept = plain_table("arm", right=_STATES), set(counts)
    if not everything and len(counts) > _ARMS:
        telling = {arm: bool(of["running"] or of["failed"]) * 2 + (len(of) > 1) for arm, of in counts.items()}
        kept = set(sorted(counts, key=lambda arm: -telling[arm])[:_ARMS])
    for arm, of in counts.items():
        if arm in kept:
            table.add_row(Text(arm), *(str(of[state] or NONE) for state in _STATES))
    console.print(table)
    if len(kept) < len(counts):
        console.print(f"... {plural(len(counts) - len(kept), 'more arm')}: --all shows them", style="dim")


def _show_next(progress: RunProgress, console: Console) -> None:
    """Say what to do about a run that nobody fills."""
    if progress.count("done") == len(progress.trials):
        path = shlex.quote(str(progress.folder))
        console.print(f"next       raysat report {path} says what helped, and how surely")
    elif progress.command:
        tried = ", and tries what failed again" * bool(progress.count("failed"))
        console.print(
            f"next       the command that began it trains what is missing{tried}: {progress.command}{_out(progress)}"
        )


def _out(progress: RunProgress) -> str:
    """The option that names the folder of a run's folder; the command is kept without, since runs are moved."""
    folder = str(progress.folder.parent)
    return "" if not progress.folder.name or folder == "runs" else f" --out {shlex.quote(folder)}"


def show_search(log: Log, ledger: Ledger, console: Console) -> None:
    """Print the status of a search for hyperparameters.

    Args:
        log: what it has tried.
        ledger: of its run.
        console: where to print.
    """
    seen = last_seen(ledger)
    console.print(f"search     {log.study}: {plural(len(log.candidates), 'candidate')}")
    console.print(f"candidates {_candidates(log, seen)}")
    best = next((candidate for candidate in log.ranked() if candidate.val is not None), None)
    if best is not None and best.val is not None:
        console.print(f"best       {best.name}: balanced accuracy {best.val.balanced_accuracy:.3f} on val")
    _show_run(seen, console)


def _show_run(seen: LastSeen, console: Console, *, everything: bool = True) -> None:
    starting = seen.holder is not None and not seen.is_alive
    console.print(f"run        {f'{seen.holder}, starting' if starting else _run(seen)}")
    shown = seen.running if everything else seen.running[:_RUNNING]
    for job in shown:
        seed, unit = ("", "step") if job.seed is None else (f"  seed {job.seed}", "epoch")
        console.print(f"running    {job.name}{seed}  {unit} {job.epoch}/{job.epochs}")
    if more := len(seen.running) - len(shown):
        console.print(f"... {plural(more, 'more running job')}: --all shows them", style="dim")
    if seen.is_alive and seen.status is not None and seen.status.waiting:
        console.print(f"waiting    {plural(seen.status.waiting, 'job')} for nodes")


def _run(seen: LastSeen) -> str:
    status = seen.status
    if status is None:
        return "none yet"
    who = f"pid {status.pid} on {status.host}"
    if not seen.is_alive:
        end = "died or was stopped" if status.is_unfinished else "ended"
        return f"not running; the last one ({who}) {end} {duration(seen.age)} ago"
    eta = "" if status.eta_seconds is None else f", ETA {duration(max(0.0, status.eta_seconds - seen.age))}"
    return f"{who}, seen {duration(seen.age)} ago{eta}"

"""Ray at hand for one run: one Tuner over warm slots, and what becomes of jobs whose worker dies."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.tune
from rich.console import Console

from raysat.data.store import PatchStore
from raysat.errors import LedgerError
from raysat.execution.resources import Options, check_address, connect, fit, no_leftovers
from raysat.execution.slot import Settings, Slot
from raysat.execution.storage_actor import start_keeper
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure


@contextmanager
def session(
    name: str,
    store: PatchStore,
    ledger: Ledger,
    artifacts: Artifacts,
    options: Options,
    console: Console,
    *,
    beside: bool = False,
) -> Iterator[Session]:
    """Hold a run's ledger and have Ray at hand, with all that slots share; ``beside`` as of ``machines.fit``.

    Raises ClusterError, LedgerError.
    """
    check_address(options.address)
    waiting = (lambda who: console.print(f"waiting    {who}", style="dim")) if options.wait else None
    with ledger.lock(waiting), connect(options.address, console), no_leftovers(), _scratch() as scratch, terminable():
        cpus, gpus, slots = fit(ray.nodes(), options, beside=beside)
        settings = Settings(
            keeper=start_keeper(ledger.root, store.path, artifacts.root),
            store=str(store.path.resolve()),
            fingerprint=store.fingerprint,
            generated=str(artifacts.root.resolve()),
            workers=options.workers,
            cpus=cpus,
            gpus=gpus,
        )
        yield Session(
            name=name,
            ledger=ledger,
            console=console,
            settings=settings,
            slots=slots,
            retries=options.retries,
            scratch=scratch,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Ray at hand for one run."""

    name: str
    ledger: Ledger
    console: Console
    settings: Settings
    slots: int  # how many jobs fit at once
    retries: int  # of a job whose worker died or raised what nobody expected
    scratch: Path

    def tune(
        self,
        searcher: ray.tune.search.Searcher,
        *,
        samples: int,
        callbacks: Sequence[ray.tune.Callback],
        scheduler: ray.tune.schedulers.TrialScheduler | None = None,
    ) -> None:
        """Do what a searcher suggests (payloads of ``Task``), up to ``samples`` jobs, in slots that stay warm.

        Raises LedgerError where a record cannot be written.
        """
        slots = max(1, min(self.slots, samples))
        self.console.print(_using(slots, self.settings), style="dim")
        trainable = ray.tune.with_parameters(Slot, settings=self.settings)
        halt = _Halt()
        ray.tune.Tuner(
            ray.tune.with_resources(trainable, self.settings.reserved()),
            tune_config=ray.tune.TuneConfig(
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=samples,
                max_concurrent_trials=slots,
                reuse_actors=True,
            ),
            run_config=ray.tune.RunConfig(
                name=self.name,
                storage_path=str(self.scratch),
                verbose=0,
                callbacks=[*callbacks, _Deaths(self.ledger)],
                failure_config=ray.tune.FailureConfig(max_failures=self.retries),
                stop=halt,
            ),
        ).fit()
        if halt.error:
            raise halt.error


class _Halt(ray.tune.Stopper):  # type: ignore[misc]  # ray ships no types
    """Stops the run once a record cannot be written."""

    error: LedgerError | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        if result.get("state") == "halted":
            self.error = LedgerError(result["error"], hint=result["hint"])
        return False

    def stop_all(self) -> bool:
        return self.error is not None


class _Deaths(ray.tune.Callback):  # type: ignore[misc]  # ray ships no types
    """Records the jobs whose worker died, or raised what nobody expected, once too often."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        # trial.get_error() reads the copy in storage, which is not there yet.
        file = Path(trial.error_file or "")
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        error, hint = explain(text)
        job = trial.config
        for id_ in [each["id"] for each in job["trials"]] if job["kind"] == "train" else [job["job"]]:
            if not self._ledger.is_finished(id_):
                failure = Failure(id=id_, error=error, hint=hint, traceback=text or None, time=time.time())
                self._ledger.write_failure(failure)


def explain(text: str) -> tuple[str, str]:
    """Say in a line what ended a worker, given Tune's account of its attempts, and what to do about it."""
    text = text.rpartition("Failure #")[2]  # the last one
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    error = next((line for line in reversed(lines) if "died" in line), lines[-1] if lines else "the worker died")
    if "OutOfMemoryError" in text and "CUDA" in text:
        return f"the GPU's memory is full: {error}", (
            "lower optim.batch_size, or give each trial a larger share of a GPU with --gpus-per-trial"
        )
    if "died" in error or not lines:
        return error, "out of memory, or a lost machine? See the dashboard's logs; the same command tries again"
    return error, "an error that raysat does not know; its record holds the traceback. The same command tries again"


def _using(slots: int, settings: Settings) -> str:
    each = f"{settings.cpus:g} CPU" + (f" + {settings.gpus:g} GPU" if settings.gpus else "")
    group = f"{settings.workers} workers of {each}" if settings.workers > 1 else each
    return f"running    {slots} job{'s' * (slots != 1)} at a time, {group} each"


@contextmanager
def terminable() -> Iterator[None]:
    """Treat SIGTERM, as of a spot machine that is taken away, like Ctrl-C: the run ends in order, to be gone on with.

    Each epoch's checkpoint is on disk by then. Ray sets a handler of its own when it starts; so this comes after.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for Tune's own files, which nothing reads again."""
    path = Path(tempfile.mkdtemp(prefix="raysat-tune-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)

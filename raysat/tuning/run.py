"""Runs jobs on Ray: one Tuner over warm slots, until every job is finished or recorded as failed."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.tune
from rich.console import Console

from raysat.artifacts import Artifacts
from raysat.data.store import PatchStore
from raysat.errors import LedgerError
from raysat.jobs import GenerateJob, Job, TrainJob
from raysat.ledger import Failure, Ledger
from raysat.plan import Plan
from raysat.spec import Model
from raysat.training.model_names import check_name
from raysat.training.models import check_cosine, fetch_pretrained
from raysat.tuning.keeper import start_keeper
from raysat.tuning.machines import Options, check_address, connect, fit, no_leftovers
from raysat.tuning.progress import Progress
from raysat.tuning.searcher import PlanSearcher
from raysat.tuning.trainable import Settings, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a run ended."""

    finished: int
    failed: int
    interrupted: bool


def run(
    plan: Plan, jobs: Sequence[Job], ledger: Ledger, artifacts: Artifacts, options: Options, console: Console
) -> Summary:
    """Write the plan, do those of its jobs that are given, and write their records.

    Raises:
        PlanError: a model that timm does not know.
        TrainingError: pretrained weights that cannot be had.
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        LedgerError: another raysat runs this study in the same place; or a record cannot be written (no space left,
            say): the run stops, finished records stay.
    """
    check_models([job.trial.config.model for job in jobs if isinstance(job, TrainJob)])
    if plan.generate:
        artifacts.check_writable()
    with session(
        plan.study.name, plan.store, ledger, artifacts, options, console, beside=bool(plan.generate)
    ) as active:
        ledger.write_plan(plan.study.text, plan.to_json())
        return _run(active, jobs, finished_before=len(plan.jobs) + len(plan.generate) - len(jobs))


def generate(
    jobs: Sequence[GenerateJob],
    store: PatchStore,
    ledger: Ledger,
    artifacts: Artifacts,
    options: Options,
    console: Console,
) -> Summary:
    """Do generate jobs alone; the ledger holds lock and failures. Raises ClusterError and LedgerError as ``run``."""
    artifacts.check_writable()
    with session("generate", store, ledger, artifacts, options, console, beside=True) as active:
        return _run(active, jobs, finished_before=0)


def check_models(models: Sequence[Model]) -> None:
    """Refuse models that cannot be built, before Ray starts. Raises PlanError, TrainingError."""
    for name in sorted({model.name for model in models}):
        check_name(name)
    for name in sorted({model.name for model in models if model.classifier == "cosine"}):
        check_cosine(name)
    for name in sorted({model.name for model in models if model.pretrained}):
        fetch_pretrained(name)


def _run(active: Session, jobs: Sequence[Job], *, finished_before: int) -> Summary:
    blocked: list[tuple[TrainJob, str]] = []
    for each in jobs:
        active.ledger.clear_failure(each.id)  # of an earlier run
    try:
        with Progress(jobs, active.console, finished_before=finished_before) as progress:

            def give_up(job: TrainJob, need: str) -> None:
                blocked.append((job, need))
                progress.give_up(job)

            active.tune(PlanSearcher(jobs, give_up), samples=len(jobs), callbacks=[progress])
    finally:  # only now is every cause on record: Tune tells the searcher of a death before anybody else
        for job, need in blocked:
            active.ledger.write_failure(_blocked(job, need, jobs, active.ledger))
    finished, failed = len(progress.finished), len(progress.failed)
    return Summary(finished=finished, failed=failed, interrupted=finished + failed < len(jobs))


def _blocked(job: TrainJob, need: str, jobs: Sequence[Job], ledger: Ledger) -> Failure:
    """The record of a trial whose generator failed."""
    generator = next(each for each in jobs if each.id == need)
    cause = ledger.read_failure(need)
    return Failure(
        id=job.id,
        error=f"it needs the job {generator.name!r}, which failed" + (f": {cause.error}" if cause else ""),
        hint=cause.hint if cause else None,
        time=time.time(),
    )


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
    with ledger.lock(), connect(options.address, console), no_leftovers(), _scratch() as scratch:
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
        yield Session(name=name, ledger=ledger, console=console, settings=settings, slots=slots, scratch=scratch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Ray at hand for one run."""

    name: str
    ledger: Ledger
    console: Console
    settings: Settings
    slots: int  # how many jobs fit at once
    scratch: Path

    def tune(
        self,
        searcher: ray.tune.search.Searcher,
        *,
        samples: int,
        callbacks: Sequence[ray.tune.Callback],
        scheduler: ray.tune.schedulers.TrialScheduler | None = None,
    ) -> None:
        """Do what a searcher suggests (``Job.payload``), up to ``samples`` jobs, in slots that stay warm.

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
                failure_config=ray.tune.FailureConfig(max_failures=1),  # a preempted worker is no failed trial
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
    """Records the jobs whose worker died twice: nothing was left there to do so."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        # trial.get_error() reads the copy in storage, which is not there yet.
        file = Path(trial.error_file or "")
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        error = next((line for line in reversed(lines) if "died" in line), lines[-1] if lines else "the worker died")
        self._ledger.write_failure(
            Failure(
                id=trial.config["job"],
                error=error.removeprefix("RuntimeError: "),
                hint="out of memory, or a lost machine? See the dashboard's logs; the same command tries again",
                traceback=text or None,
                time=time.time(),
            )
        )


def _using(slots: int, settings: Settings) -> str:
    each = f"{settings.cpus:g} CPU" + (f" + {settings.gpus:g} GPU" if settings.gpus else "")
    group = f"{settings.workers} workers of {each}" if settings.workers > 1 else each
    return f"running    {slots} job{'s' * (slots != 1)} at a time, {group} each"


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for Tune's own files, which nothing reads again."""
    path = Path(tempfile.mkdtemp(prefix="raysat-tune-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)

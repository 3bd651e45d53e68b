"""Searches for hyperparameters: spend a budget, and read what was tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from rich.console import Console
from typing_extensions import override

from raysat.api.stores import Store, as_store
from raysat.api.studies import Study, load_search, load_study
from raysat.config.arguments import checked
from raysat.config.diff import flatten
from raysat.errors import StorageError, UsageError
from raysat.execution.cluster.forked_workers import workers_begun
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import OnEvent, Resumed
from raysat.execution.hpo.prepare import prepare_search
from raysat.files import AnyPath, as_path, write_atomic
from raysat.reporting.figures.search import search_png
from raysat.reporting.format.search import search_blocks
from raysat.reporting.render.rows import rows_csv, search_rows
from raysat.reporting.render.terminal import Blocks
from raysat.search.confirm import best_candidates, confirming_study
from raysat.search.load import Search as AnySearch
from raysat.search.log import Candidate, Log, check_params, read_log
from raysat.search.sampler import study_of
from raysat.storage.ledger import Ledger
from raysat.study.source import Source
from raysat.views.notebook import default_view
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SearchRun(Shown):
    """What a search has tried. Candidates are ranked by their val split; the test split decides nothing."""

    search: AnySearch
    log: Log
    ledger: Ledger
    interrupted: bool  # there is something left to resume
    exhausted: bool  # every configuration of the space was tried
    files: tuple[AnyPath, ...] = ()  # that this search wrote beside its records

    def __repr__(self) -> str:
        return f"<SearchRun {str(self.path)!r}: {len(self.log.candidates)} candidates>"

    @property
    def path(self) -> AnyPath:
        """Its folder."""
        return self.ledger.root

    @property
    def best(self) -> Candidate | None:
        """The best candidate by val balanced accuracy, then lower ICV, the base included; None where none finished."""
        return next((candidate for candidate in self.log.ranked() if candidate.val), None)

    def to_frame(self) -> pd.DataFrame:
        """A row per candidate, best first, with its scores and its value of each parameter."""
        from raysat.reporting.render.frames import make_frame

        return make_frame(search_rows(self.search, self.log))

    def confirming_study(self) -> Study:
        """The study of the base and the best candidates with new seeds, for ``ablate``: their val scores are too high.

        Raises UsageError where no candidate has finished.
        """
        if self.best is None:
            raise UsageError("no candidate has finished, so there is nothing to confirm", hint="see its failures")
        return load_study(self.path / "best.yaml")

    def to_optuna(self) -> optuna.Study:
        """The candidates as an Optuna study, for its plots and importances."""
        return study_of(self.search, self.log.candidates)

    @property
    def can_be_confirmed(self) -> bool:
        """Whether a candidate beside the base has finished."""
        return bool(best_candidates(self.search, self.log))

    @override
    def show(self, console: Console) -> None:
        failed = [candidate.job for candidate in self.log.candidates if candidate.state == "failed"]
        failures = [failure for job in failed if (failure := self.ledger.read_failure(job))]
        errors = {failure.id: failure.error for failure in failures}
        console.print(Blocks(search_blocks(self.search, self.log, errors)))


@checked
def tune(
    search: AnySearch | Source,
    data: Store | Path | str = "demo",
    *,
    out: AnyPath | str = "runs",
    cluster: ClusterOptions | None = None,
    on_event: OnEvent | None = None,
) -> SearchRun:
    """Search for hyperparameters that beat a base configuration on the val split.

    The same call again resumes from what was tried, until the budget is spent.

    Args:
        search: what to search, or what ``load_search`` reads it from.
        data: a patch store, its path or URL, or ``demo``.
        out: the folder of runs, or its URL; this one goes to ``out/<study>``.
        cluster: the machine or cluster, and what each trial gets of it; by default all of this machine.
        on_event: is told how it goes; by default a notebook shows a live table, and a script nothing.

    Returns:
        What was tried; its files are written.

    Raises:
        UsageError: a mistake in the search, a candidate that cannot train on the data, or a run of another search.
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        StorageError: another process fills this run; or a record cannot be written: finished ones stay.
    """
    search = search if isinstance(search, AnySearch) else load_search(search)
    store, name = as_store(data)
    prepared = prepare_search(search, store, data=name, out=as_path(out), cluster=cluster or ClusterOptions())
    found = SearchRun(search=search, log=prepared.log, ledger=prepared.ledger, interrupted=False, exhausted=False)
    budget, finished = search.options.budget, len(prepared.log.ended)
    left, on_event = prepared.log.left(budget), on_event or default_view()
    on_event(Resumed(finished=finished, total=budget.trials if left else finished, noun="candidate"))
    if left:
        with workers_begun(prepared.cluster.address):
            from raysat.execution.hpo.run import tune as run

            result = run(prepared, on_event)
        found = replace(found, log=result.log, interrupted=result.interrupted, exhausted=result.exhausted)
    return replace(found, files=tuple(_write(found)))


@checked
def open_search(path: AnyPath | str) -> SearchRun:
    """Open the search in a folder that ``tune`` wrote, such as ``runs/hpo``.

    Raises:
        StorageError: the folder holds no search, or its log is damaged.
        StudyError: its copy of the search file cannot be read.
    """
    folder = as_path(path)
    if (log := read_log(folder)) is None:
        raise StorageError(f"{folder} holds no search", hint="give what tune wrote: runs/<study>")
    left = any(candidate.state == "running" for candidate in log.candidates)
    search = load_search(folder / "study.yaml")
    was, now = flatten(log.identity.base), flatten(search.base)
    fixed = {parameter.name for parameter in search.parameters} - set(log.identity.search)
    overrides = {
        key: value
        for key, value in was.items()
        if key not in now or value != now[key] or fixed & {key, key.partition(".")[0]}
    }
    search = load_search(folder / "study.yaml", overrides=overrides, seed=log.identity.seed)  # as it was called
    check_params(log, search, folder)
    return SearchRun(search=search, log=log, ledger=Ledger(folder), interrupted=left, exhausted=False)


def _write(found: SearchRun) -> list[AnyPath]:
    files: dict[str, str | bytes] = {"search.csv": rows_csv(search_rows(found.search, found.log))}
    files["search.png"] = search_png(found.search, found.log)
    if found.best is not None:
        files["best.yaml"] = confirming_study(found.search, found.log)
    for name, content in files.items():
        write_atomic(found.path / name, content)
    return [found.path / name for name in files]

"""Studies and searches, and what a study would train on its data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rich.console import Console
from rich.text import Text
from typing_extensions import override

from raysat.api.contrasts import contrasts_of, growth
from raysat.api.folds import as_fold
from raysat.api.stores import Store, as_store
from raysat.config.arguments import GrownSeeds, Seed, Workers, checked
from raysat.config.diff import flatten, label
from raysat.errors import UsageError, prefixed
from raysat.execution.prepare import prepare
from raysat.files import AnyPath, as_path
from raysat.formatting import one_line, plural
from raysat.metrics.expected_seeds import expected_seeds
from raysat.planning import build
from raysat.planning.build import PendingJobs
from raysat.planning.jobs import PlannedTrial
from raysat.planning.settings import describe
from raysat.planning.summary import PlanSummary, summarize
from raysat.reporting.analysis import reference
from raysat.search import load as search_file
from raysat.study import load as study_file
from raysat.study.source import Source
from raysat.study.stores import run_name
from raysat.views.plan import show_plan
from raysat.views.shown import Shown
from raysat.views.table import plain_table

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")
_FOLDS: Final = "name the store with {--data}; in Python plan each of raysat.fold_stores(study, data)"


class Study(study_file.Study, Shown):
    """A study: its arms in order, each a configuration, and the seeds that every arm runs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Study {self.name!r}: {plural(len(self.arms), 'arm')} x {plural(len(self.seeds), 'seed')}>"

    def to_frame(self) -> pd.DataFrame:
        """A row per arm, and a column for each setting that arms differ in; missing where an arm has it not."""
        from raysat.reporting.render.frames import make_frame
        from raysat.reporting.render.rows import Rows

        settings = {arm.name: flatten(arm.config) for arm in self.arms}
        keys = dict.fromkeys(key for flat in settings.values() for key in flat)
        differing = [key for key in keys if len({label(flat.get(key)) for flat in settings.values()}) > 1]
        rows = [{"arm": arm} | {key: _plain(flat.get(key)) for key in differing} for arm, flat in settings.items()]
        return make_frame(Rows(index=("arm",), columns=tuple(differing), rows=rows))

    @override
    def show(self, console: Console) -> None:
        console.print(f"{self.name}: {plural(len(self.arms), 'arm')}, {plural(len(self.seeds), 'seed')}")
        settings = {arm.name: describe(arm.config, ()) for arm in self.arms}
        shared = set.intersection(*map(set, settings.values())) if len(settings) > 1 else set()
        table = plain_table("arm", "settings")
        for arm, of in settings.items():
            table.add_row(Text(arm), Text(", ".join(setting for setting in of if setting not in shared)))
        console.print(table)
        if shared:
            console.print(f"all arms   {', '.join(sorted(shared))}", style="dim")


class Search(search_file.Search):
    """A search for hyperparameters: the base to beat, the parameters around it, and how it proceeds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Search {self.name!r}: {', '.join(parameter.name for parameter in self.parameters)}>"


class Plan(build.Plan, Shown):
    """What a study means on a store: its trials, each once however many arms ask for it, and what they cost."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Plan of {self.study.name!r} on {self.data}: {plural(len(self.trials), 'trial')}>"

    @checked
    def pending(self, out: AnyPath | str = "runs") -> PendingJobs:
        """What the run under ``out`` has no finished record of. Raises UsageError for a name that is taken."""
        return PendingJobs.of(self, as_path(out))

    @checked
    def summary(
        self, out: AnyPath | str = "runs", *, estimate: bool = False, max_seeds: GrownSeeds | None = None
    ) -> PlanSummary:
        """Count what there is and what the run under ``out`` lacks: trials, epochs, images, seconds.

        Args:
            out: where runs are.
            estimate: measure some steps of each network, for three seconds or more, to say how long this machine takes.
            max_seeds: how many seeds ``ablate_until_decided`` may give every arm, to say how many it is likely to take.

        Returns:
            The plan in numbers.

        Raises:
            UsageError: a study that cannot grow so, or a run of that name that is none.
        """
        pending = self.pending(out)
        trials = [item for item in pending.missing if isinstance(item, PlannedTrial)]
        from raysat.execution.cluster.gpu_share import planned_share
        from raysat.execution.cluster_options import ClusterOptions
        from raysat.execution.workload import planned_work

        options, measured = ClusterOptions(workers=self.workers), None
        if estimate and trials:
            from raysat.execution.estimate import estimate as measure

            measured = measure(self, trials, options)
        share = planned_share(planned_work(self), self.store, options) if trials else None
        found = summarize(self, pending, measured, gpu_share=share)
        from raysat.api.power import power_of_plan
        from raysat.views.power import sees_line

        if (power := power_of_plan(self)) is not None:
            found = replace(found, sees=f"{sees_line(power)}; assumed, raysat power says how")
        if max_seeds is None:
            return found
        from raysat.reporting.analysis.looks import schedule

        contrasts, sizes = growth(self, max_seeds)
        expected = expected_seeds(schedule(sizes), len(contrasts))
        return replace(found, planned=contrasts, looks=sizes, expected=expected)

    @checked
    def to_frame(self, out: AnyPath | str = "runs") -> pd.DataFrame:
        """A row per arm and seed: the trial's id, its epochs and images, and whether the run under ``out`` has it."""
        import pandas as pd

        missing = {item.id for item in self.pending(out).missing}
        trials = {trial.id: trial for trial in self.trials}
        rows = [
            (arm, seed, id_, trials[id_].epochs, trials[id_].samples_seen, id_ not in missing)
            for arm, seeds in self.trial_ids.items()
            for seed, id_ in seeds.items()
        ]
        names = ["arm", "seed", "trial", "epochs", "images", "finished"]
        return pd.DataFrame(rows, columns=names).set_index(["arm", "seed"])

    @override
    def show(self, console: Console) -> None:
        show_plan(self.summary(), console)


@checked
def load_study(
    source: Source, *, overrides: Mapping[str, Any] | None = None, epochs: int | None = None, seeds: int | None = None
) -> Study:
    """Read a study; every arm of it is valid.

    Args:
        source: a YAML file, the name of a study that ships with raysat (``"quickstart"``), or a mapping with the keys
            of a study file.
        overrides: values by dotted key (``{"optim.lr": 0.01}``) that win over base and arms alike.
        epochs: epochs of every arm; points in training are fractions of it, so they follow.
        seeds: run the first so many of the study's seeds.

    Returns:
        The study.

    Raises:
        StudyError: anything wrong in the study or an override; the message begins with its place.
        UsageError: more seeds asked for than the study has.
    """
    return as_shown(Study, study_file.load_study(source, overrides=overrides or {}, epochs=epochs, seeds=seeds))


@checked
def load_search(
    source: Source,
    *,
    overrides: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    seed: Seed | None = None,
    trials: int | None = None,
    hours: float | None = None,
) -> Search:
    """Read a search for hyperparameters, checked as far as it can be without data.

    Args:
        source: a YAML file, the name of a search that ships with raysat (``"hpo"``), or a mapping with the keys of a
            search file.
        overrides: values by dotted key that win in every candidate.
        epochs: epochs of every candidate.
        seed: trains every candidate, in place of the file's.
        trials: candidates in all, the base among them, in place of the file's.
        hours: what the search may take, in place of the file's.

    Returns:
        The search.

    Raises:
        StudyError: anything wrong in the search or an override; the message begins with its place.
    """
    search = search_file.load_search(
        source, overrides=overrides or {}, epochs=epochs, seed=seed, trials=trials, hours=hours
    )
    return as_shown(Search, search)


@checked
def plan(
    study: study_file.Study | Source,
    data: Store | Path | str | None = None,
    *,
    workers: Workers = 1,
    reuse_epochs: bool = True,
) -> Plan:
    """Plan a study on its data, and check that every arm can train there; trains nothing.

    Args:
        study: what to compare, or what ``load_study`` reads it from.
        data: a patch store, its path or URL, or ``demo`` for the embedded synthetic data, which is the default; of a
            study with several stores, one of ``study.stores``; of one with folds, one of ``fold_stores``.
        workers: data-parallel workers of each trial.
        reuse_epochs: train epochs that trials have in common once; the numbers are the same.

    Returns:
        The plan.

    Raises:
        StudyError: a mistake in the study.
        UsageError: an arm that cannot train on the data, by its name; a store that the study does not name, or that is
            none of its folds.
        DataError: the data cannot be read.
    """
    study = study if isinstance(study, study_file.Study) else load_study(study)
    if study.reference is not None:
        with prefixed(study.reference_place):
            reference.load(study.reference)  # an unknown one is an error before anything is trained
    if data is None and study.stores:
        message = f"the study is of {len(study.stores)} stores: {', '.join(map(one_line, study.stores))}"
        raise UsageError(message, hint="choose one of them with {--data}")
    if data is None and study.folds:
        raise UsageError(f"the study is of {study.folds.number} folds of its data", hint=_FOLDS)
    store, name = as_store("demo" if data is None else data)
    if study.stores:
        study = replace(study, name=run_name(study.name, study.stores, name))
    study = as_fold(study, store, name)
    with prefixed(name) if study.stores or study.folds else nullcontext():  # several are planned: which of them is it?
        planned = prepare(study, store, data=name, workers=workers, reuse_epochs=reuse_epochs)
    if study.compare:
        planned = replace(planned, study=replace(study, compare=contrasts_of(planned)))
    return as_shown(Plan, planned)


def as_shown(kind: type[_T], value: Any) -> _T:
    """The same value as the subclass that can show itself."""
    return kind(**{field.name: getattr(value, field.name) for field in fields(value)})


def _plain(value: Any) -> Any:
    return label(value) if isinstance(value, list | dict) else value

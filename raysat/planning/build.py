"""From a study and a store to the jobs to run, and to those of them that a run lacks.

A plan is made by a pure function, so any machine makes the same plan of the same input.

Jobs are ordered seed by seed, so that a study that is stopped early has compared all arms on the seeds it finished;
generators come first, since trials wait for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from raysat.config.naming import compact_names, own_settings
from raysat.config.plugins.source import PluginSource
from raysat.config.plugins.use import sources_of
from raysat.config.schema import Config
from raysat.data.patch_store import PatchStore, folds_of, origin, patch_counts
from raysat.errors import PlanError
from raysat.files import AnyPath
from raysat.planning.jobs import BoundConfig, GenerateJob, PlannedTrial, WorkItem, bind, generate_jobs
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import TrainJob, shared_prefixes, shared_samples, train_jobs
from raysat.storage.artifacts import Artifacts, run_folder
from raysat.storage.ledger import Ledger
from raysat.storage.places import digest_of, keep_places, places_of
from raysat.storage.plan_file import (
    ArmEntry,
    ContrastEntry,
    GeneratorEntry,
    ImageCounts,
    PlanFile,
    SharedEntry,
    StoreEntry,
    TrialEntry,
    TunedEntry,
)
from raysat.storage.plugins import keep_plugins
from raysat.study.arm import Arm
from raysat.study.load import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a study means on a store: its jobs in order, and which of them each arm reads."""

    study: Study
    data: str  # the name that the store was asked for by
    store: PatchStore
    generate_jobs: tuple[GenerateJob, ...]
    trials: tuple[PlannedTrial, ...]  # each once, however many arms and seeds ask for it
    trial_ids: Mapping[str, Mapping[int, str]]  # arm -> seed -> id
    written_ids: Mapping[str, Mapping[int, str]] = field(default_factory=dict)  # of tuned arms as they are written
    workers: int = 1  # data-parallel, of each trial
    command: str | None = None  # that trains it, for reports

    @property
    def samples_seen(self) -> int:
        """Images that would pass through models if every trial were trained alone."""
        return sum(trial.samples_seen for trial in self.trials)

    @property
    def train_jobs(self) -> tuple[TrainJob, ...]:
        """The jobs that train the trials: each state that several of them pass through once."""
        return train_jobs(self.trials)

    @property
    def plugins(self) -> tuple[PluginSource, ...]:
        """The plugins whose methods its trials use."""
        return sources_of(trial.trial.config for trial in self.trials)

    @property
    def n_trials(self) -> int:
        """Arms times seeds, tuned ones as written too, before equal trials are merged."""
        return (len(self.study.arms) + len(self.study.tuned)) * len(self.study.seeds)

    @property
    def configs(self) -> dict[str, Config]:
        """The configuration of each arm, resolved; of one that was tuned, as it is written: it is its methods."""
        by_id = {trial.id: trial.trial.config for trial in self.trials}
        ids = zip(self.trial_ids, (self.written_ids or self.trial_ids).values(), strict=True)
        return {arm: by_id[next(iter(seeds.values()))] for arm, seeds in ids}

    def keep(self, ledger: Ledger) -> None:
        """Write what a run needs of its study beside its records: the plan, and plugins and places where it has any.

        Raises DiskError where they cannot be written, or another raysat has taken the run over.
        """
        places = places_of(self.store)
        ledger.check_held()
        keep_plugins(ledger.root, self.plugins)
        if places is not None:
            keep_places(ledger.root, places)  # first: the plan says what is in it
        ledger.write_plan(self.study.text, self.to_file(places))

    def to_file(self, places: bytes | None = None) -> PlanFile:
        """Describe the plan for ``plan.json``, with the content of ``places.npz`` where that is written beside it."""
        configs = self.configs
        own, shared = own_settings(configs)
        named = [arm.name for arm in self.study.arms if not arm.in_grid]
        by_id = {trial.id: trial for trial in self.trials}
        first = [by_id[next(iter(self.trial_ids[arm.name].values()))] for arm in self.study.arms]  # all seeds are alike
        common = shared_prefixes(first)
        compact = compact_names(configs, self.store.bands, kept=named)
        return PlanFile(
            study=self.study.name,
            reference=self.study.reference,
            command=self.command,
            data=StoreEntry(
                name=self.data,
                fingerprint=self.store.fingerprint,
                ordinal=self.store.ordinal,
                synthetic=self.store.synthetic,
                source=origin(self.store),
                sensor=self.store.sensor,
                patches=patch_counts(self.store),
                folds_of=folds_of(self.store),
            ),
            classes=self.store.classes,
            generate=tuple(GeneratorEntry(id=job.id) for job in self.generate_jobs),
            reported=self.store.reported_split,
            images=ImageCounts(alone=self.samples_seen, shared=shared_samples(self.trials)),
            settings=shared,
            arms=tuple(
                ArmEntry(
                    name=arm.name,
                    compact=compact[arm.name] if compact[arm.name] != arm.name else "",
                    settings=own[arm.name],
                    grid=arm.in_grid,
                    epochs=trial.epochs,
                    shared=SharedEntry(arm=prefix[0], epochs=prefix[1]) if prefix else None,
                    trials=_entries(self.trial_ids[arm.name]),
                )
                for arm, trial, prefix in zip(self.study.arms, first, common, strict=True)
            ),
            compare=tuple(
                ContrastEntry(arm=each.arm, to=each.to or self.study.arms[0].name, metric=each.metric)
                for each in self.study.compare
            ),
            tuned=tuple(
                TunedEntry(
                    arm=arm.name,
                    tried=each.tried,
                    failed=each.failed,
                    stopped=each.stopped,
                    chosen=each.chosen,
                    settings=each.settings,
                    val=each.val,
                    written_val=each.written_val,
                    trials=_entries(self.written_ids[each.written.name]),
                )
                for arm, each in zip(self.study.arms, self.study.tuned, strict=bool(self.study.tuned))
            ),
            places=None if places is None else digest_of(places),
        )


def _entries(trials: Mapping[int, str]) -> tuple[TrialEntry, ...]:
    return tuple(TrialEntry(seed=seed, id=trial) for seed, trial in trials.items())


def make_plan(
    study: Study,
    store: PatchStore,
    *,
    data: str = "",
    workers: int = 1,
    reuse_epochs: bool = True,
    command: str | None = None,
) -> Plan:
    """Resolve a study against a store.

    Args:
        study: what to compare.
        store: the patches.
        data: the name that the user asks for the store by; by default its path.
        workers: data-parallel, per trial; several are part of a trial's id, since batch norm then sees smaller batches.
        reuse_epochs: train states that several trials pass through once; without, their records are the same.
        command: that trains it, for reports.

    Returns:
        The plan; equal trials are merged.

    Raises:
        BandError: an arm asks for bands that the store does not have; names the arm.
        PlanError: the store has nothing to train on or is generated, or an arm asks for synthetic patches in vain.
    """
    if store.generated:
        raise PlanError(
            f"{store.path} holds generated patches, which no result may rest on",
            hint="give the real store; its trials ask for generated patches with synthetic: {kind: flow}",
        )
    if len(store.indices("train")) == 0:
        raise PlanError(f"{store.path} has no training patch")
    generators: dict[str, GenerateJob] = {}

    def bound(arms: Iterable[Arm]) -> dict[str, BoundConfig]:
        found = {}
        for arm in arms:
            with arm.located():
                config = resolve_config(arm.config, store)
                generators.update({job.id: job for job in generate_jobs(config, store)})
            found[arm.name] = bind(config, store, workers=workers, reuse_epochs=reuse_epochs)
        return found

    trials: dict[str, PlannedTrial] = {}
    trial_ids: dict[str, dict[int, str]] = {arm.name: {} for arm in study.arms}
    written_ids: dict[str, dict[int, str]] = {each.written.name: {} for each in study.tuned}
    families = (bound(study.arms), trial_ids), (bound(each.written for each in study.tuned), written_ids)
    for seed in study.seeds:
        for arms, ids in families:
            for name, binding in arms.items():
                trial = binding.trial(seed, arm=name)
                ids[name][seed] = trials.setdefault(trial.id, trial).id
    return Plan(
        study=study,
        data=data or str(store.path),
        store=store,
        generate_jobs=tuple(generators.values()),
        trials=tuple(trials.values()),
        trial_ids=trial_ids,
        written_ids=written_ids,
        workers=workers,
        command=command,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingJobs:
    """What of a plan is left to do, and where its results go."""

    ledger: Ledger
    artifacts: Artifacts
    finished: Mapping[str, str | None]  # trials with a whole record; and its stamp, None where that may change unseen
    missing: tuple[WorkItem, ...]  # generate jobs that the missing trials need, then these

    @classmethod
    def of(cls, plan: Plan, out: AnyPath) -> PendingJobs:
        """Find what the run under ``out`` has no finished record of. Raises UsageError for a name that is taken."""
        ledger, artifacts = run_folder(out, plan.study.name)
        finished = ledger.finished(trial.id for trial in plan.trials)
        trials = [trial for trial in plan.trials if trial.id not in finished]
        needed = {need for trial in trials for need in trial.needs}
        generate = [job for job in plan.generate_jobs if job.id in needed and not artifacts.is_finished(job.id)]
        return cls(ledger=ledger, artifacts=artifacts, finished=finished, missing=(*generate, *trials))

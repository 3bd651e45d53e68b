"""From a study and a store to the jobs to run: a pure function, so any machine makes the same plan of the same input.

Jobs are ordered seed by seed, so that a study that is stopped early has compared all arms on the seeds it finished;
generators come first, since trials wait for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.errors import PlanError, prefixed
from raysat.plan.jobs import GenerateJob, TrainJob, generate_jobs, resolved, train_job
from raysat.plan.stages import Chain, chains
from raysat.storage.plan_file import ArmEntry, GeneratorEntry, ImageCounts, PlanFile, StoreEntry, TrialEntry
from raysat.study.load import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a study means on a store: its jobs in order, and which of them each arm reads."""

    study: Study
    data: str  # the name that the store was asked for by
    store: PatchStore
    generate: tuple[GenerateJob, ...]
    jobs: tuple[TrainJob, ...]
    cells: Mapping[str, Mapping[int, str]]  # arm -> seed -> job id
    command: str | None = None  # that trains it, for reports

    @property
    def images(self) -> int:
        """Images that would pass through models if every trial were trained alone."""
        return sum(job.images for job in self.jobs)

    @property
    def chains(self) -> tuple[Chain, ...]:
        """What is trained: each state that several trials pass through once."""
        return chains(self.jobs)

    @property
    def trials(self) -> int:
        """Arms times seeds, before equal trials are merged."""
        return len(self.study.arms) * len(self.study.seeds)

    def to_file(self) -> PlanFile:
        """Describe the plan for ``plan.json``."""
        return PlanFile(
            study=self.study.name,
            reference=self.study.reference,
            command=self.command,
            data=StoreEntry(name=self.data, fingerprint=self.store.fingerprint, ordinal=self.store.ordinal),
            classes=self.store.classes,
            generate=tuple(GeneratorEntry(id=job.id) for job in self.generate),
            reported=self.store.reported_split,
            images=ImageCounts(alone=self.images, shared=sum(chain.images for chain in self.chains)),
            arms=tuple(
                ArmEntry(
                    name=arm.name,
                    grid=arm.in_grid,
                    trials=tuple(TrialEntry(seed=seed, id=job) for seed, job in self.cells[arm.name].items()),
                )
                for arm in self.study.arms
            ),
        )


def make_plan(
    study: Study,
    store: PatchStore,
    *,
    data: str = "",
    workers: int = 1,
    share: bool = True,
    command: str | None = None,
) -> Plan:
    """Resolve a study against a store, known to the user as ``data`` (by default its path).

    Data-parallel ``workers`` are part of a job's id where there are several: batch norm then sees smaller batches.
    Without ``share`` every trial is trained alone; its records are the same.

    Raises:
        BandError: an arm asks for bands that the store does not have; names the arm.
        PlanError: the store has nothing to train on or is generated, or an arm asks for synthetic patches in vain.
    """
    if store.generated:
        raise PlanError(
            f"{store.path} holds generated patches, which no result may rest on",
            hint="give the real store; its trials ask for generated patches with synthetic: {kind: dcgan}",
        )
    if len(store.indices("train")) == 0:
        raise PlanError(f"{store.path} has no training patch")
    configs = {arm.name: _resolved(arm.config, store, arm.name) for arm in study.arms}
    generate = {job.id: job for config in configs.values() for job in generate_jobs(config, store)}
    jobs: dict[str, TrainJob] = {}
    cells: dict[str, dict[int, str]] = {arm: {} for arm in configs}
    for seed in study.seeds:
        for arm, config in configs.items():
            job = train_job(Trial(config=config, seed=seed), store, arm=arm, workers=workers, share=share)
            cells[arm][seed] = jobs.setdefault(job.id, job).id
    return Plan(
        study=study,
        data=data or str(store.path),
        store=store,
        generate=tuple(generate.values()),
        jobs=tuple(jobs.values()),
        cells=cells,
        command=command,
    )


def _resolved(config: Config, store: PatchStore, arm: str) -> Config:
    """Name bands and classes; errors name the arm."""
    with prefixed(f"arm {arm!r}"):
        config = resolved(config, store)
        generate_jobs(config, store)
        return config

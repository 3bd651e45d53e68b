"""What a plan would train and what that would cost, as numbers: ``raysat plan`` prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from raysat.config.diff import changes, flatten, label
from raysat.config.schema import Config
from raysat.planning.build import PendingJobs, Plan
from raysat.planning.jobs import GenerateJob, PlannedTrial
from raysat.planning.no_effect import NoEffect, no_effects
from raysat.planning.stages import TrainJob, train_jobs
from raysat.storage.ledger import Ledger

# ResNet-18 on 65 x 65 x 3 patches, float32: 154 images/s measured on two cores of an AMD EPYC (one run of six batches).
_ASSUMED_RATE: Final = 150.0
_DEFAULTS: Final = flatten(Config())
_ELSEWHERE: Final = ("data.bands", "data.drop", "optim.epochs")  # have words or a column of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """One arm."""

    name: str
    settings: tuple[str, ...]  # those that not all arms have: ``loss=ldam``
    epochs: int
    samples_per_trial: int
    finished: int  # trials
    trials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSummary:
    """One generate job."""

    class_name: str
    bands: tuple[str, ...]
    arms: tuple[str, ...]  # that need it
    real: int  # training patches
    to_make: int  # patches
    steps: int
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """A plan in numbers."""

    arms: tuple[ArmSummary, ...]
    shared_settings: tuple[str, ...]  # that all of several arms have
    generators: tuple[GeneratorSummary, ...]
    stages: tuple[TrainJob, ...]  # of the first seed
    no_effects: tuple[NoEffect, ...]
    n_seeds: int
    n_trials: int  # arms times seeds
    n_equal: int  # of these, to another
    missing_trials: int
    missing_epochs: int
    missing_generators: int
    missing_steps: int  # of generators
    samples_alone: int  # that pass through models if each missing trial is trained alone
    samples_shared: int  # and if epochs are reused
    samples_per_s: float
    measured_on: int  # finished trials that the rate is the mean of; 0 where it is assumed

    @property
    def seconds(self) -> float:
        """What the missing trials take, one at a time."""
        return self.samples_shared / self.samples_per_s


def summarize(plan: Plan, pending: PendingJobs) -> PlanSummary:
    """Count what a plan has, and what its run lacks."""
    missing = {item.id for item in pending.missing}
    trials = [item for item in pending.missing if isinstance(item, PlannedTrial)]
    generate = [item for item in pending.missing if isinstance(item, GenerateJob)]
    by_id = {trial.id: trial for trial in plan.trials}
    by_arm = {arm: [by_id[trial] for trial in seeds.values()] for arm, seeds in plan.trial_ids.items()}
    settings = {arm: describe(of[0].trial.config, plan.store.bands) for arm, of in by_arm.items()}
    shared = set.intersection(*map(set, settings.values())) if len(settings) > 1 else set()
    samples_per_s, measured_on = _rate(plan, pending.ledger)
    counts = plan.store.counts("train")
    return PlanSummary(
        arms=tuple(
            ArmSummary(
                name=arm,
                settings=tuple(setting for setting in settings[arm] if setting not in shared),
                epochs=of[0].epochs,
                samples_per_trial=of[0].samples_seen,
                finished=sum(trial.id not in missing for trial in of),
                trials=len(of),
            )
            for arm, of in by_arm.items()
        ),
        shared_settings=tuple(sorted(shared)),
        generators=tuple(
            GeneratorSummary(
                class_name=job.class_name,
                bands=job.work.bands,
                arms=tuple(arm for arm, of in by_arm.items() if job.id in of[0].needs),
                real=int(counts[job.work.label]),
                to_make=job.work.patches,
                steps=job.work.gan.steps,
                finished=pending.artifacts.is_finished(job.id),
            )
            for job in plan.generate_jobs
        ),
        stages=tuple(job for job in plan.train_jobs if job.trials[-1].trial.seed == plan.study.seeds[0]),
        no_effects=no_effects(plan),
        n_seeds=len(plan.study.seeds),
        n_trials=plan.n_trials,
        n_equal=plan.n_trials - len(plan.trials),
        missing_trials=len(trials),
        missing_epochs=sum(trial.epochs for trial in trials),
        missing_generators=len(generate),
        missing_steps=sum(job.work.gan.steps for job in generate),
        samples_alone=sum(trial.samples_seen for trial in trials),
        samples_shared=sum(job.samples_seen for job in train_jobs(trials)),
        samples_per_s=samples_per_s,
        measured_on=measured_on,
    )


def describe(config: Config, bands: Sequence[str]) -> list[str]:
    """List what a configuration sets apart from the defaults: ``loss=ldam``, ``bands=B6-B5-B2``, ``optim.lr=0.01``."""
    kinds = {key: kind for key, kind in flatten(config).items() if key.endswith(".kind")}
    plain = Config.model_validate({key.removesuffix(".kind"): {"kind": kind} for key, kind in kinds.items()})
    changed = {key: kind for key, kind in kinds.items() if kind != _DEFAULTS[key]} | changes(config, plain)
    every_band = list(config.data.bands) == list(bands)
    settings = [f"bands={'all' if every_band else label(config.data.bands)}"]
    for section in Config.model_fields:
        keys = [key for key in changed if key.startswith(f"{section}.") and key not in _ELSEWHERE]
        keys.sort(key=lambda key: not key.endswith(".kind"))
        settings += [f"{key.removesuffix('.kind')}={label(changed[key])}" for key in keys]
    return settings


def _rate(plan: Plan, ledger: Ledger) -> tuple[float, int]:
    """Images a second in the finished trials of the same run, and how many these are; else an assumed rate, and 0."""
    records = [ledger.read(trial.id) for trial in plan.trials if ledger.is_finished(trial.id)]
    seconds = sum(record.seconds for record in records)
    return (sum(record.images for record in records) / seconds, len(records)) if seconds else (_ASSUMED_RATE, 0)

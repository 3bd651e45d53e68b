"""What a plan would train and what that would cost, as numbers: ``raysat plan`` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from raysat.config.schema import Config
from raysat.data.splits import SPLITS, Split
from raysat.metrics.expected_seeds import ExpectedSeeds
from raysat.planning.build import PendingJobs, Plan
from raysat.planning.jobs import GenerateJob, PlannedTrial
from raysat.planning.no_effect import NoEffect, no_effects
from raysat.planning.settings import Varied, describe, differences
from raysat.planning.stages import TrainJob, shared_samples, train_jobs
from raysat.planning.weights_notes import weights_notes
from raysat.storage.ledger import Ledger
from raysat.study.compare import PlannedContrast
from raysat.study.tuning import Tuning

# ResNet-18 on 65 x 65 x 3 patches, float32: 154 images/s measured on two cores of an AMD EPYC (one run of six batches).
_ASSUMED_RATE: Final = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """One arm."""

    name: str
    settings: tuple[str, ...]  # those apart from the defaults that not all arms have: ``loss=ldam``
    varied: tuple[str, ...]  # its values of what arms differ in, defaults too: ``loss=cross_entropy``
    in_grid: bool  # named after these
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
class Estimate:
    """What the missing trials would take on this machine, as measured by a few steps."""

    seconds: float
    slots: int  # jobs at a time
    cpus: float  # of each
    gpus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """A plan in numbers."""

    study: str
    data: str
    n_patches: dict[Split, int]  # of the store, where there are any
    reported_split: Split  # on which arms are compared
    arms: tuple[ArmSummary, ...]
    varied: tuple[Varied, ...]  # what arms differ in
    every_combination: bool  # of these is an arm
    shared_settings: tuple[str, ...]  # that all of several arms have
    weights: tuple[str, ...]  # that trials start from: what is to be said of each
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
    estimate: Estimate | None = None  # where it was asked for
    planned: tuple[PlannedContrast, ...] = ()  # contrasts
    looks: tuple[int, ...] = ()  # seeds at each, of a study that adds seeds until decided
    expected: tuple[ExpectedSeeds, ...] = ()  # that it takes
    sees: str = ""  # which differences it can see, where that was computed
    tuned_by: tuple[int, ...] = ()  # trials of each arm that tune it first, by round, at most; none where none is tuned
    tuning_epochs: int = 0  # of all of these
    tuning_images: int = 0
    gpu_share: str | None = None  # how many trials share a GPU, and why; None without one, or where it was said

    @property
    def seconds(self) -> float:
        """What the missing trials take, one at a time."""
        return self.samples_shared / self.samples_per_s


def summarize(
    plan: Plan, pending: PendingJobs, estimate: Estimate | None = None, *, gpu_share: str | None = None
) -> PlanSummary:
    """Count what a plan has, and what its run lacks.

    Args:
        plan: what the study means on its store.
        pending: what its run has no record of.
        estimate: how long that would take, where it was measured.
        gpu_share: how many trials share a GPU, where raysat chooses.

    Returns:
        The plan in numbers.
    """
    missing = {item.id for item in pending.missing}
    trials = [item for item in pending.missing if isinstance(item, PlannedTrial)]
    generate = [item for item in pending.missing if isinstance(item, GenerateJob)]
    by_id = {trial.id: trial for trial in plan.trials}
    by_arm = {arm: [by_id[trial] for trial in seeds.values()] for arm, seeds in plan.trial_ids.items()}
    configs = {arm: of[0].trial.config for arm, of in by_arm.items()}
    settings = {arm: describe(config, plan.store.bands) for arm, config in configs.items()}
    differ = differences(configs, plan.store.bands)
    grid = {arm.name for arm in plan.study.arms if arm.in_grid}
    shared = set.intersection(*map(set, settings.values())) if len(settings) > 1 else set()
    samples_per_s, measured_on = _rate(pending.ledger, [trial.id for trial in plan.trials if trial.id not in missing])
    counts = plan.store.counts("train")
    tune = plan.study.tune
    tuning = {} if tune is None else {arm: _tuning_epochs(tune, config) for arm, config in configs.items()}
    return PlanSummary(
        study=plan.study.name,
        data=plan.data,
        n_patches={split: n for split in SPLITS if (n := len(plan.store.indices(split)))},
        reported_split=plan.store.reported_split,
        arms=tuple(
            ArmSummary(
                name=arm,
                settings=tuple(setting for setting in settings[arm] if setting not in shared),
                varied=differ.of[arm],
                in_grid=arm in grid,
                epochs=of[0].epochs,
                samples_per_trial=of[0].samples_seen,
                finished=sum(trial.id not in missing for trial in of),
                trials=len(of),
            )
            for arm, of in by_arm.items()
        ),
        varied=differ.varied,
        every_combination=differ.every_combination,
        shared_settings=tuple(sorted(shared)),
        weights=weights_notes(plan),
        generators=tuple(
            GeneratorSummary(
                class_name=job.class_name,
                bands=job.work.bands,
                arms=tuple(arm for arm, of in by_arm.items() if job.id in of[0].needs),
                real=int(counts[job.work.label]),
                to_make=job.work.patches,
                steps=job.work.generator.steps,
                finished=pending.artifacts.is_finished(job.id),
            )
            for job in plan.generate_jobs
        ),
        stages=train_jobs([trial for trial in plan.trials if trial.seed == plan.study.seeds[0]]),
        no_effects=no_effects(plan),
        planned=plan.study.compare,
        n_seeds=len(plan.study.seeds),
        n_trials=plan.n_trials,
        n_equal=plan.n_trials - len(plan.trials),
        missing_trials=len(trials),
        missing_epochs=sum(trial.epochs for trial in trials),
        missing_generators=len(generate),
        missing_steps=sum(job.work.generator.steps for job in generate),
        samples_alone=sum(trial.samples_seen for trial in trials),
        samples_shared=shared_samples(trials),
        samples_per_s=samples_per_s,
        measured_on=measured_on,
        estimate=estimate,
        gpu_share=gpu_share,
        tuned_by=() if tune is None else tune.trials,
        tuning_epochs=sum(tuning.values()),
        tuning_images=sum(n * (by_arm[arm][0].samples_seen // by_arm[arm][0].epochs) for arm, n in tuning.items()),
    )


def _tuning_epochs(tuning: Tuning, config: Config) -> int:
    """Epochs that the trials of an arm train at most; rounds shorten the first stage alone."""
    rounds, second = zip(tuning.trials, tuning.epochs(config), strict=True), config.second_stage.epochs
    return sum(trials * (epochs + second) for trials, epochs in rounds)


def _rate(ledger: Ledger, finished: list[str]) -> tuple[float, int]:
    """Images a second in the finished trials of the same run, and how many these are; else an assumed rate, and 0."""
    records = [ledger.read(trial) for trial in finished]
    seconds = sum(record.seconds for record in records)
    return (sum(record.images for record in records) / seconds, len(records)) if seconds else (_ASSUMED_RATE, 0)

"""The plan of a study as a document."""

from __future__ import annotations

from collections.abc import Iterable

from raysat.documents.plan import (
    EstimatedPart,
    ExpectedSeedsPart,
    GeneratorPart,
    NoEffectPart,
    PlanDocument,
    PlannedArmPart,
    PlannedContrastPart,
    PlannedCostPart,
    PlanPart,
    StagePart,
    TrialPart,
    TuningPart,
    VariedPart,
)
from raysat.metrics.power import seeds_needed
from raysat.planning.build import Plan
from raysat.planning.stages import TrainJob
from raysat.planning.summary import PlanSummary


def plan_document(plans: Iterable[tuple[Plan, PlanSummary]]) -> PlanDocument:
    """Return the document of a study's plans, one for each store or fold.

    Args:
        plans: each with its numbers.
    """
    return PlanDocument(plans=tuple(_plan(plan, summary) for plan, summary in plans))


def _plan(plan: Plan, summary: PlanSummary) -> PlanPart:
    return PlanPart(
        study=summary.study,
        data=summary.data,
        fingerprint=plan.store.fingerprint,
        patches={**summary.n_patches},
        reported_split=summary.reported_split,
        seeds=plan.study.seeds,
        arms=tuple(
            PlannedArmPart(
                name=arm.name,
                settings=arm.settings,
                epochs=arm.epochs,
                images_per_trial=arm.samples_per_trial,
                finished=arm.finished,
                trials=tuple(TrialPart(seed=seed, id=trial) for seed, trial in plan.trial_ids[arm.name].items()),
            )
            for arm in summary.arms
        ),
        shared_settings=summary.shared_settings,
        varied=tuple(map(VariedPart.model_validate, summary.varied)),
        every_combination=summary.every_combination,
        contrasts=tuple(PlannedContrastPart(arm=each.arm, to=each.to, metric=each.metric) for each in summary.planned),
        seeds_needed=seeds_needed(len(summary.planned) or max(1, len(summary.arms) - 1)),
        sees=summary.sees or None,
        looks=summary.looks,
        expected_seeds=tuple(map(ExpectedSeedsPart.model_validate, summary.expected)),
        no_effects=tuple(NoEffectPart(arms=each.arms, what=each.sentence) for each in summary.no_effects),
        weights=summary.weights,
        generators=tuple(map(GeneratorPart.model_validate, summary.generators)),
        stages=tuple(map(_stage, summary.stages)),
        cost=_cost(summary),
    )


def _stage(job: TrainJob) -> StagePart:
    ends = {trial.arm: trial.epochs for trial in job.trials}
    return StagePart(id=job.id, parent=job.parent, first_epoch=job.start_epoch, ends=ends)


def _cost(summary: PlanSummary) -> PlannedCostPart:
    estimate, tuned = summary.estimate, summary.tuned_by
    return PlannedCostPart(
        trials=summary.n_trials,
        equal=summary.n_equal,
        missing_trials=summary.missing_trials,
        missing_epochs=summary.missing_epochs,
        missing_generators=summary.missing_generators,
        missing_steps=summary.missing_steps,
        images_alone=summary.samples_alone,
        images_shared=summary.samples_shared,
        images_per_s=summary.samples_per_s,
        measured_on=summary.measured_on,
        seconds=summary.seconds,
        estimate=None
        if estimate is None
        else EstimatedPart(seconds=estimate.seconds, jobs=estimate.slots, cpus=estimate.cpus, gpus=estimate.gpus),
        tuning=TuningPart(trials=tuned, epochs=summary.tuning_epochs, images=summary.tuning_images) if tuned else None,
        gpu_share=summary.gpu_share,
    )

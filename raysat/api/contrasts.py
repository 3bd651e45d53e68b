"""What a study plans to compare, once its arms are known: the reference by its name, and metrics of classes."""

from __future__ import annotations

from dataclasses import replace

from raysat.config import limits
from raysat.errors import StudyError, UsageError
from raysat.formatting import plural
from raysat.metrics.spending import LEAST_BLOCK, look_sizes
from raysat.planning.build import Plan
from raysat.reporting.analysis.factors import reference_arm
from raysat.study.compare import PlannedContrast, known_metric, unknown_metric_hint


def contrasts_of(plan: Plan) -> tuple[PlannedContrast, ...]:
    """Return what a study plans to compare, each arm by its name; empty where it plans nothing.

    Raises StudyError for the reference compared with itself, a contrast that is planned twice, and a class that the
    store does not have.
    """
    if not plan.study.compare:
        return ()
    reference, classes = reference_of(plan), plan.store.classes
    split = plan.store.reported_split
    counts = plan.store.counts(split)
    found: dict[PlannedContrast, None] = {}
    for planned in plan.study.compare:
        contrast = planned if planned.to else replace(planned, to=reference)
        if contrast.arm == contrast.to:
            raise StudyError(
                f"{planned.place}: compare: {planned.arm!r} is the reference, so that would be with itself",
                hint="name what to compare it with: [arm, to]",
            )
        metric = known_metric(contrast.metric, classes)
        if metric is not None and metric.class_index is not None and not counts[metric.class_index]:
            raise StudyError(
                f"{planned.place}: compare: {classes[metric.class_index]!r} has no {split} patch to compare arms on",
                hint="plan the contrast in another metric",
            )
        if metric is None:
            raise StudyError(
                f"{planned.place}: compare: no contrast is tested in {contrast.metric!r}",
                hint=unknown_metric_hint(contrast.metric, classes),
            )
        if contrast in found:
            raise StudyError(f"{planned.place}: compare: {contrast} is planned twice", hint="plan it once")
        found[contrast] = None
    return tuple(found)


def each_with_the_reference(plan: Plan) -> tuple[PlannedContrast, ...]:
    """Return every other arm minus the reference, in balanced accuracy: what is compared where nothing is planned."""
    reference = reference_of(plan)
    return tuple(PlannedContrast(arm.name, reference) for arm in plan.study.arms if arm.name != reference)


def reference_of(plan: Plan) -> str:
    """The arm that others are compared with: the one without any method, else the study's first."""
    configs = {arm: config.model_dump(mode="json") for arm, config in plan.configs.items()}
    return reference_arm(configs, [arm.name for arm in plan.study.arms if arm.in_grid])


def growth(plan: Plan, max_seeds: int) -> tuple[tuple[PlannedContrast, ...], tuple[int, ...]]:
    """Return what a study decides that adds seeds, each arm by its name, and the seeds at each look.

    Args:
        plan: of the study.
        max_seeds: of every arm, at most.

    Raises:
        UsageError: no contrast to decide, or fewer seeds allowed than the study has or the first look needs.
    """
    seeds, arms = len(plan.study.seeds), len(plan.study.arms)
    if max_seeds < seeds:
        raise UsageError(
            f"{{--max-seeds}} {max_seeds}: the study has {plural(seeds, 'seed')} already",
            hint=f"allow {seeds} or more, or run the first so many by {{--seeds}}",
        )
    if not (sizes := look_sizes(seeds, max_seeds)):
        raise UsageError(
            f"{{--max-seeds}} {max_seeds}: the first look needs {LEAST_BLOCK} seeds, as one difference has no spread",
            hint="allow some 10 to 30",
        )
    if arms * max_seeds > limits.TRIALS:
        raise UsageError(
            f"{{--max-seeds}} {max_seeds}: {plural(arms, 'arm')} would have more than {limits.TRIALS:,} trials",
            hint="allow fewer seeds, or split the study",
        )
    if not (contrasts := contrasts_of(plan) or each_with_the_reference(plan)):
        raise UsageError(
            f"{plan.study.name} has one arm, so there is no contrast to decide",
            hint="add an arm, or run it without {--until-decided}",
        )
    return contrasts, sizes

"""Refuse a second stage that could not go on from the first one, before anything starts; imports no torch."""

from __future__ import annotations

from typing import assert_never

from raysat.config.families.learning import NoAverage
from raysat.config.families.second_stages import ClassifierRetraining, Mislas, NoSecondStage, WeightScaling
from raysat.config.heads import has_class_scores
from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Config
from raysat.config.score_factor import score_factor
from raysat.errors import PlanError


def check_second_stage(config: Config) -> None:
    """Refuse what a second stage cannot train; whether timm's model has a linear classifier, ``last_layer.py`` says.

    Raises:
        PlanError: an average, a plugin's model, a loss without a score for each class or, for factors of scores, one
            whose posterior is no multiple of these; factors of a cosine classifier.
    """
    kind = config.second_stage.kind
    match config.second_stage:
        case NoSecondStage():
            return
        case ClassifierRetraining():
            scales = False
        case WeightScaling() | Mislas():
            scales = True
        case _:
            assert_never(config.second_stage)
    if not isinstance(config.average, NoAverage):
        raise PlanError(
            f"second_stage: {kind} goes on from the last weights, and average: {config.average.kind} would be read "
            "from others",
            hint="set average.kind: none, or make them two arms",
        )
    if isinstance(config.model, ModelSettings):
        raise PlanError(
            f"second_stage: {kind} trains the linear classifier of a timm model, and model: {config.model.kind} is of "
            "a plugin",
            hint="set second_stage.kind: none, or choose a model of timm",
        )
    if not has_class_scores(config.loss):
        raise PlanError(
            f"second_stage: {kind} trains one score a class, which a network with loss: {config.loss.kind} does not "
            "give",
            hint="set second_stage.kind: none, or choose another loss",
        )
    if not scales:
        return
    if config.model.classifier == "cosine":
        raise PlanError(
            f"second_stage: {kind} learns a factor for each class's weights, and model.classifier: cosine does not go "
            "by their length",
            hint="set second_stage.kind: crt, or model.classifier: linear",
        )
    if score_factor(config) is None:
        raise PlanError(
            f"second_stage: {kind} goes on from the scores of the first stage, and loss: {config.loss.kind} has a "
            "posterior that is another function of them",
            hint="set second_stage.kind: crt, or choose another loss",
        )

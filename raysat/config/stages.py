"""Which configuration holds in which epochs: the written one, then that of its second stage. No torch.

A second stage trains on in its own way: SGD with momentum, half a cosine from its rate to 0, class-balanced batches,
cross-entropy, with MiSLAS of smoothed labels. Data, model, augmentation and the size of a batch stay. That is given as
a ``Config`` as any other: whoever asks what holds in an epoch, or what the scores of the final network mean, asks here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from raysat.config.families.learning import NoAverage, Sgd
from raysat.config.families.losses import CrossEntropy, LabelAwareSmoothing, Loss
from raysat.config.families.reweight import NoReweight
from raysat.config.families.samplers import InverseFrequencySampler
from raysat.config.families.schedules import Cosine
from raysat.config.families.second_stages import Mislas, NoSecondStage
from raysat.config.families.sharpness import NoSharpness
from raysat.config.schema import Config

MOMENTUM: Final = 0.9  # without Nesterov's look ahead, as in the authors' code


@dataclass(frozen=True, slots=True)
class Stage:
    """Some epochs of a training in which one configuration holds, which has no second stage."""

    config: Config  # its ``optim.epochs`` are the stage's
    first_epoch: int  # 0-based


def stages(config: Config) -> tuple[Stage, ...]:
    """Return the stages of a training, in order: one, or two."""
    second = config.second_stage
    if isinstance(second, NoSecondStage):
        return (Stage(config, 0),)
    first = config.model_copy(update={"second_stage": NoSecondStage()})
    loss: Loss = CrossEntropy()
    if isinstance(second, Mislas):
        loss = LabelAwareSmoothing(head=second.head, tail=second.tail)
    changed = {
        "optim": Sgd(
            lr=second.lr,
            weight_decay=second.weight_decay,
            momentum=MOMENTUM,
            batch_size=config.optim.batch_size,
            epochs=second.epochs,
        ),
        "loss": loss,
        "reweight": NoReweight(),
        "sampler": InverseFrequencySampler(),
        "schedule": Cosine(),
        "average": NoAverage(),
        "sharpness": NoSharpness(),
    }
    return (Stage(first, 0), Stage(first.model_copy(update=changed), config.optim.epochs))


def stage_at(all_stages: Sequence[Stage], epoch: int) -> Stage:
    """Return the stage that an epoch (0-based) is in."""
    return next(stage for stage in reversed(all_stages) if epoch >= stage.first_epoch)


def final_config(config: Config) -> Config:
    """Return the configuration of the last stage: what the scores of the final network mean goes by its loss."""
    return stages(config)[-1].config


def passes_by_epoch(config: Config) -> tuple[int, ...]:
    """Return how often each patch of an epoch passes through the model, for every epoch."""
    return tuple(stage.config.forward_passes for stage in stages(config) for _ in range(stage.config.optim.epochs))

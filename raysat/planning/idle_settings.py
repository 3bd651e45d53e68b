"""Which settings of a configuration cannot act, whatever the data are: in a training of its length, or beside others.

Only what is certain is said: the numbers that training uses are the same without the setting, or with another value.
Milestones that leave nothing to do are refused (``training/check.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raysat.config.families.images import AugMix, Dcgan
from raysat.config.families.imbalance import ByCounts, Focal, LogitAdjustment
from raysat.config.families.learning import Ema
from raysat.config.families.schedules import Cosine, ExpRange, Triangular, Triangular2
from raysat.config.plugins.settings import PluginSettings
from raysat.config.schema import Config, Model


@dataclass(frozen=True, slots=True)
class IdleSetting:
    """A setting that does nothing, by its dotted key, and why."""

    key: str
    sentence: str


def idle_settings(config: Config, steps_per_epoch: int | None) -> Iterator[IdleSetting]:
    """Yield each setting that does nothing; ``steps_per_epoch`` are batches, None where that is not known."""
    epochs = config.optim.epochs
    if isinstance(config.loss, Focal) and config.loss.gamma == 0:
        yield IdleSetting("loss.kind", "focal loss is plain cross-entropy: loss.gamma is 0")
    # ``training/averaging.py``: the decay of step t is (1 + t) / (10 + t) until it reaches the setting.
    if isinstance(config.average, Ema) and steps_per_epoch is not None:
        steps, decay = epochs * steps_per_epoch, config.average.decay
        if (least := steps / (9 + steps)) <= decay:
            sentence = (
                f"average.decay {decay:g} is not reached in {steps:,} steps: any from {least:.3g} on does the same"
            )
            yield IdleSetting("average.decay", sentence)
    if config.model.trains == "head" and config.model.layer_decay != 1:
        yield IdleSetting("model.layer_decay", "model.layer_decay does nothing: the classifier alone is trained")
    for sentence in _schedule(config, epochs):
        yield IdleSetting("schedule.kind", sentence)


def overruled_settings(config: Config) -> Iterator[IdleSetting]:
    """Yield each setting that does nothing because of another one. A plan does not say so: it is as it should be."""
    if config.schedule.sets_own_lr:
        yield IdleSetting(
            "optim.lr", f"optim.lr does nothing: the {config.schedule.kind} schedule brings its own rates"
        )
    if isinstance(config.model, Model) and config.model.weights is None and config.model.weights_scale != 1:
        yield IdleSetting("model.weights_scale", "model.weights_scale does nothing: model.weights are none")
    if isinstance(config.augment, AugMix) and not config.augment.jsd:
        yield IdleSetting("augment.jsd_weight", "augment.jsd_weight does nothing: augment.jsd is false")
    if isinstance(config.loss, LogitAdjustment) and config.loss.tau == 0:
        yield IdleSetting("loss.kind", "logit adjustment is plain cross-entropy: loss.tau is 0")
    for section, member in (("reweight", config.reweight), ("sampler", config.sampler)):
        if getattr(member, "beta", None) == 0:
            sentence = f"{section}: {member.kind} treats all classes alike: {section}.beta is 0"
            yield IdleSetting(f"{section}.kind", sentence)
    if isinstance(config.synthetic, Dcgan):
        yield from _synthetic(config, config.synthetic)


def _synthetic(config: Config, synthetic: Dcgan) -> Iterator[IdleSetting]:
    if synthetic.equalise:
        yield IdleSetting("synthetic.patches", "synthetic.patches does nothing: synthetic.equalise is true")
    sections = (("loss", config.loss), ("reweight", config.reweight), ("sampler", config.sampler))
    by_counts = [(name, member.kind) for name, member in sections if isinstance(member, ByCounts)]
    if not by_counts and not any(isinstance(member, PluginSettings) for _, member in sections):
        sentence = "synthetic.class_counts does nothing: no margins, weights or sampler go by class counts"
        yield IdleSetting("synthetic.class_counts", sentence)
    elif synthetic.equalise and synthetic.classes == "minority" and synthetic.class_counts == "all":
        for section, kind in by_counts:
            sentence = f"{section}: {kind} treats all classes alike: synthetic.equalise makes them equal"
            yield IdleSetting(f"{section}.kind", sentence)


def _schedule(config: Config, epochs: int) -> Iterator[str]:
    schedule = config.schedule
    match schedule:
        case Cosine(final_lr=rate) if rate == config.optim.lr:
            yield f"the cosine is a constant rate: schedule.final_lr is optim.lr, {rate:g}"
        case Triangular() | Triangular2() | ExpRange() if schedule.base_lr == schedule.max_lr:
            yield f"{schedule.kind} is a constant rate: schedule.base_lr is schedule.max_lr, {schedule.max_lr:g}"
        case Triangular2(step_epochs=half) if 2 * half >= epochs:
            yield f"triangular2 is triangular: {epochs:,} epochs are within its first cycle of 2 x {half:g}"

"""Which settings of a configuration cannot act, whatever the data are: in a training of its length, or beside others.

Only what is certain is said: the numbers that training uses are the same without the setting, or with another value.
Milestones that leave nothing to do are refused (``training/check.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raysat.config.families.base import ByCounts
from raysat.config.families.images import AugMix, BandDropout, SpectralJitter
from raysat.config.families.learning import Ema
from raysat.config.families.losses import Asymmetric, Focal, LabelAwareSmoothing, LogitAdjustment, VectorScaling
from raysat.config.families.mixing import CutMix, Remix
from raysat.config.families.readouts import AdjustedLogits
from raysat.config.families.schedules import Cosine, ExpRange, Triangular, Triangular2
from raysat.config.families.synthetic import GeneratorSettings
from raysat.config.plugins.settings import PluginSettings
from raysat.config.schema import Config, Model
from raysat.data.weights.about import PREFIX


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
    match config.loss:
        case VectorScaling(gamma=0, tau=tau) if tau:
            yield IdleSetting("loss.kind", f"vector scaling is logit adjustment with tau {tau:g}: loss.gamma is 0")
        case Asymmetric() as asymmetric:
            yield from _asymmetric(asymmetric)
    # ``training/averaging.py``: the decay of step t is (1 + t) / (10 + t) until it reaches the setting.
    if isinstance(config.average, Ema) and steps_per_epoch is not None:
        steps, decay = epochs * steps_per_epoch, config.average.decay
        if (least := steps / (9 + steps)) <= decay:
            sentence = (
                f"average.decay {decay:g} is not reached in {steps:,} steps: any from {least:.3g} on does the same"
            )
            yield IdleSetting("average.decay", sentence)
    if isinstance(config.readout, AdjustedLogits) and config.readout.tau == 0:
        yield IdleSetting("readout.kind", "readout: logit_adjustment takes nothing off: readout.tau is 0")
    if config.model.trains == "head" and config.second_stage.kind == "crt":
        sentence = "optim.epochs do nothing: model.trains is head, and cRT trains a new classifier on the same features"
        yield IdleSetting("optim.epochs", sentence)
    if config.model.trains == "head" and config.model.layer_decay != 1:
        yield IdleSetting("model.layer_decay", "model.layer_decay does nothing: the classifier alone is trained")
    if (
        isinstance(config.model, Model)
        and str(config.model.weights).startswith(f"{PREFIX}DOFA")
        and config.model.weights_scale != 1
    ):
        yield IdleSetting(
            "model.weights_scale", "model.weights_scale does nothing: DOFA's weights take standardised values"
        )
    for sentence in _schedule(config, epochs):
        yield IdleSetting("schedule.kind", sentence)
    for sentence in _augment(config):
        yield IdleSetting("augment.kind", sentence)


def overruled_settings(config: Config) -> Iterator[IdleSetting]:
    """Yield each setting that does nothing because of another one. A plan does not say so: it is as it should be."""
    if config.schedule.sets_own_lr:
        yield IdleSetting(
            "optim.lr", f"optim.lr does nothing: the {config.schedule.kind} schedule brings its own rates"
        )
    if isinstance(config.augment, AugMix) and not config.augment.jsd:
        yield IdleSetting("augment.jsd_weight", "augment.jsd_weight does nothing: augment.jsd is false")
    match config.loss:
        case LogitAdjustment(tau=0):
            yield IdleSetting("loss.kind", "logit adjustment is plain cross-entropy: loss.tau is 0")
        case VectorScaling(gamma=0, tau=0):
            yield IdleSetting("loss.kind", "vector scaling is plain cross-entropy: loss.gamma and loss.tau are 0")
        case LabelAwareSmoothing(head=head, tail=tail) if head == tail:
            sentence = f"label-aware smoothing smooths all classes alike: loss.head and loss.tail are both {head:g}"
            yield IdleSetting("loss.kind", sentence)
    if isinstance(config.augment, Remix) and config.augment.tau == 0:
        yield IdleSetting("augment.kind", "Remix is mixup: augment.tau is 0")
    for section, member in (("reweight", config.reweight), ("sampler", config.sampler)):
        if getattr(member, "beta", None) == 0:
            sentence = f"{section}: {member.kind} treats all classes alike: {section}.beta is 0"
            yield IdleSetting(f"{section}.kind", sentence)
    if isinstance(config.synthetic, GeneratorSettings):
        yield from _synthetic(config, config.synthetic)


def _asymmetric(loss: Asymmetric) -> Iterator[IdleSetting]:
    smoothing = loss.label_smoothing
    match loss:
        case Asymmetric(label_smoothing=0, gamma_pos=0):
            yield IdleSetting(
                "loss.kind", "asymmetric loss is plain cross-entropy: loss.gamma_pos and loss.label_smoothing are 0"
            )
        case Asymmetric(label_smoothing=0, gamma_pos=gamma):
            yield IdleSetting(
                "loss.kind", f"asymmetric loss is focal loss with gamma {gamma:g}: loss.label_smoothing is 0"
            )
        case Asymmetric(gamma_pos=0, gamma_neg=0):
            yield IdleSetting(
                "loss.kind",
                f"asymmetric loss is cross-entropy with label_smoothing {smoothing:g}: loss.gamma_pos and "
                "loss.gamma_neg are 0",
            )


def _synthetic(config: Config, synthetic: GeneratorSettings) -> Iterator[IdleSetting]:
    if synthetic.equalise:
        yield IdleSetting("synthetic.patches", "synthetic.patches does nothing: synthetic.equalise is true")
    sections = ("loss", "reweight", "sampler", "sharpness", "augment", "second_stage")
    members = [(name, getattr(config, name)) for name in sections]
    by_counts = [(name, str(getattr(member, "kind", ""))) for name, member in members if isinstance(member, ByCounts)]
    may_count = any(isinstance(getattr(config, name), PluginSettings) for name in ("loss", "reweight", "sampler"))
    if not by_counts and not may_count:
        sentence = "synthetic.class_counts does nothing: no margins, weights or sampler go by class counts"
        yield IdleSetting("synthetic.class_counts", sentence)
    elif synthetic.equalise and synthetic.classes == "minority" and synthetic.class_counts == "all":
        for section, kind in by_counts:
            if kind == "influence_balanced":  # acts where classes are equal, too
                continue
            sentence = f"{section}: {kind} treats all classes alike: synthetic.equalise makes them equal"
            yield IdleSetting(f"{section}.kind", sentence)


def _augment(config: Config) -> Iterator[str]:
    flips = ", but for flips" if getattr(config.augment, "flips", False) else ""
    match config.augment:
        case CutMix(probability=0):
            yield f"CutMix does nothing{flips}: augment.probability is 0"
        case BandDropout(probability=0):
            yield f"band dropout does nothing{flips}: augment.probability is 0"
        case SpectralJitter(gain=0, offset=0, noise=0):
            yield f"spectral jitter does nothing{flips}: augment.gain, offset and noise are 0"


def _schedule(config: Config, epochs: int) -> Iterator[str]:
    schedule = config.schedule
    match schedule:
        case Cosine(final_lr=rate) if rate == config.optim.lr:
            yield f"the cosine is a constant rate: schedule.final_lr is optim.lr, {rate:g}"
        case Triangular() | Triangular2() | ExpRange() if schedule.base_lr == schedule.max_lr:
            yield f"{schedule.kind} is a constant rate: schedule.base_lr is schedule.max_lr, {schedule.max_lr:g}"
        case Triangular2(step_epochs=half) if 2 * half >= epochs:
            yield f"triangular2 is triangular: {epochs:,} epochs are within its first cycle of 2 x {half:g}"

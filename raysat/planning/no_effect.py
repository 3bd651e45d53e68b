"""What arms of a plan set in vain, and why: methods that cannot act on the balance of classes, and other settings.

Margins, class weights and samplers that go by class counts treat all classes alike where these are equal: after
``synthetic.equalise``, or in a store whose classes are balanced. So do some parameters, whatever the counts. Settings
that cannot act in a training of its length are in ``idle_settings.py``, losses without an order to go by in
``ordinal.py``. Arms that pass through the same states and read their weights in the same way have the same result,
whatever they are called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.config.class_weights import class_balanced
from raysat.config.families.base import ByCounts
from raysat.config.families.losses import BalancedSoftmax, LabelAwareSmoothing, Ldam, LogitAdjustment, VectorScaling
from raysat.config.families.mixing import BalancedMixUp, Remix
from raysat.config.families.reweight import Drw, EffectiveNumber, InfluenceBalanced
from raysat.config.families.samplers import Drs, EffectiveNumberSampler
from raysat.config.families.second_stages import ClassifierRetraining, Mislas, WeightScaling
from raysat.config.families.sharpness import ImbSam
from raysat.config.families.synthetic import GeneratorSettings
from raysat.config.milestones import steps_per_epoch
from raysat.config.plugins.settings import PluginSettings
from raysat.config.schema import Config, average_id, digest
from raysat.planning.build import Plan
from raysat.planning.idle_settings import idle_settings
from raysat.planning.ordinal import order_sentences
from raysat.planning.readout_effects import plain_readout, readout_effects

Counts = npt.NDArray[np.int64]
_EQUAL: Final = "these train the same weights, so their results are equal"
_ROUNDING: Final = float(np.finfo(np.float32).eps)  # weights that differ by less are equal in the loss


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEffect:
    """What changes nothing, in some arms."""

    arms: tuple[str, ...]
    sentence: str
    acts: bool = False  # it changes something, but perhaps not what it is there for


def no_effects(plan: Plan) -> tuple[NoEffect, ...]:
    """Find what changes nothing; arms of which the same is to be said are together, in the order of the plan."""
    jobs, generate = {job.id: job for job in plan.trials}, {job.id: job.work for job in plan.generate_jobs}
    real, written = plan.store.counts("train"), {arm.name: arm.config for arm in plan.study.arms}
    arms: dict[str, list[str]] = {}
    notes: set[str] = set()
    results: dict[tuple[str, str, str], list[str]] = {}  # final state, average and readout -> arms
    for arm, seeds in plan.trial_ids.items():
        job = jobs[next(iter(seeds.values()))]
        generated = np.zeros_like(real)
        for need in job.needs:
            generated[generate[need].label] += generate[need].patches
        config = job.trial.config
        patches = int((real + generated).sum())
        # As written: a plan leaves out some of what does nothing.
        idle = idle_settings(written[arm], steps_per_epoch(patches, config.optim.batch_size))
        counts = real if config.synthetic.class_counts == "real" else real + generated
        said = (
            *_sentences(config, real, generated),
            *_no_tail(config, real, generated),
            *(setting.sentence for setting in idle),
            *(order := order_sentences(config, classes=len(real), ordinal=plan.store.ordinal)),
            *readout_effects(config, real + generated, counts),
        )
        notes.update(order)
        for sentence in said:
            arms.setdefault(sentence, []).append(arm)
        read_as = average_id(config.average, job.epochs), digest(plain_readout(config.readout))
        results.setdefault((job.states[-1], *read_as), []).append(arm)
    equal = [NoEffect(arms=tuple(names), sentence=_EQUAL) for names in results.values() if len(names) > 1]
    others = (
        NoEffect(arms=tuple(names), sentence=sentence, acts=sentence in notes) for sentence, names in arms.items()
    )
    return (*equal, *others)


def _sentences(config: Config, real: Counts, generated: Counts) -> list[str]:
    counts = _counted(config, real, generated)
    sections = [(name, getattr(config, name)) for name in ("loss", "reweight", "sampler")]
    by_patch = isinstance(config.reweight, InfluenceBalanced)  # acts where classes are equal, too
    methods = [
        (name, member)
        for name, member in (*sections, ("second_stage", config.second_stage), ("augment", config.augment))
        if isinstance(member, ByCounts) and not isinstance(member, InfluenceBalanced)
    ]
    of_plugins = any(isinstance(member, PluginSettings) for _, member in sections)  # they may go by counts
    of_others = by_patch or of_plugins or isinstance(config.sharpness, ImbSam)
    if not methods and not of_others and config.synthetic.class_counts == "real":
        return ["synthetic.class_counts: real changes nothing: no margins, weights or sampler go by class counts"]
    idle: dict[str, list[str]] = {}  # reason -> methods
    for section, member in methods:
        reason = _equal(config, counts, real) or _parameter(section, member, counts)
        if reason is not None:
            idle.setdefault(reason, []).append(_method_name(section, member))
    alike = [f"{_subject(names)} all classes alike: {reason}" for reason, names in idle.items()]
    return alike + _mixup(config, counts)


def _mixup(config: Config, counts: Counts) -> list[str]:
    """Say that Remix is mixup although classes differ, where it is."""
    if not isinstance(config.augment, Remix) or counts.min() == counts.max():
        return []
    kappa, ratio = config.augment.kappa, counts.max() / counts.min()
    if config.augment.tau == 0:
        return ["Remix is mixup: augment.tau is 0"]
    if ratio < kappa:
        return [
            f"Remix is mixup: no class has augment.kappa {kappa:g} times the patches of another, {ratio:.3g} at most"
        ]
    return []


def _no_tail(config: Config, real: Counts, generated: Counts) -> list[str]:
    """Say that no class is small enough for what acts on small ones."""
    if not isinstance(config.sharpness, ImbSam):
        return []
    counts = _counted(config, real, generated)
    bound = config.sharpness.tail_below(counts)
    if (counts < bound).any():
        return []
    return [
        f"ImbSAM changes nothing, at twice the cost: every class has {counts.min():,} training patches or more, and "
        f"sharpness.tail {config.sharpness.tail:g} means fewer than {bound:,.1f}"
    ]


def _counted(config: Config, real: Counts, generated: Counts) -> Counts:
    """The class counts that methods go by."""
    return real if config.synthetic.class_counts == "real" else real + generated


def _equal(config: Config, counts: Counts, real: Counts) -> str | None:
    """Say that all classes are counted as equal, if they are, and what makes them so."""
    if counts.min() < counts.max():
        return None
    number, synthetic = f"every class has {counts[0]:,}", config.synthetic
    if not isinstance(synthetic, GeneratorSettings):
        return f"{number} training patches"
    if synthetic.class_counts == "real":
        return f"{number} real training patches"
    why = "synthetic.equalise" if synthetic.equalise else "with the generated ones"
    advice = "; synthetic.class_counts: real uses those of the real ones" if real.min() < real.max() else ""
    return f"{number} training patches ({why}){advice}"


def _parameter(section: str, member: ByCounts, counts: Counts) -> str | None:
    """Say which parameter makes different classes equal, if one does."""
    match member:
        case LogitAdjustment(tau=0):
            return f"{section}.tau is 0"
        case VectorScaling(gamma=0, tau=0):
            return f"{section}.gamma and {section}.tau are 0"
        case LabelAwareSmoothing(head=head, tail=tail) if head == tail:
            return f"{section}.head and {section}.tail are both {head:g}"
        case EffectiveNumber(beta=beta) | Drw(beta=beta) | EffectiveNumberSampler(beta=beta) | Drs(beta=beta):
            weights = class_balanced(counts, beta)
            if np.ptp(weights) <= _ROUNDING * weights.max():
                return f"{section}.beta {beta:g} gives {counts.min():,} and {counts.max():,} patches the same weight"
    return None


def _method_name(section: str, member: Any) -> str:
    match member:
        case Ldam():
            return "LDAM margins"
        case BalancedSoftmax():
            return "balanced softmax"
        case LogitAdjustment():
            return "logit adjustment"
        case VectorScaling():
            return "vector scaling"
        case LabelAwareSmoothing():
            return "label-aware smoothing"
        case Remix():
            return "Remix, then mixup,"
        case BalancedMixUp():
            return "Balanced-MixUp"
        case Drw() | Drs():
            return str(member.kind.upper())
        case ClassifierRetraining() | WeightScaling() | Mislas():
            return "the second stage's batches"
        case _:
            return f"{member.kind} weights" if section == "reweight" else f"the {member.kind} sampler"


def _subject(names: list[str]) -> str:
    """A sentence's beginning: what treats."""
    *first, last = names
    several = first or last.endswith(("margins", "weights", "batches"))
    return (f"{', '.join(first)} and {last}" if first else last) + (" treat" if several else " treats")

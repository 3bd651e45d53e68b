"""What acts against imbalance: losses, class weights in them, samplers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config.families.base import Fraction, Positive, Spec


class ByCounts(Spec):
    """What treats classes by their training patches n_c, and so treats classes of equal size alike."""


# --- losses


class CrossEntropy(Spec):
    """Softmax cross-entropy; ``label_smoothing`` of the target spreads over all classes (Szegedy et al. 2016).

    What is spread onto a class counts with that class's weight, as in ``torch.nn.functional.cross_entropy``.
    """

    kind: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Focal(Spec):
    """Focal loss (Lin et al. 2017): (1 - p)^gamma times the cross-entropy, p the probability of the true class."""

    kind: Literal["focal"] = "focal"
    gamma: Annotated[float, Field(ge=0)] = 2.0


class Ldam(ByCounts):
    """Label-distribution-aware margins (Cao et al. 2019): margin C / n_c^(1/4), the largest ``max_margin``."""

    kind: Literal["ldam"] = "ldam"
    max_margin: Positive = 0.5
    scale: Positive = 30.0


class BalancedSoftmax(ByCounts):
    """Balanced softmax (Ren et al. 2020): cross-entropy of logits raised by log n_c."""

    kind: Literal["balanced_softmax"] = "balanced_softmax"


class LogitAdjustment(ByCounts):
    """Logit-adjusted loss (Menon et al. 2021): cross-entropy of logits raised by ``tau`` times the log class share."""

    kind: Literal["logit_adjustment"] = "logit_adjustment"
    tau: Annotated[float, Field(ge=0)] = 1.0


# --- class weights in the loss


class NoReweight(Spec):
    """Every class weighs one."""

    kind: Literal["none"] = "none"


class InverseFrequency(ByCounts):
    """Weights proportional to 1 / n_c (King & Zeng 2001): every class counts as much."""

    kind: Literal["inverse_frequency"] = "inverse_frequency"


class EffectiveNumber(ByCounts):
    """Class-balanced weights (Cui et al. 2019): proportional to (1 - beta) / (1 - beta^n_c)."""

    kind: Literal["effective_number"] = "effective_number"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999


class Drw(ByCounts):
    """Deferred reweighting (Cao et al. 2019): class-balanced weights (Cui et al. 2019) from ``switch`` on."""

    kind: Literal["drw"] = "drw"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    switch: Fraction = 0.8


# --- samplers


class UniformSampler(Spec):
    """Every training patch once an epoch, in random order."""

    kind: Literal["uniform"] = "uniform"


class InverseFrequencySampler(ByCounts):
    """With replacement, probability proportional to 1 / n_c: every class equally often."""

    kind: Literal["inverse_frequency"] = "inverse_frequency"


class SquareRootSampler(ByCounts):
    """With replacement, probability proportional to 1 / sqrt(n_c) (Mahajan et al. 2018)."""

    kind: Literal["square_root"] = "square_root"


class EffectiveNumberSampler(ByCounts):
    """With replacement, probability proportional to (1 - beta) / (1 - beta^n_c) (Cui et al. 2019)."""

    kind: Literal["effective_number"] = "effective_number"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999


class Drs(ByCounts):
    """Deferred resampling (Cao et al. 2019): uniform, then the effective-number sampler from ``switch`` on."""

    kind: Literal["drs"] = "drs"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    switch: Fraction = 0.8


Loss = Annotated[CrossEntropy | Focal | Ldam | BalancedSoftmax | LogitAdjustment, Field(discriminator="kind")]
Reweight = Annotated[NoReweight | InverseFrequency | EffectiveNumber | Drw, Field(discriminator="kind")]
Sampler = Annotated[
    UniformSampler | InverseFrequencySampler | SquareRootSampler | EffectiveNumberSampler | Drs,
    Field(discriminator="kind"),
]

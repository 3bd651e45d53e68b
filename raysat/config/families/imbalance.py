"""What acts against imbalance: losses, class weights in them, samplers.

n_c is the number of training patches of class c. ``describe.py`` reads the paragraphs of these docstrings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config import limits
from raysat.config.families.base import Fraction, Spec, Strength
from raysat.config.families.ordinal import CdwCe, Coral, Corn, Emd2, SoftOrdinal
from raysat.config.plugins.settings import Family, LossSettings, SamplerSettings


class ByCounts(Spec):
    """What treats classes by their training patches n_c, and so treats classes of equal size alike."""


Beta = Annotated[
    Strength,
    Field(
        lt=1,
        description="How much class sizes matter: 0 treats all classes alike, near 1 it is as 1 / n_c. 0.9999 is the "
        "largest value of Cui et al. 2019, for classes of thousands of patches.",
    ),
]

# --- losses


class CrossEntropy(Spec):
    """Softmax cross-entropy: every patch counts alike.

    Use: the baseline of a comparison.
    Cost: none.
    Paper: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision" (label smoothing).
    """

    kind: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Strength = Field(
        default=0.0,
        lt=1,
        description="Share of the target that is spread over all classes, against overconfidence; 0 spreads none. What "
        "falls on a class counts with that class's weight, as in PyTorch. Szegedy et al. 2016 use 0.1.",
    )


class Focal(Spec):
    """Focal loss: patches that are easy already count less.

    (1 - p)^gamma times the cross-entropy, p being the probability of the true class.

    Use: many patches are easy and drown the hard ones; it knows nothing of class sizes.
    Cost: none.
    Paper: Lin et al. 2017, "Focal Loss for Dense Object Detection".
    """

    kind: Literal["focal"] = "focal"
    gamma: Strength = Field(
        default=2.0,
        le=limits.EXPONENT,
        description="How strongly easy patches are discounted; 0 is cross-entropy. 2 served best in Lin et al. 2017.",
    )


class Ldam(ByCounts):
    """Margins: the rarer a class, the clearer it must win (LDAM).

    The score of the true class is lowered by a margin C / n_c^(1/4) in training.

    Use: classes are imbalanced; its authors combine it with deferred reweighting (reweight: drw).
    Cost: none.
    Paper: Cao et al. 2019, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss".
    """

    kind: Literal["ldam"] = "ldam"
    max_margin: float = Field(
        default=0.5,
        ge=1e-6,
        le=limits.WEIGHT,
        description="Margin of the rarest class, which sets C; in scores before scaling. 0.5 as in Cao et al. 2019's "
        "code.",
    )
    scale: float = Field(
        default=30.0,
        ge=0.001,
        le=limits.WEIGHT,
        description="What scores are multiplied by before the softmax. 30 as in Cao et al. 2019's code, where scores "
        "are cosines (model.classifier: cosine).",
    )


class BalancedSoftmax(ByCounts):
    """Softmax that expects the imbalance of training.

    Cross-entropy of scores raised by log n_c, for training alone.

    Use: the test split or the world is more balanced than training is, and no parameter shall be tuned.
    Cost: none.
    Paper: Ren et al. 2020, "Balanced Meta-Softmax for Long-Tailed Visual Recognition".
    """

    kind: Literal["balanced_softmax"] = "balanced_softmax"


class LogitAdjustment(ByCounts):
    """Balanced softmax whose strength can be set.

    Cross-entropy of scores raised by tau times the log of the class's share, for training alone.

    Use: as balanced_softmax, where its strength shall be tuned.
    Cost: none.
    Paper: Menon et al. 2021, "Long-Tail Learning via Logit Adjustment".
    """

    kind: Literal["logit_adjustment"] = "logit_adjustment"
    tau: Strength = Field(
        default=1.0,
        le=limits.EXPONENT,
        description="Strength: 0 is cross-entropy; 1 aims at the best balanced accuracy (Menon et al. 2021, theorem 1) "
        "and is balanced softmax.",
    )


# --- class weights in the loss


class NoReweight(Spec):
    """Every class weighs one.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"


class InverseFrequency(ByCounts):
    """Class weights proportional to 1 / n_c.

    In sum every class counts as much; the weights add up to the number of classes.

    Use: a moderate imbalance; where a class has few patches, their gradients become large and training unsteady.
    Cost: none.
    Paper: King & Zeng 2001, "Logistic Regression in Rare Events Data".
    """

    kind: Literal["inverse_frequency"] = "inverse_frequency"


class EffectiveNumber(ByCounts):
    """Class weights by the effective number of patches.

    Proportional to (1 - beta) / (1 - beta^n_c), adding up to the number of classes: milder than 1 / n_c where a class
    has so many patches that more of them say little new.

    Use: a strong imbalance, where 1 / n_c is too much.
    Cost: none.
    Paper: Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples".
    """

    kind: Literal["effective_number"] = "effective_number"
    beta: Beta = 0.9999


class Drw(ByCounts):
    """Deferred: weights by effective number late in training.

    Features are learned from all patches alike first; class weights then move the borders between classes.

    Use: class weights from the start hurt the large classes; with the LDAM loss, as its authors do.
    Cost: none; it shares the epochs before its switch with the arm that has no weights.
    Paper: Cao et al. 2019, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss".
    """

    kind: Literal["drw"] = "drw"
    beta: Beta = 0.9999
    switch: Fraction = Field(
        default=0.8,
        description="Fraction of training from which on classes are weighted; 0 is from the start, and 1 is refused. "
        "0.8 as in Cao et al. 2019: epoch 160 of 200.",
    )


# --- samplers


class UniformSampler(Spec):
    """Every training patch once an epoch, in random order.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["uniform"] = "uniform"


class InverseFrequencySampler(ByCounts):
    """Draws every class equally often: probability by 1 / n_c.

    With replacement, as many patches an epoch as there are.

    Use: batches shall hold rare classes; their few patches are repeated often and may be learned by heart.
    Cost: none.
    Paper: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition".
    """

    kind: Literal["inverse_frequency"] = "inverse_frequency"


class SquareRootSampler(ByCounts):
    """Draws rare classes more often: probability by 1 / sqrt(n_c).

    With replacement, as many patches an epoch as there are.

    Use: halfway between uniform and inverse_frequency, where the latter overfits rare classes.
    Cost: none.
    Paper: Mahajan et al. 2018, "Exploring the Limits of Weakly Supervised Pretraining".
    """

    kind: Literal["square_root"] = "square_root"


class EffectiveNumberSampler(ByCounts):
    """Draws rare classes more often, by effective number.

    With replacement, as many patches an epoch as there are; probability proportional to (1 - beta) / (1 - beta^n_c).

    Use: as reweight: effective_number, with patches drawn in place of losses weighted.
    Cost: none.
    Paper: Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples".
    """

    kind: Literal["effective_number"] = "effective_number"
    beta: Beta = 0.9999


class Drs(ByCounts):
    """Deferred: resamples by effective number late in training.

    Use: as reweight: drw, with patches drawn in place of losses weighted.
    Cost: none; it shares the epochs before its switch with the arm of the uniform sampler.
    Paper: Cao et al. 2019, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss".
    """

    kind: Literal["drs"] = "drs"
    beta: Beta = 0.9999
    switch: Fraction = Field(
        default=0.8,
        description="Fraction of training from which on classes are resampled; 0 is from the start, and 1 is refused. "
        "0.8 as in Cao et al. 2019: epoch 160 of 200.",
    )


Loss = Annotated[
    CrossEntropy
    | Focal
    | Ldam
    | BalancedSoftmax
    | LogitAdjustment
    | Corn
    | Coral
    | CdwCe
    | Emd2
    | SoftOrdinal
    | LossSettings,
    Family("loss"),
]
Reweight = Annotated[NoReweight | InverseFrequency | EffectiveNumber | Drw, Field(discriminator="kind")]
Sampler = Annotated[
    UniformSampler | InverseFrequencySampler | SquareRootSampler | EffectiveNumberSampler | Drs | SamplerSettings,
    Family("sampler"),
]

"""What training minimises, some of it against imbalance. n_c is the number of training patches of class c."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import ByCounts, Spec, Strength
from raysat.config.families.ordinal import CdwCe, Coral, Corn, Emd2, SoftOrdinal
from raysat.config.plugins.settings import Family, LossSettings


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
    """Margins: rarer classes must win more clearly (LDAM).

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


class VectorScaling(ByCounts):
    """Shifts and stretches scores by class size (VS).

    Cross-entropy of scores that are multiplied by (n_c / n_max)^gamma and raised by tau times the log of the class's
    share, for training alone: the factor keeps its effect when training patches are all classified right, where what
    is added fades.

    Use: as logit_adjustment, for networks that fit their training patches; its two strengths want tuning.
    Cost: none.
    Paper: Kini et al. 2021, "Label-Imbalanced and Group-Sensitive Classification under Overparameterization".
    """

    kind: Literal["vector_scaling"] = "vector_scaling"
    gamma: Strength = Field(
        default=0.3,
        le=limits.EXPONENT,
        description="Strength of the factor: 0 is logit adjustment. 0.3 as in Kini et al. 2021's code.",
    )
    tau: Strength = Field(
        default=1.0,
        le=limits.EXPONENT,
        description="Strength of what is added: 0 adds nothing. 1 as in Kini et al. 2021's code.",
    )


class Asymmetric(Spec):
    """Focal loss, true and other classes apart (ASL).

    Labels are smoothed; the log probability of the true class counts (1 - p)^gamma_pos, that of another class
    p^gamma_neg, so that the smoothed part hardly pulls up what is improbable already. It is its authors' code for one
    label a patch; their paper is on many.

    Use: labels are noisy, or many patches are easy; it knows nothing of class sizes.
    Cost: none.
    Paper: Ridnik et al. 2021, "Asymmetric Loss For Multi-Label Classification".
    """

    kind: Literal["asymmetric"] = "asymmetric"
    gamma_pos: Strength = Field(
        default=0.0,
        le=limits.EXPONENT,
        description="How strongly patches are discounted whose true class is probable, as focal's gamma; 0 as in "
        "Ridnik et al. 2021's code.",
    )
    gamma_neg: Strength = Field(
        default=4.0,
        le=limits.EXPONENT,
        description="How strongly other classes are discounted that are improbable; label_smoothing above 0 alone "
        "takes it. 4 as in Ridnik et al. 2021's code.",
    )
    label_smoothing: Strength = Field(
        default=0.1,
        lt=1,
        description="Share of the target that is spread over all classes; what falls on a class counts with that "
        "class's weight. 0.1 as in Ridnik et al. 2021's code.",
    )


class LabelAwareSmoothing(ByCounts):
    """Label smoothing that is stronger for larger classes.

    From tail at the smallest class to head at the largest, along a quarter of a sine of n_c.

    Use: the model is too sure of large classes, and its probabilities shall be calibrated.
    Cost: none.
    Paper: Zhong et al. 2021, "Improving Calibration for Long-Tailed Recognition".
    """

    kind: Literal["label_aware_smoothing"] = "label_aware_smoothing"
    head: Strength = Field(
        default=0.3,
        lt=1,
        description="Share of the target of the largest class that is spread over all classes. 0.3 as in Zhong et al. "
        "2021's settings for ImageNet-LT.",
    )
    tail: Strength = Field(
        default=0.0,
        lt=1,
        description="That share of the smallest class, at most head. 0 as in Zhong et al. 2021's settings for "
        "ImageNet-LT.",
    )

    @model_validator(mode="after")
    def _descending(self) -> LabelAwareSmoothing:
        if self.tail > self.head:
            raise ValueError(f"tail must be at most head, {self.head:g}, got {self.tail:g}")
        return self


Loss = Annotated[
    CrossEntropy
    | Focal
    | Ldam
    | BalancedSoftmax
    | LogitAdjustment
    | VectorScaling
    | Asymmetric
    | LabelAwareSmoothing
    | Corn
    | Coral
    | CdwCe
    | Emd2
    | SoftOrdinal
    | LossSettings,
    Family("loss"),
]

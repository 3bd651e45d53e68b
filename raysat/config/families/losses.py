"""What training minimises, some of it against imbalance. n_c is the number of training patches of class c."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config import limits
from raysat.config.families.base import ByCounts, Spec, Strength
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


Loss = Annotated[CrossEntropy | Focal | Ldam | BalancedSoftmax | LogitAdjustment | LossSettings, Family("loss")]

"""Losses for classes with an order, in which some mistakes are larger than others.

They take the order of the classes from the store, whose labels are 0 to K - 1. Class weights (``reweight``) count by a
patch's true class in all of them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from raysat.config import limits
from raysat.config.families.base import Spec


class Ordinal(Spec):
    """A loss that takes the classes for ordered as a store lists them."""


class Corn(Ordinal):
    """Asks step by step if a patch is above a class (CORN).

    K - 1 scores in place of K: the k-th is for the probability that a patch is above class k, given that it is above
    all before; it learns from patches for which that is so. Class probabilities are products of these, and the loss is
    their negative log-likelihood. The mean is over patches, where the paper's is over patches and steps: a factor. The
    most probable class is predicted, where the paper predicts the median.

    Use: classes have an order, and the steps between them need not look alike.
    Cost: none.
    Paper: Shi et al. 2021, "Deep Neural Networks for Rank-Consistent Ordinal Regression Based On Conditional
    Probabilities".
    """

    kind: Literal["corn"] = "corn"


class Coral(Ordinal):
    """One score of a patch, with borders on it (CORAL).

    K - 1 yes-or-no questions, whether a patch is above class k, which share all weights and differ in their bias. The
    most probable class is predicted, where the paper predicts the median. Needs a model of timm with a linear
    classifier.

    Use: classes are ranges of one quantity, such as forage, cover or age; after short trainings it predicts none of
    the classes in the middle.
    Cost: none.
    Paper: Cao, Mirjalili & Raschka 2020, "Rank Consistent Ordinal Regression for Neural Networks with Application to
    Age Estimation".
    """

    kind: Literal["coral"] = "coral"


class CdwCe(Ordinal):
    """Cross-entropy that counts far mistakes more (CDW-CE).

    The sum over wrong classes i of -|i - y|^alpha log(1 - p_i), y being the true class. Without the margin of a later
    paper.

    Use: far mistakes are the ones that hurt.
    Cost: none.
    Paper: Polat et al. 2022, "Class Distance Weighted Cross-Entropy Loss for Ulcerative Colitis Severity Estimation".
    """

    kind: Literal["cdw_ce"] = "cdw_ce"
    alpha: float = Field(
        default=2.0,
        ge=0.01,
        le=10,
        description="Exponent of a wrong class's distance: the larger, the more far mistakes count; losses, and so "
        "steps of SGD, grow with it. 2 as in the authors' code; a later paper of theirs found 5 to 7 best on four "
        "classes.",
    )


class Emd2(Ordinal):
    """Squared earth mover's distance to the true class (EMD).

    The sum over classes of squared differences of cumulative probabilities; without a share of cross-entropy.

    Use: far mistakes shall count more, but no patch without limit, as some labels are wrong.
    Cost: none; slow to start where predictions are sure and wrong, as its slope vanishes there.
    Paper: Hou et al. 2016, "Squared Earth Mover's Distance-based Loss for Training Deep Neural Networks".
    """

    kind: Literal["emd2"] = "emd2"


class SoftOrdinal(Ordinal):
    """Cross-entropy with labels spread to neighbours (SORD).

    The target of class i is proportional to exp(-phi), phi being its scaled distance from the true class.

    Use: classes have an order, and labels next to the given one are nearly as right.
    Cost: none; probabilities stay as soft as the labels.
    Paper: Diaz & Marathe 2019, "Soft Labels for Ordinal Regression".
    """

    kind: Literal["soft_ordinal"] = "soft_ordinal"
    distance: Literal["absolute", "squared"] = Field(
        default="squared",
        description="What phi is of two classes: |i - y| or its square, which leaves far classes less. The paper "
        "takes any distance.",
    )
    scale: float = Field(
        default=1.0,
        ge=0.01,
        le=limits.EXPONENT,
        description="What phi is multiplied by: the larger, the harder the labels. At 1 and squared, the true class "
        "has 0.56 of a patch in the middle of many classes.",
    )

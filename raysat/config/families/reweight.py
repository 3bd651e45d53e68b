"""What each class counts in the loss, against imbalance. n_c is the number of training patches of class c."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config.families.base import Beta, ByCounts, Fraction, Spec


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


class InfluenceBalanced(ByCounts):
    """Deferred: discounts patches that move borders (IB).

    From the switch on a patch's loss is multiplied by alpha / (|p - y| |h| + 0.001), the sums of absolute differences
    between its probabilities and its label and of absolute features before the classifier, and classes weigh as with
    inverse_frequency. Patches of large classes near the border to small ones then count less.

    Use: large classes crowd out small ones, and a few patches decide; not where labels of rare classes are noisy.
    Cost: none; it shares the epochs before its switch with the arm that has no weights.
    Paper: Park et al. 2021, "Influence-Balanced Loss for Imbalanced Visual Classification".
    """

    kind: Literal["influence_balanced"] = "influence_balanced"
    alpha: float = Field(
        default=1000.0,
        ge=1e-3,
        le=1e6,
        description="What the loss is multiplied by, against the size of features; with Adam it matters little. 1000 "
        "as in Park et al. 2021's script, which with SGD takes a hundredth of the rate from the switch on (schedule: "
        "multistep).",
    )
    switch: Fraction = Field(
        default=0.5,
        description="Fraction of training from which on influence is balanced; 0 is from the start, and 1 is refused. "
        "0.5 as in Park et al. 2021: epoch 100 of 200.",
    )


Reweight = Annotated[
    NoReweight | InverseFrequency | EffectiveNumber | Drw | InfluenceBalanced, Field(discriminator="kind")
]

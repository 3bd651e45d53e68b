"""Which training patches an epoch draws, against imbalance. n_c is the number of training patches of class c."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config.families.base import Beta, ByCounts, Fraction, Spec
from raysat.config.plugins.settings import Family, SamplerSettings


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
    """Draws rare classes more often: by 1 / sqrt(n_c).

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
    """Deferred: samples by effective number late in training.

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


Sampler = Annotated[
    UniformSampler | InverseFrequencySampler | SquareRootSampler | EffectiveNumberSampler | Drs | SamplerSettings,
    Family("sampler"),
]

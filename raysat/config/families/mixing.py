"""Augmentations that mix patches of different classes: mixup and what came of it.

Each mixes the losses of both labels, too (``training/losses.py``). ``describe.py`` reads the paragraphs of these
docstrings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config import limits
from raysat.config.families.base import ByCounts, Concentration, Spec, Strength

Flips = Annotated[
    bool,
    Field(description="Whether each patch is flipped and turned at random before, as by dihedral."),
]


class OneView(Spec):
    """What has one image of a patch pass through the model, in the patch's place."""

    @property
    def forward_passes(self) -> int:
        """Images that pass through the model for each patch of a batch."""
        return 1


class MixUp(OneView):
    """Mixes each patch and its loss with another one (mixup).

    Use: a model that overfits; it makes probabilities less sure.
    Cost: little beside the model.
    Paper: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
    """

    kind: Literal["mixup"] = "mixup"
    alpha: Concentration = Field(
        default=0.2,
        description="Parameter of the Beta(alpha, alpha) that the weight of a batch is drawn from: near 0 patches stay "
        "as they are, 1 draws all weights alike. 0.2 as in the paper on ImageNet.",
    )


class BalancedMixUp(OneView, ByCounts):
    """Mixes in patches of balanced classes (Balanced-MixUp).

    The partners are drawn from all training patches so that each class is as likely, whatever batches are drawn by;
    their weight in a batch is drawn from Beta(alpha, 1), which is alpha / (1 + alpha) on average.

    Use: rare classes are overfitted where a sampler repeats their patches; the sampler stays uniform.
    Cost: within noise (2 %) of a step of ResNet-18 on a CPU core (65 x 65 pixels, 11 bands; median of 9);
    twice the patches are read.
    Paper: Galdran et al. 2021, "Balanced-MixUp for Highly Imbalanced Medical Image Classification".
    """

    kind: Literal["balanced_mixup"] = "balanced_mixup"
    alpha: Concentration = Field(
        default=0.1,
        description="Parameter of the Beta(alpha, 1) that the partners' weight in a batch is drawn from: near 0 "
        "patches stay as they are, 1 draws all weights alike. 0.1 as in the example of the authors' code.",
    )
    flips: Flips = False


class Remix(OneView, ByCounts):
    """Mixup that favours the label of the rarer class (Remix).

    Pixels are mixed as by mixup. Where one class has kappa times the patches of the other and the rarer one's share of
    the pixels is more than 1 - tau, the label is the rarer class alone.

    Use: as mixup where classes are imbalanced; its authors combine it with deferred reweighting (reweight: drw).
    Cost: within noise (2 %) of a step of ResNet-18 on a CPU core (65 x 65 pixels, 11 bands; median of 9).
    Paper: Chou et al. 2020, "Remix: Rebalanced Mixup".
    """

    kind: Literal["remix"] = "remix"
    alpha: Concentration = Field(
        default=1.0,
        description="Parameter of the Beta(alpha, alpha) that the weight of a batch is drawn from, as of mixup; 1 "
        "draws all weights alike.",
    )
    kappa: float = Field(
        default=3.0,
        gt=1,
        le=limits.WEIGHT,
        description="How many times the patches a class needs to be the majority of the two. 3 as in the paper.",
    )
    tau: Strength = Field(
        default=0.5,
        le=1,
        description="Below which share of the pixels the majority loses its label; 0 is mixup. 0.5 as in the paper.",
    )
    flips: Flips = False


class CutMix(OneView):
    """Pastes a box of another patch into each patch (CutMix).

    The losses of the two are mixed by area.

    Use: a model that overfits or looks at one spot alone, where a label holds for all parts of a patch; not where it
    is about its centre.
    Cost: at most 3 % (noise is 2) of a step of ResNet-18 on a CPU core (65 x 65 pixels, 11 bands; median of 9).
    Paper: Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features".
    """

    kind: Literal["cutmix"] = "cutmix"
    alpha: Concentration = Field(
        default=1.0,
        description="Parameter of the Beta(alpha, alpha) that the share of what stays is drawn from; 1 draws all "
        "shares alike, as in the paper.",
    )
    probability: Strength = Field(
        default=0.5,
        le=1,
        description="Probability that a batch is mixed. 0.5 as in the authors' code for small images (CIFAR), which "
        "has 1 for ImageNet.",
    )
    flips: Flips = False

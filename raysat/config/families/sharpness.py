"""Sharpness-aware minimisation: steps that look for weights whose neighbours are good, too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy.typing as npt
from pydantic import Field

from raysat.config.families.base import ByCounts, Spec, Strength

Radius = Annotated[float, Field(ge=1e-6, le=100)]


class NoSharpness(Spec):
    """Each step follows the gradient where the weights are.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"

    @property
    def forward_passes(self) -> int:
        """Times that a step passes its images through the model."""
        return 1


class _TwoPasses(Spec):
    @property
    def forward_passes(self) -> int:
        """Where the weights are, and where they are worst nearby."""
        return 2


class Sam(_TwoPasses):
    """Follows the gradient at the worst weights nearby (SAM).

    The weights go up the gradient of the batch, to the distance rho; the step is taken with the gradient there. Weight
    decay is no part of that gradient. Batch norm's running statistics move with the first pass alone.

    Use: a model that overfits, with time for twice the work.
    Cost: two forward and backward passes a step, and a second copy of the weights.
    Paper: Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently Improving Generalization".
    """

    kind: Literal["sam"] = "sam"
    rho: Radius = Field(
        default=0.05,
        description="How far away the worst weights lie, over all weights together. 0.05 as in Foret et al. 2021.",
    )


class Asam(_TwoPasses):
    """SAM whose distance is relative to each weight (ASAM).

    A weight w goes as far as abs(w) + eta lets it, so that scaling layers against each other changes nothing; biases
    go as in SAM.

    Use: as sam, where weights of the layers differ much in size.
    Cost: two forward and backward passes a step, and a second copy of the weights.
    Paper: Kwon et al. 2021, "ASAM: Adaptive Sharpness-Aware Minimization for Scale-Invariant Learning of Deep Neural
        Networks".
    """

    kind: Literal["asam"] = "asam"
    rho: Radius = Field(
        default=0.5, description="How far away the worst weights lie, relative to weights. 0.5 as in Kwon et al. 2021."
    )
    eta: Strength = Field(
        default=0.01,
        le=1,
        description="What is added to the size of each weight, so that small ones move, too. 0.01 as in Kwon et al. "
        "2021.",
    )


class ImbSam(_TwoPasses, ByCounts):
    """SAM for small classes alone (ImbSAM).

    The gradient of small classes is taken at the weights that are worst for them nearby, that of the others where the
    weights are.

    Use: rare classes are overfitted, and SAM would smooth the large ones most.
    Cost: two forward and three backward passes a step, and a second copy of the weights.
    Paper: Zhou et al. 2023, "ImbSAM: A Closer Look at Sharpness-Aware Minimization in Class-Imbalanced Recognition".
    """

    kind: Literal["imbsam"] = "imbsam"
    rho: Radius = Field(
        default=0.05,
        description="How far away the worst weights lie, over all weights together. 0.05 as in Zhou et al. 2023.",
    )
    tail: float = Field(
        default=1.0,
        ge=0.01,
        le=1,
        description="A class is small with fewer training patches than this share of the mean over classes; 1 is all "
        "below the mean. Zhou et al. 2023 count patches, fewer than 20 on CIFAR-100-LT, which is a share of 0.18.",
    )

    def tail_below(self, counts: npt.NDArray[Any]) -> float:
        """Below how many training patches a class is of the tail, given those of each class."""
        return self.tail * float(counts.mean())


Sharpness = Annotated[NoSharpness | Sam | Asam | ImbSam, Field(discriminator="kind")]

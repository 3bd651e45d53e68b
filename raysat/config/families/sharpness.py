"""Sharpness-aware minimisation: steps that look for weights whose neighbours are good, too."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config import limits
from raysat.config.families.base import Spec


class NoSharpness(Spec):
    """Each step follows the gradient where the weights are.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"


class Sam(Spec):
    """Follows the gradient at the worst weights nearby (SAM).

    Use: a model that overfits, with time for twice the work.
    Cost: two forward and backward passes a step.
    Paper: Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently Improving Generalization".
    """

    kind: Literal["sam"] = "sam"
    rho: float = Field(
        default=0.05, ge=limits.SMALLEST, le=10, description="How far away the worst weights lie. 0.05 as in the paper."
    )


Sharpness = Annotated[NoSharpness | Sam, Field(discriminator="kind")]

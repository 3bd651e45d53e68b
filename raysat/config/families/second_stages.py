"""Second stages: a short training of the classifier alone, after that of the whole network (decoupled training)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raysat.config import limits
from raysat.config.families.base import Rate, Spec


class NoSecondStage(Spec):
    """Training ends with its last epoch.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"
    epochs: ClassVar[int] = 0


class _SecondStage(Spec):
    epochs: int = Field(
        default=10,
        ge=1,
        le=limits.EPOCHS,
        description="Passes over as many patches as there are training patches, after those of optim.epochs.",
    )
    lr: Rate = Field(
        default=0.1, description="First learning rate of its SGD with momentum 0.9; half a cosine takes it to 0."
    )


class ClassifierRetraining(_SecondStage):
    """Retrains the classifier alone, on balanced classes (cRT).

    The features stay as they are; a new classifier learns from batches that hold every class equally often.

    Use: features are learned well from all patches, and their classifier favours the large classes.
    Cost: its own epochs, without a backward pass through the features; it shares all others with the arm without it.
    Paper: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition".
    """

    kind: Literal["crt"] = "crt"


SecondStage = Annotated[NoSecondStage | ClassifierRetraining, Field(discriminator="kind")]

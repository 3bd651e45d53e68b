"""Second stages: a short training of the classifier alone, after that of the whole network (decoupled training)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import ByCounts, Fraction, Rate, Spec, Strength


class NoSecondStage(Spec):
    """Training ends with its last epoch.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"
    epochs: ClassVar[int] = 0


class _SecondStage(ByCounts):
    epochs: int = Field(
        default=10,
        ge=1,
        le=limits.EPOCHS,
        description="Passes over as many patches as there are training patches, after those of optim.epochs. 10 as in "
        "the code of Kang et al. 2020 and of Zhong et al. 2021.",
    )
    lr: Rate = Field(
        default=0.1,
        description="First learning rate of its SGD with momentum 0.9; half a cosine takes it to 0. 0.1 as in the code "
        "of Zhong et al. 2021, for batches of 256; that of Kang et al. 2020 has 0.2, for 512.",
    )
    weight_decay: Strength = Field(
        default=5e-4,
        le=limits.RATE,
        description="How strongly what it trains is pulled towards zero, as a term of the gradient. 5e-4 as in the "
        "code of Kang et al. 2020 and, for ImageNet, of Zhong et al. 2021.",
    )


class ClassifierRetraining(_SecondStage):
    """Trains a new classifier on balanced classes (cRT).

    The features stay as they are; a new classifier learns from batches that hold every class equally often.

    Use: features are learned well from all patches, and their classifier favours the large classes.
    Cost: its own epochs, without a backward pass through the features; it shares all others with the arm without it.
    Paper: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition".
    """

    kind: Literal["crt"] = "crt"


class WeightScaling(_SecondStage):
    """Trains one factor a class on balanced classes (LWS).

    It says how long a class's weights are; their direction stays, and so do the features. As in the authors' code it
    multiplies the weights and the bias. At the end it is multiplied into them, so that the model is as any other.

    Use: as crt, where rare classes have so few patches that a new classifier would learn them by heart.
    Cost: its own epochs, without a backward pass through the features; it shares all others with the arm without it.
    Paper: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition".
    """

    kind: Literal["lws"] = "lws"
    epochs: int = Field(
        default=5,
        ge=1,
        le=limits.EPOCHS,
        description="Passes over as many patches as there are training patches, after those of optim.epochs. 5 as in "
        "the code of Kang et al. 2020 for ImageNet.",
    )


class Mislas(_SecondStage):
    """Trains on with labels smoothed by class size (MiSLAS).

    On balanced classes it trains a factor for each, as lws does, and at a small rate the weights as well. Labels of
    large classes are smoothed more, by a concave function of n_c, so that the network is less sure of them. As in the
    authors' code, what is smoothed is spread over all classes, the true one included; in the paper, over the others.

    Use: as crt, with probabilities that are less overconfident; its authors train the first stage with mixup.
    Cost: its own epochs, without a backward pass through the features; it shares all others with the arm without it.
    Paper: Zhong et al. 2021, "Improving Calibration for Long-Tailed Recognition".
    """

    kind: Literal["mislas"] = "mislas"
    head: Strength = Field(
        default=0.3,
        lt=1,
        description="Share of the target that is spread over all classes where the true class is the largest one. 0.3 "
        "as in the code of Zhong et al. 2021 for ImageNet.",
    )
    tail: Strength = Field(
        default=0.0,
        lt=1,
        description="The same where the true class is the smallest one; at most head. 0 as there.",
    )
    shift_bn: bool = Field(
        default=True,
        description="Whether batch norm takes the statistics of the balanced batches, and its running ones move with "
        "them. Its weights stay in either case. A network without batch norm has none to move.",
    )
    lr_factor: Fraction = Field(
        default=0.05,
        description="What lr is multiplied by for the classifier's weights; the factors have lr itself. 0.05 as in the "
        "code of Zhong et al. 2021 for ImageNet, which has 0.1 to 0.5 for CIFAR; with 0 the weights stay.",
    )

    @model_validator(mode="after")
    def _descending(self) -> Mislas:
        if self.tail > self.head:
            raise ValueError(f"tail must be at most head, {self.head:g}, got {self.tail:g}")
        return self


SecondStage = Annotated[NoSecondStage | ClassifierRetraining | WeightScaling | Mislas, Field(discriminator="kind")]

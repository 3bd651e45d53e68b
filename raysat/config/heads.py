"""What a network's last layer gives, which follows from the loss: a score for each class, or for each step between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from raysat.config.families.losses import Loss
from raysat.config.families.ordinal import Coral, Corn
from raysat.config.families.reweight import InfluenceBalanced
from raysat.config.schema import Config

# Of K ordered classes: a score for each; K - 1, each for being above class k given that all before are passed; or
# K - 1, each for being above class k, that share their weights.
Head = Literal["class_scores", "conditional", "cumulative"]


def head_of(loss: Loss) -> Head:
    """Return what a loss wants of a network."""
    match loss:
        case Corn():
            return "conditional"
        case Coral():
            return "cumulative"
        case _:
            return "class_scores"


def has_class_scores(loss: Loss) -> bool:
    """Say whether a network under this loss gives a score for each class."""
    return head_of(loss) == "class_scores"


def outputs(head: Head, classes: int) -> int:
    """Return how many scores of a patch a network gives."""
    return classes if head == "class_scores" else classes - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearNeed:
    """A setting that needs a network which ends with a linear classifier."""

    by: str  # the setting
    instead: str  # what to do where there is none
    with_bias: bool = False

    @classmethod
    def of_cosines(cls) -> Self:
        """Cosines take the place of its scores."""
        return cls(by="model.classifier: cosine", instead="set model.classifier: linear")

    @classmethod
    def of_steps(cls, loss: str = "corn or coral") -> Self:
        """A score for each step takes the place of one for each class."""
        return cls(by=f"loss: {loss}", instead="choose another loss")

    @classmethod
    def of_readout(cls, kind: str) -> Self:
        """It is given other weights and biases."""
        return cls(by=f"readout: {kind}", instead="choose another readout", with_bias=True)

    @classmethod
    def all_of(cls, config: Config) -> tuple[Self, ...]:
        """What needs one in a configuration."""
        needs = []
        if config.model.classifier == "cosine":
            needs.append(cls.of_cosines())
        if not has_class_scores(config.loss):
            needs.append(cls.of_steps(config.loss.kind))
        if isinstance(config.reweight, InfluenceBalanced):
            needs.append(cls(by="reweight: influence_balanced", instead="choose another reweight"))
        if config.second_stage.epochs:
            needs.append(cls(by=f"second_stage: {config.second_stage.kind}", instead="set second_stage.kind: none"))
        if config.readout.needs_linear:
            needs.append(cls.of_readout(config.readout.kind))
        return tuple(needs)

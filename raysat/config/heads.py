"""What a network's last layer gives, which follows from the loss: a score for each class, or for each step between."""

from __future__ import annotations

from typing import Literal

from raysat.config.families.losses import Loss
from raysat.config.families.ordinal import Coral, Corn

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

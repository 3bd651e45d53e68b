"""Last layers of ordinal losses in place of a linear one: K - 1 scores, with weights of their own or shared ones."""

from __future__ import annotations

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysat.config.heads import Head, outputs
from raysat.errors import PlanError


class CoralClassifier(nn.Module):
    """One score of a patch plus K - 1 biases: (B, D) to (B, K - 1) (Cao et al. 2020).

    Biases begin at 1 down to 1 / (K - 1), as in the authors' package ``coral-pytorch``: in the order in which they end.
    Its other choice, zeros, leaves classes in the middle without any probability at first.
    """

    def __init__(self, weight_1D: Tensor, steps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight_1D)
        self.bias = nn.Parameter(torch.arange(steps, 0, -1, dtype=torch.float32, device=weight_1D.device) / steps)

    def forward(self, features_BD: Tensor) -> Tensor:
        """Return the scores, which descend where the biases do."""
        return F.linear(features_BD, self.weight) + self.bias


def make_ordinal(network: nn.Module, name: str, head: Head) -> None:
    """Replace the linear classifier of a timm model, of a score for each class, by one of a score for each step.

    It keeps the weights that it begins with, as many as it needs, and draws none: all others of a seed are those that
    a network of class scores would have.

    Args:
        network: it is changed.
        name: of the model.
        head: what it shall give.

    Raises:
        PlanError: a model without a linear classifier.
    """
    place, linear = last_linear(network, name, "an ordinal one", "choose another loss, or another model.name")
    steps = outputs(head, linear.out_features)
    if head == "cumulative":
        network.set_submodule(place, CoralClassifier(linear.weight.detach()[:1].clone(), steps))
        return
    linear.weight = nn.Parameter(linear.weight.detach()[:steps].clone())
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[:steps].clone())
    linear.out_features = steps


def check_ordinal(name: str, head: Head) -> None:
    """Raise PlanError for a timm model without the linear classifier that an ordinal one would replace."""
    with torch.device("meta"):  # no weight is made
        make_ordinal(timm.create_model(name, num_classes=3), name, head)


def last_linear(network: nn.Module, name: str, other: str, hint: str) -> tuple[str, nn.Linear]:
    """Return where a timm model's linear classifier is, and the classifier.

    Args:
        network: of the model.
        name: of the model.
        other: what shall replace it, for the error.
        hint: for the error.

    Raises:
        PlanError: it has none.
    """
    classifier: object = getattr(network, "get_classifier", lambda: None)()
    if not isinstance(classifier, nn.Linear):
        raise PlanError(f"model {name!r} has no linear classifier that {other} could replace", hint=hint)
    (place,) = [place for place, module in network.named_modules() if module is classifier]
    return place, classifier

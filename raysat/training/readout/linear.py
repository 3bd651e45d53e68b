"""The linear classifier at the end of a network: found, measured, and replaced in a copy."""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor, nn

from raysat.errors import PlanError
from raysat.training.models.last_layer import last_layer


def linear_classifier(network: nn.Module, classes: int, *, kind: str) -> nn.Linear:
    """Return the layer of a timm network that gives a linear score of each class.

    Args:
        network: with or without the adapter before it.
        classes: how many scores it must give.
        kind: of the readout that needs it, for the error.

    Raises:
        PlanError: it has none: another layer, another number of scores, or no bias.
    """
    found = last_layer(network)
    if not isinstance(found, nn.Linear) or found.out_features != classes or found.bias is None:
        raise PlanError(
            f"readout: {kind} needs a linear classifier with a score and a bias for each class, which this model does "
            "not end with",
            hint="choose another readout, or another model.name",
        )
    return found


def with_classifier(network: nn.Module, weight_KD: Tensor, bias_K: Tensor, *, kind: str) -> nn.Module:
    """Return a copy of a network, in evaluation mode, whose linear classifier has these weights.

    Args:
        network: it stays as it is.
        weight_KD: by class.
        bias_K: by class.
        kind: of the readout, for the error of ``linear_classifier``.
    """
    copied = deepcopy(network).eval()
    classifier = linear_classifier(copied, len(bias_K), kind=kind)
    classifier.load_state_dict({"weight": weight_KD, "bias": bias_K})
    return copied

"""The last layer of a network: found, replaced, and looked for before anything is trained."""

from __future__ import annotations

from copy import deepcopy

import timm
import torch
from torch import Tensor, nn

from raysat.config.heads import Head, LinearNeed, outputs
from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Config
from raysat.errors import PlanError
from raysat.training.models.backbone import backbone_of
from raysat.training.models.classifiers import CoralClassifier, CosineClassifier


def last_layer(network: nn.Module) -> nn.Module | None:
    """Return the classifier of a network of ``build``; None where timm names no layer."""
    found = placed_last_layer(network)
    return None if found is None else found[1]


def classifier_of(backbone: nn.Module) -> nn.Module | None:
    """Return what timm calls a model's classifier, perhaps of several layers; None where it names none."""
    classifier: object = getattr(backbone, "get_classifier", lambda: None)()
    return classifier if isinstance(classifier, nn.Module) else None


def placed_last_layer(network: nn.Module) -> tuple[str, nn.Module] | None:
    """Return where in a network of ``build`` its classifier is, and the classifier; None where timm names no layer.

    Args:
        network: of a model of timm, perhaps behind a layer of units or an adapter.
    """
    classifier = classifier_of(backbone_of(network))
    if classifier is None:
        return None
    places = [place for place, module in network.named_modules(remove_duplicate=False) if module is classifier]
    return (places[0], classifier) if len(places) == 1 else None


def linear_layer(network: nn.Module, name: str, need: LinearNeed) -> tuple[str, nn.Linear]:
    """Return where a network's linear classifier is, and the classifier.

    Args:
        network: as of ``placed_last_layer``.
        name: of its model, for the error.
        need: what asks for it.

    Raises:
        PlanError: it ends with another layer, or without a bias where that is asked for.
    """
    found = placed_last_layer(network)
    if found is None or not isinstance(found[1], nn.Linear) or (need.with_bias and found[1].bias is None):
        biases = " with biases" if need.with_bias else ""
        raise PlanError(
            f"{need.by} needs a model that ends with a linear classifier{biases}, which {name!r} does not",
            hint=f"{need.instead}, or choose another model.name",
        )
    return found[0], found[1]


def with_linear_weights(network: nn.Module, place: str, weight_KD: Tensor, bias_K: Tensor) -> nn.Module:
    """Return a copy of a network, in evaluation mode, whose linear classifier has these weights.

    Args:
        network: it stays as it is.
        place: of the classifier, as of ``linear_layer``.
        weight_KD: by class.
        bias_K: by class.
    """
    copied = deepcopy(network).eval()
    copied.get_submodule(place).load_state_dict({"weight": weight_KD, "bias": bias_K})
    return copied


def make_cosine(network: nn.Module, name: str) -> None:
    """Replace the linear classifier of a timm model of this name by a cosine one. Raises PlanError without one."""
    place, linear = linear_layer(network, name, LinearNeed.of_cosines())
    network.set_submodule(place, CosineClassifier(linear.in_features, linear.out_features))


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
    place, linear = linear_layer(network, name, LinearNeed.of_steps())
    steps = outputs(head, linear.out_features)
    if head == "cumulative":
        network.set_submodule(place, CoralClassifier(linear.weight.detach()[:1].clone(), steps))
        return
    linear.weight = nn.Parameter(linear.weight.detach()[:steps].clone())
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[:steps].clone())
    linear.out_features = steps


def check_last_layer(config: Config) -> None:
    """Refuse a model of timm without the linear classifier that other settings need; no weight is made.

    Raises:
        PlanError: it has none.
    """
    needs = LinearNeed.all_of(config)
    if not needs or isinstance(config.model, ModelSettings):
        return
    with torch.device("meta"):
        network = timm.create_model(config.model.name, num_classes=2)
    for need in needs:
        linear_layer(network, config.model.name, need)

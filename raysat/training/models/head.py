"""The classifier at a network's end, which a second stage trains: whether there is one, and one with factors."""

from __future__ import annotations

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysat.errors import PlanError
from raysat.training.models.build import CosineClassifier


def head_place(network: nn.Module) -> str | None:
    """Return where in a network of ``build`` its linear or cosine classifier is; None without one."""
    backbone = getattr(network, "backbone", network) if type(network) is nn.Sequential else network  # after an adapter
    classifier: object = getattr(backbone, "get_classifier", lambda: None)()
    if not isinstance(classifier, nn.Linear | CosineClassifier):
        return None
    places = [place for place, module in network.named_modules(remove_duplicate=False) if module is classifier]
    return places[0] if len(places) == 1 else None


def check_head(name: str) -> None:
    """Raise PlanError for a model of timm without the linear classifier that a second stage trains."""
    with torch.device("meta"):  # no weight is made
        require_head(timm.create_model(name, num_classes=2), name)


def require_head(network: nn.Module, name: str) -> None:
    """Raise PlanError for a network, of the model of this name, without such a classifier."""
    if head_place(network) is None:
        raise PlanError(
            f"second_stage: model {name!r} has no linear classifier that it could train",
            hint="set second_stage.kind: none, or choose another model.name",
        )


class ScaledClassifier(nn.Module):
    """A linear classifier with a factor for each class: (B, D) to (B, K).

    Factors multiply weights and biases, not scores, which is the same but for rounding: so its scores are those of the
    linear classifier that is left in the end, to the bit.
    """

    def __init__(self, linear: nn.Linear, *, score_factor: float, trains_weights: bool) -> None:
        """Start at a copy of a linear classifier.

        Args:
            linear: whose scores these are at first.
            score_factor: what they are multiplied by first.
            trains_weights: whether its weights learn, beside the factors.
        """
        super().__init__()
        bias = linear.bias  # may be None, whatever its type says
        self.weight = nn.Parameter(linear.weight.detach() * score_factor, requires_grad=trains_weights)
        self.bias = None if bias is None else nn.Parameter(bias.detach() * score_factor, requires_grad=trains_weights)
        self.factors_K = nn.Parameter(torch.ones_like(self.weight[:, 0]))

    def forward(self, features_BD: Tensor) -> Tensor:
        """Return the scores."""
        return F.linear(features_BD, *self._folded())

    def _folded(self) -> tuple[Tensor, Tensor | None]:
        return self.weight * self.factors_K[:, None], None if self.bias is None else self.bias * self.factors_K

    @torch.no_grad()
    def folded(self) -> nn.Linear:
        """Return the linear classifier of the same scores."""
        weight, bias = self._folded()
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")  # draws no number
        linear.weight = nn.Parameter(weight)
        if bias is not None:
            linear.bias = nn.Parameter(bias)
        return linear

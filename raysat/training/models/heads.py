"""Classifier heads other than timm's linear one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysat.errors import PlanError


class CosineClassifier(nn.Module):
    """Scores that are the cosines between features and one vector for each class: (B, D) to (B, K) in [-1, 1].

    ``NormedLinear`` of the code of Cao et al. 2019: no bias, class vectors of length one from uniform(-1, 1)
    coordinates. In float32 also under autocast, as the loss sharpens cosines 30-fold and bfloat16 has three digits.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.empty(classes, features).uniform_(-1, 1), dim=1))

    def forward(self, features_BD: Tensor) -> Tensor:
        """Return the cosines; they do not change with the features' length."""
        with torch.autocast(features_BD.device.type, enabled=False):
            return F.linear(F.normalize(features_BD.float(), dim=-1), F.normalize(self.weight, dim=-1))


def make_cosine(network: nn.Module, name: str) -> None:
    """Replace the linear classifier of a timm model of this name by a cosine one. Raises PlanError without one."""
    classifier: object = getattr(network, "get_classifier", lambda: None)()
    if not isinstance(classifier, nn.Linear):
        raise PlanError(
            f"model {name!r} has no linear classifier that a cosine one could replace",
            hint="set model.classifier: linear, or choose another model.name",
        )
    (place,) = [place for place, module in network.named_modules() if module is classifier]
    network.set_submodule(place, CosineClassifier(classifier.in_features, classifier.out_features))

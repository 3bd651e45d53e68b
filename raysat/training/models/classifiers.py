"""Last layers in place of a linear one: cosines, one score with borders on it, and one with a factor for each class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        kind = "cpu" if features_BD.is_meta else features_BD.device.type  # shapes alone, which autocast does not know
        with torch.autocast(kind, enabled=False):
            return F.linear(F.normalize(features_BD.float(), dim=-1), F.normalize(self.weight, dim=-1))


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

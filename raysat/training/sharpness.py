"""Gradients of sharpness-aware minimisation: one where the weights are, one where they are worst nearby.

Norms are of the gradient of the whole batch, on however many workers its patches lie: they take the steps of one.
Weight decay belongs to the optimiser and clipping to what it is given, so neither moves the weights on the way up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raysat.config.families.sharpness import Asam, ImbSam, NoSharpness, Sam, Sharpness
from raysat.training.parallel import Workers
from raysat.training.step_inputs import Alone, Partners, UpdateInputs

Seen = TypeVar("Seen")  # what the network says of a batch
_NO_GRADIENT: Final = 1e-12  # beside a norm, so that weights without a slope stay, as in the authors' code


def is_tail(sharpness: ImbSam, counts: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which classes are of the tail, shape (K,), given their training patches."""
    below: npt.NDArray[np.bool_] = counts < sharpness.tail_below(counts)
    return below


class TwoPasses:
    """Computes the gradient of a step in two passes; keeps nothing from one step to the next."""

    def __init__(
        self, sharpness: Sam | Asam | ImbSam, network: nn.Module, workers: Workers, counts: npt.NDArray[Any]
    ) -> None:
        """Take what the gradient is of.

        Args:
            sharpness: how weights near by are found.
            network: what is trained, not wrapped for several workers.
            workers: that share each batch.
            counts: training patches of each class, shape (K,).
        """
        self._sharpness, self._workers = sharpness, workers
        named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
        self._weights = [weight for _, weight in named]
        self._is_scaled = ["weight" in name for name, _ in named]  # by ASAM, whose authors leave biases as they are
        self._network, self._tail_K = network, None
        if isinstance(sharpness, ImbSam):
            self._tail_K = torch.as_tensor(is_tail(sharpness, counts), device=self._weights[0].device).float()

    def backward(
        self, see: Callable[[], Seen], loss: Callable[[Seen, UpdateInputs], Tensor], inputs: UpdateInputs
    ) -> Tensor:
        """Leave the gradient of a step in the weights; return the loss where they are, without a graph.

        Batch norm's statistics, and whatever else the network keeps, move in the first pass alone, as in training
        without it: the second sees weights that the network never has.

        Args:
            see: passes the batch through the network.
            loss: of what it said, a scalar; linear in the patches' weights.
            inputs: of the step.
        """
        first, uphill = see(), inputs
        others_loss: Tensor | float = 0.0
        others: list[Tensor | None] = [None] * len(self._weights)
        if self._tail_K is not None:
            uphill = of_classes(inputs, self._tail_K)
            others_loss = loss(first, of_classes(inputs, 1 - self._tail_K))
            others = self._gradient(others_loss, again=True)
        uphill_loss = loss(first, uphill)
        direction = self._gradient(uphill_loss)
        with torch.no_grad():
            state = [*self._weights, *self._network.buffers()]
            before = [value.clone() for value in state]
            self._climb(direction)
        for weight in self._weights:
            weight.grad = None
        torch.autograd.backward(loss(see(), uphill))
        with torch.no_grad():
            for value, kept in zip(state, before, strict=True):
                value.copy_(kept)
            self._workers.average([weight.grad for weight in self._weights if weight.grad is not None])
            for weight, other in zip(self._weights, others, strict=True):
                if other is not None:
                    weight.grad = other.clone() if weight.grad is None else weight.grad + other
        return (uphill_loss + others_loss).detach()

    def _gradient(self, loss: Tensor, *, again: bool = False) -> list[Tensor | None]:
        """The whole batch's gradient of a loss; ``again`` keeps the graph for another one of the same batch."""
        found: list[Tensor | None] = list(
            torch.autograd.grad(loss, self._weights, retain_graph=again, allow_unused=True)
        )
        self._workers.average([slope for slope in found if slope is not None])
        return found

    def _climb(self, direction: list[Tensor | None]) -> None:
        """Move the weights to the worst ones at the distance rho, as far as the gradient tells.

        SAM, eq. 2 of Foret et al. 2021: rho g / |g|. ASAM, algorithm 1 of Kwon et al. 2021: rho T^2 g / |T g| with
        T = |w| + eta, and T = 1 of biases.
        """
        moved = [
            (weight, slope, is_scaled)
            for weight, slope, is_scaled in zip(self._weights, direction, self._is_scaled, strict=True)
            if slope is not None
        ]
        weights: list[Tensor] = [weight for weight, _, _ in moved]
        slopes = [slope for _, slope, _ in moved]
        match self._sharpness:
            case Sam() | ImbSam():
                norm = nn.utils.get_total_norm(slopes)
            case Asam(eta=eta):
                sizes = [weight.abs() + eta if is_scaled else torch.ones_like(weight) for weight, _, is_scaled in moved]
                slopes = list(torch._foreach_mul(slopes, sizes))
                norm = nn.utils.get_total_norm(slopes)
                slopes = list(torch._foreach_mul(slopes, sizes))
            case _:
                assert_never(self._sharpness)
        step = self._sharpness.rho / (norm + _NO_GRADIENT)
        torch._foreach_addcmul_(weights, slopes, [step] * len(slopes))


def two_passes(
    sharpness: Sharpness, network: nn.Module, workers: Workers, counts: npt.NDArray[Any]
) -> TwoPasses | None:
    """Return what computes the gradients of a training; None where the usual ones do.

    Args:
        sharpness: the method.
        network: as of ``TwoPasses``.
        workers: that share each batch.
        counts: training patches of each class, shape (K,).
    """
    return None if isinstance(sharpness, NoSharpness) else TwoPasses(sharpness, network, workers, counts)


def of_classes(inputs: UpdateInputs, share_K: Tensor) -> UpdateInputs:
    """Return the inputs of a step whose patches, and mixup's partners, weigh as much as a share of their class says."""
    share_b, partners = share_K[inputs.labels_b], inputs.partners
    match partners:
        case Partners():
            of_partners = partners.class_weights_b * share_K[partners.labels_b]
            partners = partners._replace(class_weights_b=of_partners)
        case Alone():
            pass
        case _:
            assert_never(partners)
    return inputs._replace(
        class_weights_b=inputs.class_weights_b * share_b,
        mean_weights_b=inputs.mean_weights_b * share_b,
        partners=partners,
    )

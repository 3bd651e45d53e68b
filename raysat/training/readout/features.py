"""What the features of training patches are by class: sums that a pass over them leaves, whoever made the pass.

Features are what the linear classifier gets. Sums are in float64, and added up over the workers of a trial.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from raysat.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSums:
    """Of N features of D numbers, in K classes; float64."""

    counts_K: Tensor
    sums_KD: Tensor  # by class
    products_DD: Tensor  # sum of f f^T over all features


def feature_sums(
    network: nn.Module, classifier: nn.Linear, batches: Iterable[tuple[Tensor, Tensor]], *, classes: int
) -> FeatureSums:
    """Pass batches through a network and add up what its classifier gets.

    Args:
        network: in evaluation mode.
        classifier: its last layer.
        batches: what the network sees (B, C, H, W) and its labels (B,), on its device.
        classes: how many there are.

    Returns:
        The sums, of these batches alone.

    Raises:
        PlanError: the classifier gets other than one vector for each patch.
    """
    device, width = classifier.weight.device, classifier.in_features
    counts_K = torch.zeros(classes, dtype=torch.float64, device=device)
    sums_KD = torch.zeros(classes, width, dtype=torch.float64, device=device)
    products_DD = torch.zeros(width, width, dtype=torch.float64, device=device)
    seen: list[Tensor] = []
    hook = classifier.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        for patches_BCHW, labels_B in batches:
            seen.clear()
            network(patches_BCHW)
            if len(seen) != 1 or seen[0].shape != (len(labels_B), width):
                raise PlanError(
                    "readout: nearest_mean needs a model whose classifier gets one vector for each patch",
                    hint="choose another readout, or another model.name",
                )
            features_BD = seen[0].double()
            own_BK = (labels_B[:, None] == torch.arange(classes, device=device)).double()
            counts_K += own_BK.sum(dim=0)
            sums_KD += own_BK.T @ features_BD
            products_DD += features_BD.T @ features_BD
    finally:
        hook.remove()
    return FeatureSums(counts_K=counts_K, sums_KD=sums_KD, products_DD=products_DD)


def nearest_mean(sums: FeatureSums) -> tuple[Tensor, Tensor]:
    """Return the weights (K, D) and biases (K,), float64, of a linear classifier that finds the nearest class mean.

    |f - m_c|^2 is least where m_c.f - |m_c|^2 / 2 is largest (Kang et al. 2020, section 4.1, with Euclidean distances).
    Divided by a variance, these are the log-densities of Gaussians about the means but for a constant, so that their
    softmax is a posterior. The variance is that of features within classes along the lines between the means: on
    average over pairs of classes, weighted by their squared distance. Means are taken from their own mean, for digits.
    """
    means_KD = sums.sums_KD / sums.counts_K[:, None]
    centre_D = means_KD.mean(dim=0)
    away_KD = means_KD - centre_D
    within_DD = sums.products_DD - sums.sums_KD.T @ means_KD  # the scatter of features about their class's mean
    spread = ((away_KD @ within_DD) * away_KD).sum() / sums.counts_K.sum()
    distance = away_KD.square().sum()
    variance = (spread / distance.clamp_min(torch.finfo(torch.float64).tiny)).clamp_min(1e-6 * distance / len(means_KD))
    variance = variance.clamp_min(torch.finfo(torch.float32).tiny)  # where all features are the same
    bias_K = (centre_D.square().sum() - means_KD.square().sum(dim=1)) / 2
    return away_KD / variance, bias_K / variance

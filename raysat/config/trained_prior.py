"""The share of each class in what a training presented: the prior of the posterior that its network learned.

Cross-entropy fits the posterior of the patches that it sees. A class weight w_c acts as w_c patches in place of one, a
sampler presents classes as often as it draws them, labels of mixed patches count by their shares, and a loss that adds
the log of a prior to the scores in training (Ren et al. 2020, Menon et al. 2021) leaves the scores without it. No
torch: the planner asks here too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.config.class_weights import class_weights
from raysat.config.draw_weights import draw_weights
from raysat.config.families.images import Augment
from raysat.config.families.losses import BalancedSoftmax, LogitAdjustment, VectorScaling
from raysat.config.families.mixing import BalancedMixUp, Remix
from raysat.config.milestones import sampler_at
from raysat.config.plugins.settings import SamplerSettings
from raysat.config.schema import Config
from raysat.config.stages import stage_at, stages

Floats = npt.NDArray[np.float64]


def trained_prior(
    config: Config, patches: npt.NDArray[Any], counts: npt.NDArray[Any], *, epochs: int | None = None
) -> Floats:
    """Return the share of each class, shape (K,), as the last epoch presented them.

    What a plugin's sampler draws and what a plugin's loss adjusts is not known: its classes count as they are.

    Args:
        config: of the training.
        patches: training patches of each class, generated ones included, none of them zero.
        counts: those that methods go by: the same, or the real ones alone.
        epochs: done; by default all. A trial that ends on the way of another one has seen what that had until then.
    """
    last = (config.epochs if epochs is None else epochs) - 1
    stage = stage_at(stages(config), last)
    own, last, planned = stage.config, last - stage.first_epoch, stage.config.optim.epochs
    drawn_k = patches.astype(np.float64)
    sampler = sampler_at(own.sampler, epoch=last, epochs=planned)
    if not isinstance(sampler, SamplerSettings):
        drawn_k *= draw_weights(sampler, counts)
    weights_k = class_weights(own.reweight, counts, epoch=last, epochs=planned)
    logs_k = np.log(_mixed(own.augment, drawn_k, weights_k, patches, counts))
    match own.loss:
        case BalancedSoftmax():
            logs_k -= np.log(counts)
        case LogitAdjustment(tau=tau) | VectorScaling(tau=tau):
            logs_k -= tau * np.log(counts)
    return _normed(np.exp(logs_k - logs_k.max()))


def _mixed(
    augment: Augment, drawn_k: Floats, weights_k: Floats, patches: npt.NDArray[Any], counts: npt.NDArray[Any]
) -> Floats:
    """What each class counts in the loss, labels of mixed patches included; mixing at random changes nothing."""
    match augment:
        case BalancedMixUp(alpha=alpha):
            share = alpha / (1 + alpha)  # of the partners, on average
            return (1 - share) * _normed(drawn_k * weights_k) + share * _normed(patches / counts * weights_k)
        case Remix(kappa=kappa):
            ratio_kk = counts[:, None] / counts
            less = _kept(augment)  # what is left of the majority's half
            own_kk = np.where(ratio_kk >= kappa, less, np.where(ratio_kk <= 1 / kappa, 1 - less, 0.5))
            return _normed(drawn_k * weights_k * (own_kk @ _normed(drawn_k)))
        case _:
            return _normed(drawn_k * weights_k)


def _kept(remix: Remix) -> float:
    """The expected share of its label that a patch of the majority keeps: of lam ~ Beta(alpha, alpha), if >= tau."""
    from scipy.special import betainc  # noqa: PLC0415  (a fifth of a second, that others do without)

    return float(0.5 * (1 - betainc(remix.alpha + 1, remix.alpha, remix.tau)))


def _normed(values_k: Floats) -> Floats:
    shares: Floats = values_k / values_k.sum()
    return shares

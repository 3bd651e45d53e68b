"""Losses by patch, and how they become the loss of a batch.

Everything is computed by patch in float32 and summed with weights that add up to one over the whole batch, on however
many data-parallel ranks its patches lie. What a loss knows of the class counts is in ``class_constants.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

from raysat.config.families.images import AugMix, BandDropout, Dihedral, NoAugment, SpectralJitter, TrivialAugment
from raysat.config.families.losses import (
    Asymmetric,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    LabelAwareSmoothing,
    Ldam,
    LogitAdjustment,
    VectorScaling,
)
from raysat.config.families.mixing import BalancedMixUp, CutMix, MixUp, Remix
from raysat.config.families.ordinal import CdwCe, Coral, Corn, Emd2, SoftOrdinal
from raysat.config.families.reweight import InfluenceBalanced
from raysat.config.plugins.settings import AugmentSettings, LossSettings
from raysat.config.plugins.use import call, method_of, wrong_result
from raysat.config.schema import Config
from raysat.config.score_factor import cosine_factor, score_factor
from raysat.training import influence, ordinal, soft_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """The other half of a mixed batch: the patch that each patch was mixed with."""

    labels_B: Tensor  # int64, of the partners
    class_weights_B: Tensor  # the partners', in the class-weighted mean
    shares: Tensor  # of the patches' own labels, and of the partners': for all alike (2,), or for each (2, B)


def batch_loss(
    config: Config,
    logits_VBK: Tensor,
    labels_B: Tensor,
    *,
    constants_RK: Tensor,
    weights_K: Tensor,
    class_weights_B: Tensor,
    mean_weights_B: Tensor,
    mixed: Mixed | None = None,
    norms_B: Tensor | None = None,
) -> Tensor:
    """Return the loss of a batch of V views: supervised on the first, consistent over all with AugMix's ``jsd``.

    It is a scalar: this rank's part of the mean over the batch, times the ranks.

    Args:
        config: which loss, whose scores, which augmentation.
        logits_VBK: the classifier's scores, of any float type.
        labels_B: int64.
        constants_RK: as of ``class_constants``, float32.
        weights_K: what each class counts in this epoch (``class_weights``), float32.
        class_weights_B: each patch's weight in the mean weighted by class (``sampling.shard``).
        mean_weights_B: each patch's weight in the plain mean.
        mixed: where patches are mixed, the partners: the supervised loss is then that of both labels, weighted by
            ``mixed.shares`` (Zhang et al. 2018).
        norms_B: sizes of the patches' features, where influence is balanced in this epoch (``influence.py``).
    """

    def of_labels(labels_B: Tensor) -> Tensor:
        found_B = patch_losses(config, logits_VBK[0], labels_B, constants_RK, weights_K)
        if norms_B is None or not isinstance(config.reweight, InfluenceBalanced):
            return found_B
        logits_BK = posterior_logits(config, logits_VBK[0])
        return influence.balanced(found_B, logits_BK, labels_B, norms_B, alpha=config.reweight.alpha)

    losses_B = of_labels(labels_B)
    if mixed is None:
        supervised = losses_B @ class_weights_B
    else:
        partners_B = of_labels(mixed.labels_B)
        own, partner = mixed.shares.unbind()
        supervised = _part(losses_B, class_weights_B, own) + _part(partners_B, mixed.class_weights_B, partner)
    match config.augment:
        case AugMix(jsd=False) | NoAugment() | Dihedral() | MixUp() | BalancedMixUp() | Remix() | CutMix():
            return supervised
        case TrivialAugment() | BandDropout() | SpectralJitter() | AugmentSettings():
            return supervised
        case AugMix(jsd_weight=jsd_weight):
            return supervised + jsd_weight * (jensen_shannon(posterior_logits(config, logits_VBK)) @ mean_weights_B)
        case _:
            assert_never(config.augment)


def _part(losses_B: Tensor, weights_B: Tensor, share: Tensor) -> Tensor:
    """One of two labels' part of a loss; the share is of all patches () or of each (B,)."""
    return share * (losses_B @ weights_B) if share.dim() == 0 else losses_B @ (share * weights_B)


def patch_losses(
    config: Config, logits_BK: Tensor, labels_B: Tensor, constants_RK: Tensor, weights_K: Tensor
) -> Tensor:
    """Return the loss of each patch (B,), float32, before it is weighted.

    Where labels are smoothed, class weights are in the loss itself, as PyTorch has it: what smoothing spreads onto a
    class is weighted by that class's weight w_c, not by the true class's w_y. Since the patch's weight in the mean is
    proportional to w_y, the weight of the spread part here is w_c / w_y.

    Args:
        config: which loss, and whose scores: those of a linear classifier or cosines in [-1, 1].
        logits_BK: the classifier's scores, of any float type; K - 1 where ``heads.head_of`` says so.
        labels_B: int64.
        constants_RK: as of ``class_constants``, float32.
        weights_K: what each class counts, float32.
    """
    match config.loss:
        case CrossEntropy(label_smoothing=smoothing) if smoothing:
            logits_BK = posterior_logits(config, logits_BK)
            weighted_B = F.cross_entropy(
                logits_BK, labels_B, weight=weights_K, reduction="none", label_smoothing=smoothing
            )
            return weighted_B / weights_K[labels_B]
        case CrossEntropy():
            logits_BK = posterior_logits(config, logits_BK)
        case Focal(gamma=gamma):
            nats_B = F.cross_entropy(posterior_logits(config, logits_BK), labels_B, reduction="none")
            # 1 - p is -expm1(-nats); at 0 its power has no finite slope where gamma < 1.
            wrong_B = (-torch.expm1(-nats_B)).clamp_min(torch.finfo(torch.float32).tiny)
            return wrong_B**gamma * nats_B
        case Ldam():
            own_BK = labels_B[:, None] == torch.arange(logits_BK.shape[1], device=labels_B.device)
            logits_BK = posterior_logits(config, logits_BK.float() - own_BK * constants_RK[0])
        case BalancedSoftmax() | LogitAdjustment():
            logits_BK = posterior_logits(config, logits_BK) + constants_RK[0]
        case VectorScaling():
            logits_BK = posterior_logits(config, logits_BK) * constants_RK[0] + constants_RK[1]
        case Asymmetric(gamma_pos=gamma_pos, gamma_neg=gamma_neg, label_smoothing=smoothing):
            return soft_targets.asymmetric(
                posterior_logits(config, logits_BK),
                labels_B,
                weights_K,
                gamma_pos=gamma_pos,
                gamma_neg=gamma_neg,
                smoothing=smoothing,
            )
        case LabelAwareSmoothing():
            logits_BK = posterior_logits(config, logits_BK)
            return soft_targets.smoothed(logits_BK, labels_B, constants_RK[0][labels_B], weights_K)
        case Corn() | Coral() | CdwCe() | Emd2() | SoftOrdinal() as of_order:
            return ordinal.patch_losses(of_order, _scores(config, logits_BK), labels_B)
        case LossSettings() as settings:
            return _of_plugin(settings, _scores(config, logits_BK), labels_B, constants_RK[0])
        case _:
            assert_never(config.loss)
    return F.cross_entropy(logits_BK, labels_B, reduction="none")


def posterior_logits(config: Config, logits: Tensor) -> Tensor:
    """Return the logits (..., K), float32, whose softmax is the class posterior that a loss is trained for.

    LDAM trains softmax(scale * z); its margin is for training alone. Balanced softmax and logit adjustment fit the
    posterior of the imbalanced training data with the class prior *added* to z, so that the plain z is left with the
    posterior of balanced classes (for tau = 1), whose argmax has the best balanced accuracy: theirs are the plain
    logits. So are those of vector scaling, which its authors classify by; with a factor (gamma > 0) their softmax is
    the posterior of no class prior. Focal and asymmetric losses, too, are read as a plain softmax, as by their authors.
    What they are multiplied by, cosines above all, ``score_factor.py`` says. CORN's and CORAL's K - 1 scores become the
    log-probabilities of K classes (``ordinal.py``). A plugin's loss may have a function of its own, of the scores that
    the loss gets.
    """
    if (factor := score_factor(config)) is not None:
        return _times(factor, logits)
    match config.loss:
        case Corn():
            return ordinal.corn_log_posterior(_scores(config, logits))
        case Coral():
            return ordinal.coral_log_posterior(_scores(config, logits))
        case LossSettings() as settings if posterior := method_of(settings).options.get("posterior"):
            scores = _scores(config, logits)
            found = call(settings, scores, function=posterior)
            if not isinstance(found, Tensor) or found.shape != scores.shape:
                raise wrong_result(settings, f"has a posterior of other than {tuple(scores.shape)} logits")
            return found.float()
        case _:
            raise TypeError(f"loss {config.loss.kind} has no posterior")


def _times(factor: float, logits: Tensor) -> Tensor:
    """Return scores times a factor, float32."""
    return logits.float() if factor == 1 else factor * logits.float()


def _scores(config: Config, logits: Tensor) -> Tensor:
    """What a loss gets that has no factor of its own."""
    return _times(cosine_factor(config), logits)


def _of_plugin(settings: LossSettings, logits_BK: Tensor, labels_B: Tensor, counts_K: Tensor) -> Tensor:
    """The loss of each patch, by a plugin. Raises PluginError where it is no float32 (B,)."""
    found = call(settings, logits_BK, labels_B, counts_K)
    if not isinstance(found, Tensor) or found.shape != labels_B.shape or found.dtype != torch.float32:
        what = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise wrong_result(
            settings, f"returns {what}, not the loss of each patch: torch.float32 {tuple(labels_B.shape)}"
        )
    return found


def jensen_shannon(logits_VBK: Tensor) -> Tensor:
    """Jensen-Shannon consistency of V views of each patch, shape (B,), float32 (Hendrycks et al. 2020, eq. 2).

    The mean over views of KL(p_v || mixture), the mixture clamped to [1e-7, 1] as in the authors' code.
    """
    log_p_VBK = F.log_softmax(logits_VBK.float(), dim=-1)
    p_VBK = log_p_VBK.exp()
    log_mixture_BK = p_VBK.mean(dim=0).clamp(1e-7, 1.0).log()
    return (p_VBK * (log_p_VBK - log_mixture_BK)).sum(dim=-1).mean(dim=0)

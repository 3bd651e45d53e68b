"""The loss of several views of a patch: one is supervised, and those of AugMix shall agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax, xlogy

from raysat.config.families.images import AugMix, Dihedral
from raysat.config.families.losses import CrossEntropy, Ldam
from raysat.config.schema import Config
from raysat.training import losses
from raysat.training.class_constants import class_constants

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, views=st.integers(2, 4), spread=st.sampled_from([0.1, 3.0, 40.0]))
@settings(max_examples=60)
def test_jensen_shannon_is_the_mean_divergence_from_the_mixture(seed: int, views: int, spread: float) -> None:
    logits = np.random.default_rng(seed).normal(size=(views, 5, 4)) * spread
    p = softmax(logits, axis=2)
    mixture = np.clip(p.mean(axis=0), 1e-7, 1)
    expected = (xlogy(p, p) - p * np.log(mixture)).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(losses.jensen_shannon(torch.from_numpy(logits)).numpy(), expected, rtol=1e-3, atol=1e-5)


def test_jensen_shannon_is_that_of_the_augmix_code() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 8, 4)
    p = logits.softmax(dim=2)
    mixture = torch.clamp(p.sum(dim=0) / 3, 1e-7, 1).log()
    expected = sum(F.kl_div(mixture, each, reduction="batchmean") for each in p) / 3
    torch.testing.assert_close(losses.jensen_shannon(logits).mean(), expected)


def test_jensen_shannon_is_zero_for_equal_views_and_finite_at_extremes() -> None:
    logits = torch.tensor([[[900.0, -900.0]]]).repeat(3, 1, 1).requires_grad_()
    loss = losses.jensen_shannon(logits).sum()
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("augment", [Dihedral(), AugMix(jsd=False)])
def test_one_view_in_the_patchs_place_is_supervised_alone(augment: Dihedral | AugMix) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(1, 4, 3), torch.tensor([0, 1, 2, 0])
    even = torch.full((4,), 0.25)
    shares = {"class_weights_B": even, "mean_weights_B": even}
    found = losses.batch_loss(
        Config(augment=augment), logits, labels, constants_RK=torch.zeros(0, 3), weights_K=torch.ones(3), **shares
    )
    torch.testing.assert_close(found, F.cross_entropy(logits[0], labels))


def test_augmix_adds_the_weighted_divergence_of_the_trained_posterior() -> None:
    torch.manual_seed(0)
    counts, labels, even = np.array([9, 4, 2]), torch.tensor([0, 1, 2, 0]), torch.full((4,), 0.25)
    views = torch.randn(3, 4, 3) / 10
    for loss, scale in ((CrossEntropy(), 1.0), (Ldam(scale=20.0), 20.0)):
        config = Config(loss=loss, augment=AugMix(jsd_weight=7.0))
        margins, ones = torch.from_numpy(class_constants(loss, counts)).float(), torch.ones(3)
        shares = {"class_weights_B": even, "mean_weights_B": even}
        found = losses.batch_loss(config, views, labels, constants_RK=margins, weights_K=ones, **shares)
        supervised = losses.patch_losses(config, views[0], labels, margins, ones).mean()
        torch.testing.assert_close(found, supervised + 7 * losses.jensen_shannon(scale * views).mean())

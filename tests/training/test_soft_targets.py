"""Losses whose target is spread over all classes: how weights act in them, and which other losses they become."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from raysat.config.families.losses import Asymmetric, CrossEntropy, Focal, LabelAwareSmoothing, Loss
from raysat.config.schema import Config
from raysat.training import losses
from raysat.training.class_constants import class_constants
from raysat.training.label_aware import smoothing_by_class

SEEDS = st.integers(0, 2**32 - 1)


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores and labels of three classes."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(6, 3)) * 3), torch.from_numpy(rng.integers(0, 3, 6))


def ours(loss: Loss, seed: int, counts: np.ndarray, weights: torch.Tensor) -> np.ndarray:
    constants = torch.from_numpy(class_constants(loss, counts)).float()
    return losses.patch_losses(Config(loss=loss), *batch(seed), constants, weights.float()).numpy()


@given(seed=SEEDS, weights=st.lists(st.floats(1e-2, 1e2), min_size=3, max_size=3).map(np.array))
@settings(max_examples=40)
def test_soft_targets_weigh_what_falls_on_a_class_by_its_weight(seed: int, weights: np.ndarray) -> None:
    """As PyTorch's cross-entropy of soft targets; the patch's own weight is taken out, as it is in the mean."""
    logits, labels = batch(seed)
    weight, counts, shares = torch.from_numpy(weights), np.array([50, 20, 5]), np.array([0.4, 0.25, 0.1])
    shares[1] = 0.1 + 0.3 * np.sin(np.pi / 2 * 15 / 45)
    targets = (1 - shares[labels])[:, None] * np.eye(3)[labels] + shares[labels][:, None] / 3
    theirs = F.cross_entropy(logits, torch.from_numpy(targets), weight=weight, reduction="none")
    found = ours(LabelAwareSmoothing(head=0.4, tail=0.1), seed, counts, weight)
    np.testing.assert_allclose(found, theirs / weight[labels], rtol=1e-4, atol=1e-5)


@given(seed=SEEDS, smoothing=st.just(0.0) | st.floats(1e-12, 0.99), gamma=st.just(0.0) | st.floats(1e-12, 5))
@settings(max_examples=60)
def test_soft_targets_are_other_losses_at_the_ends(seed: int, smoothing: float, gamma: float) -> None:
    counts, weights = np.array([50, 9, 3]), torch.tensor([0.2, 1.0, 1.8])

    def found(loss: Loss) -> np.ndarray:
        return ours(loss, seed, counts, weights)

    plain = found(CrossEntropy(label_smoothing=smoothing))
    for loss in (
        LabelAwareSmoothing(head=smoothing, tail=smoothing),
        Asymmetric(gamma_pos=0.0, gamma_neg=0.0, label_smoothing=smoothing),
    ):
        np.testing.assert_allclose(found(loss), plain, rtol=1e-4, atol=1e-5)
    sharp = Asymmetric(gamma_pos=gamma, gamma_neg=3.0, label_smoothing=0.0)
    np.testing.assert_allclose(found(sharp), found(Focal(gamma=gamma)), rtol=1e-4, atol=1e-5)


def test_smoothing_is_largest_of_the_largest_class_and_all_the_same_of_equal_ones() -> None:
    shares = smoothing_by_class(np.array([90, 600, 345]), head=0.3, tail=0.05)
    np.testing.assert_allclose(shares, [0.05, 0.3, 0.05 + 0.25 * np.sin(np.pi / 4)])
    assert smoothing_by_class(np.array([7, 7]), head=0.3, tail=0.05).tolist() == [0.3, 0.3]

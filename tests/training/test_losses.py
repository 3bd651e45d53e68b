"""Losses and weights against independently written formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax, xlogy

from raysat.spec import AugMix, Config, CrossEntropy, Drw, Ldam, Loss, NoReweight
from raysat.training import losses
from raysat.training.sampling import shard

SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.lists(st.integers(1, 60_000), min_size=2, max_size=8).map(np.array)


def batch(seed: int, classes: int, size: int = 6, spread: float = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, classes)) * spread, rng.integers(0, classes, size)


def margins_of(loss: Loss, counts: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(losses.margins(loss, counts)).float()


@given(seed=SEEDS, counts=COUNTS, max_margin=st.floats(0.01, 2), scale=st.floats(1, 60))
@settings(max_examples=60, deadline=None)
def test_ldam_is_the_papers_formula(seed: int, counts: np.ndarray, max_margin: float, scale: float) -> None:
    logits, labels = batch(seed, len(counts))
    margin = 1 / counts**0.25
    margin = margin * max_margin / margin.max()
    expected = []
    for z, y in zip(logits, labels, strict=True):  # Cao et al. 2019: -log e^(z_y - m_y) / (e^(z_y - m_y) + sum e^z_j)
        own = scale * (z[y] - margin[y])
        others = scale * np.delete(z, y)
        expected.append(np.logaddexp.reduce([own, *others]) - own)
    loss = Ldam(max_margin=max_margin, scale=scale)
    ours = losses.patch_losses(loss, torch.from_numpy(logits), torch.from_numpy(labels), margins_of(loss, counts))
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-4, atol=1e-4 * scale)


def test_ldam_stays_finite_on_large_logits() -> None:
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    loss = losses.patch_losses(Ldam(), logits, torch.tensor([1, 1]), margins_of(Ldam(), np.array([5, 1])))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(logits.grad).all()


def test_rare_classes_get_the_largest_margin() -> None:
    margins = losses.margins(Ldam(max_margin=0.5), np.array([10_000, 16, 1]))
    np.testing.assert_allclose(margins, [0.05, 0.25, 0.5])


@given(seed=SEEDS, weighted=st.booleans())
@settings(max_examples=30, deadline=None)
def test_cross_entropy_is_torchs_with_and_without_weights(seed: int, weighted: bool) -> None:
    counts = np.array([50, 9, 3])
    logits, labels = (torch.from_numpy(each) for each in batch(seed, 3))
    logits = logits.float()
    weights = losses.class_weights(Drw(beta=0.99, switch=0.0) if weighted else NoReweight(), counts, epoch=0, epochs=1)
    part = shard(weights[labels.numpy()], rank=0, world=1)
    ours = losses.batch_loss(
        Config(loss=CrossEntropy()),
        logits[None],
        labels,
        margins_K=margins_of(CrossEntropy(), counts),
        weighted_B=torch.from_numpy(part.weighted),
        even_B=torch.from_numpy(part.even),
    )
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels, weight=torch.from_numpy(weights).float()))


@given(counts=COUNTS, beta=st.floats(0, 0.99))
@settings(max_examples=60, deadline=None)
def test_class_balanced_weights_are_the_papers_formula(counts: np.ndarray, beta: float) -> None:
    weights = (1 - beta) / (1 - beta ** counts.astype(float))
    np.testing.assert_allclose(losses.class_balanced(counts, beta), weights / weights.sum() * len(counts), rtol=1e-9)


def test_class_balanced_weights_keep_their_digits_near_one() -> None:
    counts = np.array([60_000, 500, 7])
    weights = 1 / counts  # the limit for beta -> 1
    found = losses.class_balanced(counts, np.nextafter(1.0, 0.0))
    np.testing.assert_allclose(found, weights / weights.sum() * 3, rtol=1e-6)
    np.testing.assert_allclose(losses.class_balanced(counts, 0.0), [1, 1, 1])


@given(seed=SEEDS, views=st.integers(2, 4), spread=st.sampled_from([0.1, 3.0, 40.0]))
@settings(max_examples=60, deadline=None)
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


def test_augmix_adds_the_weighted_divergence_of_the_trained_posterior() -> None:
    torch.manual_seed(0)
    counts, labels, even = np.array([9, 4, 2]), torch.tensor([0, 1, 2, 0]), torch.full((4,), 0.25)
    views = torch.randn(3, 4, 3) / 10
    for loss, scale in ((CrossEntropy(), 1.0), (Ldam(scale=20.0), 20.0)):
        config = Config(loss=loss, augment=AugMix(jsd_weight=7.0))
        margins = margins_of(loss, counts)
        found = losses.batch_loss(config, views, labels, margins_K=margins, weighted_B=even, even_B=even)
        supervised = losses.patch_losses(loss, views[0], labels, margins).mean()
        torch.testing.assert_close(found, supervised + 7 * losses.jensen_shannon(scale * views).mean())


@pytest.mark.parametrize(
    ("switch", "epochs", "first"),
    [(0.8, 40, 32), (0.625, 40, 25), (0.8, 6, 4), (0.8, 1, 0), (0.29, 100, 29), (1.0, 7, 7), (0.0, 3, 0)],
)
def test_drw_switches_in_the_epoch_in_which_the_point_falls(switch: float, epochs: int, first: int) -> None:
    counts = np.array([90, 10])
    drw = Drw(beta=0.9, switch=switch)
    found = [losses.class_weights(drw, counts, epoch=epoch, epochs=epochs)[0] < 1 for epoch in range(epochs)]
    assert found == [epoch >= first for epoch in range(epochs)]

"""Smoothed labels with class weights: PyTorch's definition, on any number of ranks, with mixup and in training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from raysat.config.families.images import Dihedral
from raysat.config.families.losses import CrossEntropy
from raysat.config.families.mixing import MixUp
from raysat.config.schema import Config
from raysat.training import losses
from raysat.training.models import build as models
from raysat.training.patches import Scale
from raysat.training.sampling import shard
from tests.helpers.training import MakeStore, config, run

SEEDS = st.integers(0, 2**32 - 1)
WEIGHTS = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=6).map(np.array)


def drawn(seed: int, classes: int, size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels of a batch."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, classes)) * 3, rng.integers(0, classes, size)


def whole_batch(
    loss: CrossEntropy,
    logits: torch.Tensor,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    world: int = 1,
    pairs: tuple[np.ndarray, float] | None = None,
) -> torch.Tensor:
    """The loss of a batch as the engine puts it together: each rank's part, then the average over ranks."""
    ranks = []
    for rank in range(world):
        part = shard(weights[labels], rank=rank, world=world)
        mixed = None
        if pairs is not None:
            partners = labels[pairs[0]]
            mixed = losses.Mixed(
                labels_B=torch.from_numpy(partners[part.positions]),
                class_weights_B=torch.from_numpy(shard(weights[partners], rank=rank, world=world).class_weights),
                shares=torch.tensor([pairs[1], 1 - pairs[1]]),
            )
        ranks.append(
            losses.batch_loss(
                Config(loss=loss, augment=MixUp() if pairs else Dihedral()),
                logits[part.positions][None],
                torch.from_numpy(labels[part.positions]),
                constants_RK=torch.zeros(0, len(weights)),
                weights_K=torch.from_numpy(weights).float(),
                class_weights_B=torch.from_numpy(part.class_weights),
                mean_weights_B=torch.from_numpy(part.mean_weights),
                mixed=mixed,
            )
        )
    return torch.stack(ranks).mean()


def with_slope(loss: torch.Tensor, logits: torch.Tensor) -> tuple[float, torch.Tensor]:
    (slope,) = torch.autograd.grad(loss, logits)
    return loss.item(), slope


@given(seed=SEEDS, smoothing=st.just(0.0) | st.floats(1e-12, 0.99))
@settings(max_examples=40)
def test_without_weights_they_are_torchs_and_the_papers(seed: int, smoothing: float) -> None:
    scores, labels = drawn(seed, 5)
    logits, true = torch.from_numpy(scores), torch.from_numpy(labels)
    loss = Config(loss=CrossEntropy(label_smoothing=smoothing))
    found = losses.patch_losses(loss, logits, true, torch.zeros(5), torch.ones(5)).numpy()
    theirs = F.cross_entropy(logits, true, reduction="none", label_smoothing=smoothing)
    np.testing.assert_allclose(found, theirs, rtol=1e-5, atol=1e-6)
    target = (1 - smoothing) * np.eye(5)[labels] + smoothing / 5  # Szegedy et al. 2016, section 7
    np.testing.assert_allclose(found, -(target * log_softmax(scores, axis=1)).sum(axis=1), rtol=1e-5, atol=1e-6)


@given(
    seed=SEEDS,
    weights=WEIGHTS,
    smoothing=st.just(0.0) | st.floats(1e-12, 0.99),
    size=st.integers(2, 12),
    world=st.integers(1, 4),
    lam=st.none() | st.floats(0, 1),
)
@settings(max_examples=150)
def test_smoothed_labels_with_class_weights_are_torchs_value_and_slope(
    seed: int, weights: np.ndarray, smoothing: float, size: int, world: int, lam: float | None
) -> None:
    """On any number of ranks; mixup's loss is that of both labels, each of which is torch's."""
    scores, labels = drawn(seed, len(weights), size)
    logits = torch.from_numpy(scores).float().requires_grad_()
    partners = np.random.default_rng(seed).permutation(size)
    pairs = None if lam is None else (partners, lam)
    found = whole_batch(CrossEntropy(label_smoothing=smoothing), logits, labels, weights, world=world, pairs=pairs)

    def torchs(labels: np.ndarray) -> torch.Tensor:
        weight = torch.from_numpy(weights).float()
        return F.cross_entropy(logits, torch.from_numpy(labels), weight=weight, label_smoothing=smoothing)

    expected = torchs(labels) if lam is None else lam * torchs(labels) + (1 - lam) * torchs(labels[partners])
    (value, slope), (its_value, its_slope) = with_slope(found, logits), with_slope(expected, logits)
    assert value == pytest.approx(its_value, rel=1e-5, abs=1e-6)
    torch.testing.assert_close(slope, its_slope, rtol=1e-4, atol=1e-6)


@given(seed=SEEDS, weights=WEIGHTS, smoothing=st.just(0.0) | st.floats(1e-12, 0.99))
@settings(max_examples=60)
def test_smoothed_labels_with_class_weights_are_the_definition(
    seed: int, weights: np.ndarray, smoothing: float
) -> None:
    """Without torch: every class's -log p by that class's weight, over the sum of the true classes' weights."""
    scores, labels = drawn(seed, len(weights))
    target = (1 - smoothing) * np.eye(len(weights))[labels] + smoothing / len(weights)
    expected = -(target * weights * log_softmax(scores, axis=1)).sum() / weights[labels].sum()
    found = whole_batch(CrossEntropy(label_smoothing=smoothing), torch.from_numpy(scores), labels, weights)
    assert found.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(seed=SEEDS, weights=WEIGHTS, smoothing=st.floats(0.001, 0.99))
@settings(max_examples=60)
def test_without_weights_or_without_smoothing_not_a_bit_changes(
    seed: int, weights: np.ndarray, smoothing: float
) -> None:
    scores, labels = (torch.from_numpy(each) for each in drawn(seed, len(weights)))
    scores, zeros, ones = scores.float(), torch.zeros(len(weights)), torch.ones(len(weights))
    even = losses.patch_losses(Config(loss=CrossEntropy(label_smoothing=smoothing)), scores, labels, zeros, ones)
    assert torch.equal(even, F.cross_entropy(scores, labels, reduction="none", label_smoothing=smoothing))
    weighted = torch.from_numpy(weights).float()
    sharp = losses.patch_losses(Config(), scores, labels, zeros, weighted)
    assert torch.equal(sharp, F.cross_entropy(scores, labels, reduction="none"))


def test_smoothed_labels_are_weighted_by_the_weights_of_the_epoch(make_store: MakeStore) -> None:
    """DRW switches after the first of two epochs of a network that hardly moves: each epoch's loss is torch's."""
    store = make_store({"train": (10, 6, 3), "val": (2, 2, 2)})
    optim = {"kind": "sgd", "lr": 1e-12, "batch_size": 19, "epochs": 2}
    loss, reweight = {"kind": "cross_entropy", "label_smoothing": 0.3}, {"kind": "drw", "beta": 0.9, "switch": 0.5}
    what = config(model={"name": "test_vit"}, optim=optim, loss=loss, reweight=reweight)
    reports, outcome = run(what, store)
    network = models.build(what.model, bands=3, classes=3, size=(16, 16))
    network.load_state_dict(outcome.state_dict)
    rows = store.indices("train")
    scale = Scale.of(store, (0, 1, 2), torch.device("cpu"))
    raw = 0.1 / (1 - 0.9 ** np.array([10, 6, 3]))  # Cui et al. 2019
    for report, weights in zip(reports, (np.ones(3), raw / raw.sum() * 3), strict=True):
        with torch.no_grad():
            expected = F.cross_entropy(
                network(scale.normalise(torch.from_numpy(store.images[rows]).float())),
                torch.from_numpy(store.labels[rows]).long(),
                weight=torch.from_numpy(weights).float(),
                label_smoothing=0.3,
            )
        assert report.loss == pytest.approx(expected.item(), rel=1e-4)
    assert reports[0].loss != pytest.approx(reports[1].loss, rel=1e-3)

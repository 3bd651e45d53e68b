"""Losses and weights against independently written formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from torchvision.ops import sigmoid_focal_loss

from raysat.config.class_weights import class_weights
from raysat.config.families.losses import (
    Asymmetric,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    LabelAwareSmoothing,
    Ldam,
    LogitAdjustment,
    Loss,
    VectorScaling,
)
from raysat.config.families.mixing import MixUp
from raysat.config.families.reweight import Drw, NoReweight
from raysat.config.schema import Config
from raysat.training import losses
from raysat.training.class_constants import class_constants
from raysat.training.sampling import shard

SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.lists(st.integers(1, 60_000), min_size=2, max_size=8).map(np.array)


def batch(seed: int, classes: int, size: int = 6, spread: float = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, classes)) * spread, rng.integers(0, classes, size)


def of(loss: Loss, classifier: str = "linear", **parts: object) -> Config:
    return Config.model_validate({"loss": loss, "model": {"classifier": classifier}, **parts})


def offsets_of(loss: Loss, counts: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(class_constants(loss, counts)).float()


def ours(
    loss: Loss, logits: np.ndarray, labels: np.ndarray, counts: np.ndarray, classifier: str = "linear"
) -> np.ndarray:
    """The loss of each patch, without class weights."""
    margins = offsets_of(loss, counts)
    return losses.patch_losses(
        of(loss, classifier), torch.from_numpy(logits), torch.from_numpy(labels), margins, torch.ones(len(counts))
    ).numpy()


@given(seed=SEEDS, counts=COUNTS, max_margin=st.floats(0.01, 2), scale=st.floats(1, 60))
@settings(max_examples=60)
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
    np.testing.assert_allclose(ours(loss, logits, labels, counts), expected, rtol=1e-4, atol=1e-4 * scale)


@given(seed=SEEDS, gamma=st.just(0.0) | st.floats(1e-12, 5))
@settings(max_examples=60)
def test_focal_is_the_papers_formula(seed: int, gamma: float) -> None:
    logits, labels = batch(seed, 4)
    p = softmax(logits, axis=1)[np.arange(len(labels)), labels]
    expected = -((1 - p) ** gamma) * np.log(p)  # Lin et al. 2017, eq. 4
    np.testing.assert_allclose(ours(Focal(gamma=gamma), logits, labels, np.ones(4)), expected, rtol=1e-3, atol=1e-6)


def test_focal_is_torchvisions_on_two_classes() -> None:
    logits, labels = batch(3, 2, size=50)
    theirs = sigmoid_focal_loss(  # of the difference of two scores, as softmax over two is a sigmoid of it
        torch.from_numpy(logits[:, 1] - logits[:, 0]), torch.from_numpy(labels).double(), alpha=-1, gamma=1.7
    )
    np.testing.assert_allclose(ours(Focal(gamma=1.7), logits, labels, np.ones(2)), theirs, rtol=1e-4, atol=1e-7)


@given(seed=SEEDS, counts=COUNTS)
@settings(max_examples=60)
def test_balanced_softmax_is_the_papers_formula(seed: int, counts: np.ndarray) -> None:
    logits, labels = batch(seed, len(counts))
    raised = counts * np.exp(logits)  # Ren et al. 2020: n_y e^(z_y) / sum n_j e^(z_j)
    expected = -np.log(raised[np.arange(len(labels)), labels] / raised.sum(axis=1))
    np.testing.assert_allclose(ours(BalancedSoftmax(), logits, labels, counts), expected, rtol=1e-4, atol=1e-5)
    one = ours(LogitAdjustment(tau=1.0), logits, labels, counts)  # the same where tau is 1
    np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-5)


@given(seed=SEEDS, counts=COUNTS, tau=st.just(0.0) | st.floats(1e-12, 3))
@settings(max_examples=60)
def test_logit_adjustment_is_the_papers_pairwise_margin(seed: int, counts: np.ndarray, tau: float) -> None:
    logits, labels = batch(seed, len(counts))
    prior = counts / counts.sum()
    expected = []
    for z, y in zip(logits, labels, strict=True):  # Menon et al. 2021, eq. 11: margins tau log(pi_y' / pi_y)
        expected.append(np.log(np.sum((prior / prior[y]) ** tau * np.exp(z - z[y]))))
    np.testing.assert_allclose(ours(LogitAdjustment(tau=tau), logits, labels, counts), expected, rtol=1e-4, atol=1e-5)


def test_the_posterior_of_balanced_losses_is_that_of_balanced_classes() -> None:
    """Train a table of scores to its optimum on imbalanced data: its argmax is then the balanced decision."""
    likelihood = np.array([[0.9, 0.1], [0.4, 0.6]])  # p(x | class) of two observations x
    counts = np.array([900, 10])
    joint = torch.from_numpy(likelihood * (counts / counts.sum())[:, None])  # p(class, x)
    for loss in (BalancedSoftmax(), LogitAdjustment()):
        scores = torch.zeros(2, 2, requires_grad=True)  # of (x, class)
        optimizer = torch.optim.LBFGS([scores], max_iter=200)

        def closure(loss: Loss = loss, scores: torch.Tensor = scores) -> torch.Tensor:
            scores.grad = None
            each = [
                losses.patch_losses(of(loss), scores, torch.full((2,), label), offsets_of(loss, counts), torch.ones(2))
                @ joint[label].float()
                for label in (0, 1)
            ]
            total = torch.stack(each).sum()
            total.backward()
            return total

        optimizer.step(closure)
        posterior = losses.posterior_logits(of(loss), scores.detach()).softmax(dim=1).numpy()
        np.testing.assert_allclose(posterior, (likelihood / likelihood.sum(axis=0)).T, atol=5e-3)


@given(seed=SEEDS, counts=COUNTS, gamma=st.just(0.0) | st.floats(1e-12, 2), tau=st.just(0.0) | st.floats(1e-12, 3))
@settings(max_examples=60)
def test_vector_scaling_is_the_papers_formula(seed: int, counts: np.ndarray, gamma: float, tau: float) -> None:
    logits, labels = batch(seed, len(counts))
    expected = []
    for z, y in zip(logits, labels, strict=True):  # Kini et al. 2021, relative to the true class
        raised = (counts / counts.max()) ** gamma * z + tau * np.log(counts / counts.sum())
        expected.append(np.log(np.exp(raised - raised[y]).sum()))
    found = ours(VectorScaling(gamma=gamma, tau=tau), logits, labels, counts)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    if gamma == 0:
        np.testing.assert_array_equal(found, ours(LogitAdjustment(tau=tau), logits, labels, counts))


@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropy(),
        Focal(),
        Ldam(scale=12.0),
        BalancedSoftmax(),
        LogitAdjustment(),
        VectorScaling(),
        Asymmetric(),
        LabelAwareSmoothing(),
    ],
)
@pytest.mark.parametrize("classifier", ["linear", "cosine"])
def test_scores_are_sharpened_once_before_anything_else(loss: Loss, classifier: str) -> None:
    counts = np.array([50, 9, 3])
    scores, labels = batch(7, 3, spread=0.4)
    sharp = 12.0 if isinstance(loss, Ldam) else 30.0 if classifier == "cosine" else 1.0
    found = losses.posterior_logits(of(loss, classifier), torch.from_numpy(scores).bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, sharp * torch.from_numpy(scores).bfloat16().float())
    if isinstance(loss, Ldam):  # sharpens by itself, whatever the classifier
        np.testing.assert_array_equal(
            ours(loss, scores, labels, counts, classifier), ours(loss, scores, labels, counts)
        )
    else:
        np.testing.assert_allclose(
            ours(loss, scores, labels, counts, classifier),
            ours(loss, sharp * scores, labels, counts),
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropy(label_smoothing=0.1),
        Focal(gamma=0.5),
        Focal(gamma=0.0),
        BalancedSoftmax(),
        VectorScaling(),
        Asymmetric(),
        Asymmetric(gamma_pos=0.5, gamma_neg=0.5),
        LabelAwareSmoothing(),
    ],
)
def test_losses_and_their_slopes_stay_finite_at_extremes(loss: Loss) -> None:
    logits = torch.tensor([[1e4, -1e4], [20.0, -20.0], [-1e4, 1e4], [0.0, 1e-4]], requires_grad=True)
    labels, weights = torch.tensor([0, 0, 0, 1]), torch.tensor([0.1, 1.9])
    found = losses.patch_losses(of(loss), logits, labels, offsets_of(loss, np.array([5, 1])), weights)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(logits.grad).all()


@given(seed=SEEDS, lam=st.floats(0, 1))
@settings(max_examples=30)
def test_mixup_is_cross_entropy_with_mixed_targets(seed: int, lam: float) -> None:
    logits, labels = batch(seed, 3)
    partners = np.random.default_rng(seed).permutation(labels)
    even = torch.full((len(labels),), 1 / len(labels))
    found = losses.batch_loss(
        Config(augment=MixUp()),
        torch.from_numpy(logits)[None],
        torch.from_numpy(labels),
        constants_RK=torch.zeros(0, 3),
        weights_K=torch.ones(3),
        class_weights_B=even,
        mean_weights_B=even,
        mixed=losses.Mixed(
            labels_B=torch.from_numpy(partners), class_weights_B=even, shares=torch.tensor([lam, 1 - lam])
        ),
    )
    target = lam * np.eye(3)[labels] + (1 - lam) * np.eye(3)[partners]
    expected = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(target))
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_mixup_weighs_each_label_by_its_own_class_and_margin() -> None:
    torch.manual_seed(0)
    config, counts = of(Ldam(), augment=MixUp()), np.array([60, 9])
    logits, own, other = torch.randn(4, 2), torch.tensor([0, 1, 0, 0]), torch.tensor([0, 0, 0, 1])
    shares, others = torch.tensor([0.1, 0.7, 0.1, 0.1]), torch.tensor([0.1, 0.1, 0.1, 0.7])
    margins = offsets_of(Ldam(), counts)
    mixed = losses.Mixed(labels_B=other, class_weights_B=others, shares=torch.tensor([0.7, 0.3]))
    found = losses.batch_loss(
        config,
        logits[None],
        own,
        constants_RK=margins,
        weights_K=torch.tensor([1.0, 7.0]),
        class_weights_B=shares,
        mean_weights_B=shares,
        mixed=mixed,
    )
    expected = sum(
        lam * share * ours(Ldam(), logits[[row]].numpy(), labels[[row]].numpy(), counts)[0]
        for lam, labels, weights in ((0.7, own, shares), (0.3, other, others))
        for row, share in enumerate(weights.tolist())
    )
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_ldam_stays_finite_on_large_logits() -> None:
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    margins = offsets_of(Ldam(), np.array([5, 1]))
    loss = losses.patch_losses(of(Ldam()), logits, torch.tensor([1, 1]), margins, torch.ones(2))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(logits.grad).all()


def test_rare_classes_get_the_largest_margin() -> None:
    margins = class_constants(Ldam(max_margin=0.5), np.array([10_000, 16, 1]))
    np.testing.assert_allclose(margins, [[0.05, 0.25, 0.5]])


@given(seed=SEEDS, weighted=st.booleans())
@settings(max_examples=30)
def test_cross_entropy_is_torchs_with_and_without_weights(seed: int, weighted: bool) -> None:
    counts = np.array([50, 9, 3])
    logits, labels = (torch.from_numpy(each) for each in batch(seed, 3))
    logits = logits.float()
    weights = class_weights(Drw(beta=0.99, switch=0.0) if weighted else NoReweight(), counts, epoch=0, epochs=1)
    part = shard(weights[labels.numpy()], rank=0, world=1)
    ours = losses.batch_loss(
        Config(loss=CrossEntropy()),
        logits[None],
        labels,
        constants_RK=offsets_of(CrossEntropy(), counts),
        weights_K=torch.from_numpy(weights).float(),
        class_weights_B=torch.from_numpy(part.class_weights),
        mean_weights_B=torch.from_numpy(part.mean_weights),
    )
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels, weight=torch.from_numpy(weights).float()))

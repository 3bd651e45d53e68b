"""Ordinal losses and class probabilities: what they are at their ends, and what they come to in special cases.

Formulas of any number of classes are compared in ``tests/references/ordinal.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from coral_pytorch.dataset import corn_label_from_logits, proba_to_label
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from raysat.config.schema import Config
from raysat.training import losses, ordinal
from tests.helpers.training import MakeStore, config, run

SEEDS = st.integers(0, 2**32 - 1)
KINDS = ("corn", "coral", "cdw_ce", "emd2", "soft_ordinal")
STEPS = ("corn", "coral")
BY_SCORES: dict[str, Any] = {
    "corn": ordinal.corn_losses,
    "coral": ordinal.coral_losses,
    "cdw_ce": lambda scores, labels: ordinal.cdw_losses(scores, labels, 1.5),
    "emd2": ordinal.emd2_losses,
    "soft_ordinal": lambda scores, labels: ordinal.soft_ordinal_losses(scores, labels, distance="absolute", scale=0.6),
}


def batch(kind: str, *, classes: int = 4, patches: int = 7, spread: float = 2.0, seed: int = 0, **options: Any) -> Any:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(patches, classes - (kind in STEPS))) * spread
    return torch.tensor(scores, **options), torch.tensor(rng.integers(0, classes, patches))


def ours(kind: str, scores: torch.Tensor, labels: torch.Tensor, classes: int, **loss: Any) -> torch.Tensor:
    of = config(loss={"kind": kind, **loss})
    return losses.patch_losses(of, scores, labels, torch.zeros(classes), torch.ones(classes))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    scores, labels = batch(kind, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda each: BY_SCORES[kind](each, labels), (scores,))


@pytest.mark.parametrize("kind", STEPS)
def test_gradients_of_probabilities_are_those_of_finite_differences(kind: str) -> None:
    scores, _ = batch(kind, dtype=torch.float64, requires_grad=True)  # those of CORAL are in no order
    of = {"corn": ordinal.corn_log_posterior, "coral": ordinal.coral_log_posterior}[kind]
    assert gradcheck(lambda each: of(each).softmax(dim=1), (scores,))


@given(seed=SEEDS, classes=st.integers(2, 9), spread=st.sampled_from([0.0, 1e-8, 1.0, 30.0, 1e4]))
@settings(max_examples=60)
@pytest.mark.parametrize("kind", STEPS)
def test_scores_in_any_order_are_a_distribution_whose_median_is_the_papers_rank(
    kind: str, seed: int, classes: int, spread: float
) -> None:
    scores, _ = batch(kind, classes=classes, patches=20, spread=spread, seed=seed, dtype=torch.float32)
    scores.requires_grad_()
    logits = losses.posterior_logits(config(loss={"kind": kind}), scores)
    p = logits.softmax(dim=1)
    assert logits.shape == (20, classes)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits.exp().sum(dim=1), torch.ones(20), rtol=1e-5, atol=0)  # without the softmax
    views = torch.stack([logits, losses.posterior_logits(config(loss={"kind": kind}), -scores.detach())])
    (slope,) = torch.autograd.grad(losses.jensen_shannon(views).sum(), scores)  # as AugMix has it
    assert slope.isfinite().all()
    above = 1 - p.detach().double().cumsum(dim=1)[:, :-1]
    if kind == "corn":
        rank, edge = corn_label_from_logits(scores.detach()), torch.sigmoid(scores.detach().double()).cumprod(dim=1)
    else:
        rank, edge = proba_to_label(torch.sigmoid(scores.detach())), torch.sigmoid(scores.detach().double())
    clear = ((edge - 0.5).abs() > 1e-4).all(dim=1)
    assert torch.equal((above > 0.5).sum(dim=1)[clear], rank[clear])


def test_the_order_of_corals_scores_changes_no_probability() -> None:
    scores, _ = batch("coral", classes=6, dtype=torch.float32)
    of = config(loss={"kind": "coral"})
    found = losses.posterior_logits(of, scores)
    assert torch.equal(found, losses.posterior_logits(of, scores.flip(1)))
    equal = losses.posterior_logits(of, torch.zeros(1, 3)).softmax(dim=1)  # no room between equal borders
    torch.testing.assert_close(equal, torch.tensor([[0.5, 0.0, 0.0, 0.5]]))


@pytest.mark.parametrize(("gap", "is_ever"), [(1.38, False), (1.39, True)])
def test_a_class_of_coral_needs_borders_2_log_2_apart_to_be_the_most_probable(gap: float, is_ever: bool) -> None:
    between = torch.linspace(-5, 5, 2001)[:, None] + torch.tensor([gap / 2, -gap / 2])
    p = losses.posterior_logits(config(loss={"kind": "coral"}), between)
    assert bool((p.argmax(dim=1) == 1).any()) == is_ever


def test_close_borders_of_coral_keep_their_small_probability() -> None:
    borders = torch.tensor([[60.0, 59.9999]])  # whose sigmoids are both 1 in float32
    found = losses.posterior_logits(config(loss={"kind": "coral"}), borders).double().exp()
    z = borders.double()
    torch.testing.assert_close(found[0, 1], torch.sigmoid(-z[0, 1]) - torch.sigmoid(-z[0, 0]), rtol=1e-3, atol=0)


def test_corn_is_the_likelihood_of_its_own_probabilities() -> None:
    scores, labels = batch("corn", dtype=torch.float32)
    of = config(loss={"kind": "corn"})
    torch.testing.assert_close(
        ours("corn", scores, labels, 4), F.cross_entropy(losses.posterior_logits(of, scores), labels, reduction="none")
    )


def test_with_two_classes_most_are_what_is_known() -> None:
    labels = batch("emd2", classes=2, patches=30)[1]
    scores = batch("emd2", classes=2, patches=30, dtype=torch.float32)[0]
    plain = F.cross_entropy(scores, labels, reduction="none")
    torch.testing.assert_close(ours("cdw_ce", scores, labels, 2, alpha=3.7), plain)
    torch.testing.assert_close(ours("emd2", scores, labels, 2), (1 - (-plain).exp()).square())
    smoothed = F.cross_entropy(scores, labels, reduction="none", label_smoothing=2 / (1 + np.exp(1.3)))
    for distance in ("absolute", "squared"):
        torch.testing.assert_close(ours("soft_ordinal", scores, labels, 2, distance=distance, scale=1.3), smoothed)
    step = scores[:, :1]
    binary = F.binary_cross_entropy_with_logits(step[:, 0], labels.float(), reduction="none")
    for kind in STEPS:
        torch.testing.assert_close(ours(kind, step, labels, 2), binary)
        p = losses.posterior_logits(config(loss={"kind": kind}), step).softmax(dim=1)
        torch.testing.assert_close(p[:, 1], torch.sigmoid(step[:, 0]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_far_mistake_costs_more(kind: str) -> None:
    """A patch of class 0 that is surely taken for class 1, 2 or 3."""
    wrong = torch.eye(4)[1:] * 8
    if kind == "corn":
        wrong = torch.tensor([[8.0, -8.0, -8.0], [8.0, 8.0, -8.0], [8.0, 8.0, 8.0]])
    elif kind == "coral":
        wrong = torch.tensor([[8.0, -8.0, -9.0], [9.0, 8.0, -8.0], [10.0, 9.0, 8.0]])
    found = ours(kind, wrong, torch.zeros(3, dtype=torch.int64), 4)
    if kind == "corn":  # asks of class 0 only the first step
        assert (found.diff().abs() < 1e-6).all()
    else:
        assert (found.diff() > 1e-3).all()


@pytest.mark.parametrize("kind", KINDS)
def test_class_weights_count_by_the_true_class_and_mixup_by_both_labels(kind: str) -> None:
    scores, own = batch(kind, dtype=torch.float32)
    other, share = own.roll(1), torch.rand(7, generator=torch.Generator().manual_seed(0))
    of = Config.model_validate({"loss": {"kind": kind}, "augment": {"kind": "mixup"}})
    common = {"constants_RK": torch.zeros(0, 4), "weights_K": torch.tensor([0.5, 2.0, 1.0, 3.0])}
    mixed = losses.Mixed(labels_B=other, class_weights_B=share.flip(0), shares=torch.tensor([0.7, 0.3]))
    found = losses.batch_loss(of, scores[None], own, **common, class_weights_B=share, mean_weights_B=share, mixed=mixed)
    expected = 0.7 * ours(kind, scores, own, 4) @ share + 0.3 * ours(kind, scores, other, 4) @ share.flip(0)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("classifier", ["linear", "cosine"])
def test_cosines_are_sharpened_before_corn(classifier: str) -> None:
    scores, labels = batch("corn", spread=0.3, dtype=torch.float32)
    of = config(loss={"kind": "corn"}, model={"classifier": classifier})
    sharp = 30 * scores if classifier == "cosine" else scores
    found = losses.patch_losses(of, scores, labels, torch.zeros(4), torch.ones(4))
    torch.testing.assert_close(found, ordinal.corn_losses(sharp, labels))
    torch.testing.assert_close(losses.posterior_logits(of, scores), ordinal.corn_log_posterior(sharp))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_brightness_in_four_steps_is_learned_within_seconds(make_store: MakeStore, kind: str) -> None:
    store = make_store({"train": (40, 20, 20, 20), "val": (10, 10, 10, 10)}, classes=4)
    parts = {"loss": {"kind": kind}, "optim": {"kind": "adam", "lr": 3e-3, "epochs": 12, "batch_size": 10}}
    reports, outcome = run(config(**parts), store)
    assert reports[-1].loss < reports[0].loss
    # Chance is 0.25. CORAL's borders part slowly, so that classes in the middle are not the most probable ones yet.
    assert outcome.metrics["val"].balanced_accuracy > 0.45
    ranks = (1 - outcome.probabilities.cumsum(axis=1)[:, :-1] > 0.5).sum(axis=1)
    assert (ranks == outcome.labels).mean() > 0.55

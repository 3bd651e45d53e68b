"""The class shares that a training presents: those of its draws and weights, less what its loss adjusts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from raysat.config.class_weights import class_weights
from raysat.config.trained_prior import trained_prior
from raysat.training.batch import step_inputs
from raysat.training.class_constants import class_constants
from raysat.training.losses import patch_losses
from raysat.training.sampling import Batch, TrainSplit, epoch_order
from tests.helpers.training import config

COUNTS = np.array([60, 25, 15])
SHARES = COUNTS / COUNTS.sum()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, SHARES),
        ({"loss": {"kind": "ldam"}}, SHARES),
        ({"loss": {"kind": "balanced_softmax"}}, np.full(3, 1 / 3)),
        ({"loss": {"kind": "logit_adjustment"}}, np.full(3, 1 / 3)),
        ({"loss": {"kind": "logit_adjustment", "tau": 0.5}}, SHARES**0.5 / (SHARES**0.5).sum()),
        ({"reweight": {"kind": "inverse_frequency"}}, np.full(3, 1 / 3)),
        ({"reweight": {"kind": "drw", "beta": 0.0}}, SHARES),
        ({"sampler": {"kind": "inverse_frequency"}}, np.full(3, 1 / 3)),
        ({"sampler": {"kind": "square_root"}}, SHARES**0.5 / (SHARES**0.5).sum()),
        ({"second_stage": {"kind": "crt"}}, np.full(3, 1 / 3)),
    ],
)
def test_shares_are_as_training_presents_them(parts: dict[str, Any], expected: np.ndarray) -> None:
    np.testing.assert_allclose(trained_prior(config(**parts), COUNTS, COUNTS), expected)


def test_what_is_deferred_counts_from_its_epoch_on() -> None:
    own = config(reweight={"kind": "drw", "switch": 0.5, "beta": 0.9999}, optim={"epochs": 4})
    weighted = SHARES / (1 - 0.9999**COUNTS)
    np.testing.assert_allclose(trained_prior(own, COUNTS, COUNTS, epochs=2), SHARES)
    np.testing.assert_allclose(trained_prior(own, COUNTS, COUNTS, epochs=3), weighted / weighted.sum())
    np.testing.assert_allclose(trained_prior(own, COUNTS, COUNTS), weighted / weighted.sum())
    staged = config(second_stage={"kind": "crt"}, optim={"epochs": 4})
    np.testing.assert_allclose(trained_prior(staged, COUNTS, COUNTS, epochs=4), SHARES)


def test_real_counts_weigh_patches_that_are_more() -> None:
    """With generated patches of the rare class, and weights that go by the real ones alone."""
    patches = np.array([60, 25, 35])
    own = config(reweight={"kind": "inverse_frequency"}, synthetic={"kind": "dcgan", "class_counts": "real"})
    found = trained_prior(own, patches, COUNTS)
    np.testing.assert_allclose(found, patches / COUNTS / (patches / COUNTS).sum())


@pytest.mark.parametrize("kind", ["uniform", "inverse_frequency", "square_root", "effective_number"])
def test_shares_are_those_of_an_epochs_draws(kind: str) -> None:
    own, labels = config(sampler={"kind": kind}), np.repeat(np.arange(3), COUNTS * 100)
    order = epoch_order(own.sampler, labels, COUNTS * 100, np.random.default_rng(0), epoch=0, epochs=1)
    drawn = np.bincount(labels[order], minlength=3) / len(order)
    np.testing.assert_allclose(trained_prior(own, COUNTS * 100, COUNTS * 100), drawn, atol=0.02)


@pytest.mark.parametrize(
    "loss", [{"kind": "cross_entropy"}, {"kind": "balanced_softmax"}, {"kind": "logit_adjustment", "tau": 0.3}]
)
def test_scores_that_see_nothing_but_labels_learn_these_shares(loss: dict[str, Any]) -> None:
    own, labels = config(loss=loss), torch.from_numpy(np.repeat(np.arange(3), COUNTS))
    offsets = torch.tensor(class_constants(own.loss, COUNTS), dtype=torch.float32)

    def mean_loss(scores: np.ndarray) -> float:
        logits = torch.tensor(scores, dtype=torch.float32).expand(len(labels), -1)
        return float(patch_losses(own, logits, labels, offsets, torch.ones(3)).double().mean())

    scores = minimize(mean_loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9}).x
    learned = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(trained_prior(own, COUNTS, COUNTS), learned, atol=5e-3)


@pytest.mark.parametrize(
    "augment",
    [{"kind": "mixup"}, {"kind": "remix"}, {"kind": "remix", "tau": 0.8, "alpha": 0.4}]
    + [{"kind": "balanced_mixup", "alpha": alpha} for alpha in (0.1, 1.0)],
)
@pytest.mark.parametrize("reweight", ["none", "inverse_frequency"])
def test_labels_of_mixed_patches_count_by_their_shares(augment: dict[str, Any], reweight: str) -> None:
    """Beside what a loss sums up of the labels of 600 drawn batches, large ones: weights are normed in each."""
    own, counts = config(augment=augment, reweight={"kind": reweight}), np.array([900, 90, 30])
    labels, rng = np.repeat(np.arange(3), counts).astype(np.uint8), np.random.default_rng(0)
    split, weights = TrainSplit(labels, counts, bands=1), class_weights(own.reweight, counts, epoch=0, epochs=1)
    seen = np.zeros(3)
    for _ in range(600):
        positions = rng.choice(len(labels), 512, replace=False)
        batch = Batch(positions=positions, labels=labels[positions], size=(4, 4))
        update = step_inputs(own.augment, batch, rng, split=split, weights_K=weights, lr=0.1, momenta=[]).update
        shares = np.broadcast_to(update.partners.shares.numpy().reshape(2, -1), (2, 512))
        sides = (update.labels_b, update.class_weights_b), (update.partners.labels_b, update.partners.class_weights_b)
        for share, (of, counted) in zip(shares, sides, strict=True):
            seen += np.bincount(of.numpy(), weights=share * counted.numpy(), minlength=3)
    np.testing.assert_allclose(trained_prior(own, counts, counts), seen / seen.sum(), rtol=0.08)

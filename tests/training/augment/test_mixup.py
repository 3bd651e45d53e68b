"""Mixup: its draws, and the mixture against the paper's formula with soft labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from raysat.config.families.mixing import MixUp
from raysat.config.schema import Trial
from raysat.training.augment import mixup
from raysat.training.engine import Engine
from raysat.training.patches import Scale
from tests.helpers.training import MakeStore, config

CPU = torch.device("cpu")


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_are_beta_distributed_and_partners_a_permutation(alpha: float) -> None:
    rng = np.random.default_rng(0)
    drawn = [mixup.draw(MixUp(alpha=alpha), 7, rng) for _ in range(3000)]
    assert stats.kstest([each.lam for each in drawn], stats.beta(alpha, alpha).cdf).pvalue > 1e-4
    assert all(sorted(each.partners) == list(range(7)) for each in drawn)
    first = np.bincount([each.partners[0] for each in drawn], minlength=7)
    assert stats.chisquare(first).pvalue > 1e-4  # any patch, itself included


def test_a_mixture_lies_between_its_two() -> None:
    own, partner = torch.rand(2, 4, 3, 5, 5)
    quarter, all_own, all_partner = (
        mixup.mix(own, partner, mixup.Pairs(lam=lam, partners=np.arange(4)).shares) for lam in (0.25, 1.0, 0.0)
    )
    torch.testing.assert_close(quarter, 0.25 * own + 0.75 * partner)
    assert torch.equal(all_own, own)
    assert torch.equal(all_partner, partner)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_an_epoch_is_that_of_soft_labels(make_store: MakeStore, monkeypatch, weighted: bool) -> None:
    """Zhang et al. 2018: the cross-entropy of mixed patches with the equally mixed one-hot labels.

    One batch holds the train split; its order, partners and lambda are recorded from the draws.
    """
    store = make_store({"train": (10, 6, 3), "val": (2, 2, 2)})
    what = config(
        model={"name": "test_vit"},
        optim={"kind": "sgd", "lr": 1e-12, "batch_size": 19, "epochs": 1},
        augment={"kind": "mixup", "alpha": 0.8},
        reweight={"kind": "inverse_frequency" if weighted else "none"},
    )
    engine, drawn, orders = Engine(Trial(config=what, seed=2), store, CPU), [], []
    engine.network.get_classifier().weight.data.mul_(100)  # timm starts it near zero, where all patches score alike
    draw, batches = mixup.draw, engine._epochs.batches
    monkeypatch.setattr(mixup, "draw", lambda *given: (drawn.append(draw(*given)), drawn[-1])[1])
    monkeypatch.setattr(engine._epochs, "batches", lambda epoch: (orders.extend(batches(epoch)), orders)[1])
    found = engine.train_epoch(0)
    (pairs,), (order,) = drawn, orders
    rows = store.indices("train")[order]
    pixels = Scale.of(store, (0, 1, 2), CPU).normalise(torch.from_numpy(store.images[rows]).float())
    labels = F.one_hot(torch.from_numpy(store.labels[rows]).long(), 3).double()
    lam, partners = pairs.lam, torch.from_numpy(pairs.partners)
    mixed = lam * pixels + (1 - lam) * pixels[partners]
    weights = 1 / np.array([10, 6, 3]) if weighted else np.ones(3)
    with torch.no_grad():
        log_p = engine.network(mixed).double().log_softmax(dim=1)
    per_class = torch.from_numpy(weights)
    soft = lam * labels + (1 - lam) * labels[partners]
    expected = -(soft * log_p * per_class).sum() / (labels * per_class).sum()
    assert found == pytest.approx(expected.item(), rel=1e-4)


def test_a_mixture_counts_as_one_image(make_store: MakeStore) -> None:
    engine = Engine(Trial(config=config(augment={"kind": "mixup"}), seed=0), make_store(), CPU)
    engine.train_epoch(0)
    assert engine.samples_seen == 42

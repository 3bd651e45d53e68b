"""Mixed batches: draws, labels in the loss, flips before; beside the authors' formulas in ``tests/references``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch._subclasses.fake_tensor import FakeTensorMode

from raysat.config.families.images import BandDropout, SpectralJitter, TrivialAugment
from raysat.config.families.mixing import BalancedMixUp, CutMix, Remix
from raysat.config.schema import Trial
from raysat.training.augment import dihedral
from raysat.training.batch import step_inputs, views
from raysat.training.engine import Engine
from raysat.training.patches import Scale
from raysat.training.sampling import Batch, TrainSplit
from raysat.training.step_inputs import Mixing, Partners, Pasting, StepInputs, Turned, to_device
from tests.helpers.training import MakeStore, config

CPU = torch.device("cpu")
COUNTS = np.array([24, 8, 3])
SPLIT = TrainSplit(np.repeat(np.arange(3, dtype=np.uint8), COUNTS), COUNTS, bands=4)
MIXES = (BalancedMixUp, Remix, CutMix)
MEMBERS = (*MIXES, TrivialAugment, BandDropout, SpectralJitter)


def drawn(augment: Any, rng: np.random.Generator, *, size: tuple[int, int] = (9, 9), patches: int = 8) -> StepInputs:
    positions = rng.permutation(35)[:patches]
    return step_inputs(
        augment,
        Batch(positions=positions, labels=SPLIT.labels[positions], size=size),
        rng,
        split=SPLIT,
        weights_K=np.ones(3),
        lr=0.1,
        momenta=[],
    )


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.1, 0.3, 2.0])
def test_balanced_partners_weigh_as_beta_alpha_1_and_are_of_all_classes_alike(alpha: float) -> None:
    rng, weights, labels = np.random.default_rng(0), [], np.zeros(3)
    for _ in range(3000):
        inputs = drawn(BalancedMixUp(alpha=alpha), rng)
        assert isinstance(inputs.update.partners, Partners)
        assert isinstance(inputs.view.drawn, Mixing)
        assert torch.equal(inputs.update.partners.shares, inputs.view.drawn.shares_2)
        weights.append(float(inputs.update.partners.shares[1]))
        labels += np.bincount(inputs.update.partners.labels_b, minlength=3)
    assert stats.kstest(weights, stats.beta(alpha, 1).cdf).statistic < 0.04  # float32 cannot tell the smallest apart
    assert np.mean(weights) == pytest.approx(alpha / (1 + alpha), abs=0.02)
    assert stats.chisquare(labels).pvalue > 1e-4


@pytest.mark.parametrize("member", MIXES)
@pytest.mark.parametrize("flips", [False, True])
def test_what_is_read_are_the_patches_and_their_partners(member: Any, flips: bool) -> None:
    """And every patch's own class and its partner's are those of what is read."""
    rng = np.random.default_rng(5)
    inputs = drawn(member(flips=flips), rng)
    change = inputs.view.drawn.change if isinstance(inputs.view.drawn, Turned) else inputs.view.drawn
    assert isinstance(inputs.view.drawn, Turned) == flips
    assert isinstance(change, Mixing | Pasting)
    assert isinstance(inputs.update.partners, Partners)
    labels = SPLIT.labels[inputs.view.positions_n.numpy()][change.place_2b.numpy()]
    expected = np.concatenate((inputs.update.labels_b, inputs.update.partners.labels_b))
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("size", [(9, 9), (7, 10)])
def test_flips_turn_what_is_read_before_anything_else(member: Any, size: tuple[int, int]) -> None:
    column = torch.ones(4, 1, 1)
    scale = Scale(mean=100 * column, std=30 * column, low=0 * column, span=255 * column)
    augment = member(flips=True)
    inputs = drawn(augment, np.random.default_rng(3), size=size)
    assert isinstance(inputs.view.drawn, Turned)
    pixels = torch.rand(len(inputs.view.positions_n), 4, *size) * 255
    turned = dihedral.transform(pixels, inputs.view.drawn.symmetry_n)
    assert not torch.equal(turned, pixels)
    found = views(augment, pixels, scale, inputs.view.drawn)
    assert torch.equal(found, views(augment, turned, scale, inputs.view.drawn.change))
    assert torch.equal(found, views(augment, pixels, scale, inputs.view.drawn, by_patch=True))


@pytest.mark.parametrize("member", MEMBERS)
def test_all_stays_on_the_device_of_the_patches(member: Any) -> None:
    """Tried without one, by shapes alone."""
    augment = member(flips=True)
    with FakeTensorMode():
        column = torch.ones(4, 1, 1, device="cuda")
        scale = Scale(mean=column, std=column, low=column, span=column)
        inputs = to_device(drawn(augment, np.random.default_rng(0)), torch.device("cuda"))
        pixels = torch.empty(len(inputs.view.positions_n), 4, 9, 9, device="cuda")
        assert views(augment, pixels, scale, inputs.view.drawn).device.type == "cuda"


@pytest.mark.parametrize("member", MEMBERS)
def test_flips_change_no_other_draw_of_a_step(member: Any) -> None:
    plain, turned = (drawn(member(flips=flips), np.random.default_rng(3)) for flips in (False, True))
    assert isinstance(turned.view.drawn, Turned)
    assert torch.equal(plain.view.positions_n, turned.view.positions_n)

    def flat(value: Any) -> list[torch.Tensor]:
        return [value] if isinstance(value, torch.Tensor) else [leaf for part in value for leaf in flat(part)]

    pairs = zip(flat(plain.view.drawn), flat(turned.view.drawn.change), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("kind", ["balanced_mixup", "remix", "cutmix"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_an_epoch_is_that_of_soft_labels(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch, kind: str, weighted: bool
) -> None:
    """The cross-entropy of what the network saw with one-hot labels, mixed by the recorded shares.

    One batch holds the train split. Each half's mean is weighted by the classes of that half.
    """
    store = make_store({"train": (10, 6, 3), "val": (2, 2, 2)})
    what = config(
        model={"name": "test_vit"},
        optim={"kind": "sgd", "lr": 1e-12, "batch_size": 19, "epochs": 1},
        augment={"kind": kind, "alpha": 2.0} | ({"probability": 1.0} if kind == "cutmix" else {}),
        reweight={"kind": "inverse_frequency" if weighted else "none"},
    )
    engine, seen = Engine(Trial(config=what, seed=2), store, CPU), []
    engine.network.get_classifier().weight.data.mul_(100)  # timm starts it near zero, where all patches score alike
    taken = engine._step.views

    def watched(patches: torch.Tensor, inputs: Any, **options: Any) -> torch.Tensor:
        seen.append(taken(patches, inputs, **options))
        return seen[-1]

    updates: list[Any] = []
    loss = engine._step.loss
    monkeypatch.setattr(engine._step, "views", watched)
    monkeypatch.setattr(engine._step, "loss", lambda mixed, update: (updates.append(update), loss(mixed, update))[1])
    found = engine.train_epoch(0)
    (mixed,), (update,) = seen, updates
    per_class = torch.tensor(1 / np.array([10, 6, 3]) if weighted else np.ones(3))
    with torch.no_grad():
        nats = -engine.network(mixed).double().log_softmax(dim=1)
    expected = 0.0
    for labels, shares in zip((update.labels_b, update.partners.labels_b), update.partners.shares, strict=True):
        one_hot = F.one_hot(labels, 3).double() * per_class
        expected += ((one_hot * nats).sum(dim=1) * shares).sum().item() / one_hot.sum().item()
    assert found == pytest.approx(expected, rel=1e-4)
    assert engine.samples_seen == 19


def test_remix_has_a_share_for_each_patch_and_the_others_have_one() -> None:
    shapes = {}
    for member in MIXES:
        inputs = drawn(member(), np.random.default_rng(0))
        assert isinstance(inputs.update.partners, Partners)
        shapes[member.__name__] = tuple(inputs.update.partners.shares.shape)
    assert shapes == {"BalancedMixUp": (2,), "Remix": (2, 8), "CutMix": (2,)}


def test_balanced_partners_go_by_the_counts_of_real_patches_where_those_count(make_store: MakeStore) -> None:
    """Generated patches join a class; real counts then draw from it more often, as samplers do."""
    made = make_store({"train": (0, 0, 30)}, name="made", seed=5, generated=True)
    store = make_store({"train": (30, 10, 10), "val": (2, 2, 2)})
    weights = {}
    for counts in ("all", "real"):
        what = config(augment={"kind": "balanced_mixup"}, synthetic={"kind": "dcgan", "class_counts": counts})
        split = Engine(Trial(config=what, seed=0), store, CPU, generated=[made])._split
        chance = np.diff(split.balanced, prepend=0)
        weights[counts] = [chance[split.labels == label].sum() for label in range(3)]
    np.testing.assert_allclose(weights["all"], [1 / 3] * 3)
    np.testing.assert_allclose(weights["real"], [1 / 6, 1 / 6, 4 / 6])

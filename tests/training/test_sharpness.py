"""Steps in two passes: what moves and what stays, whose gradient it is, and how it is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from raysat.config.families.sharpness import ImbSam
from raysat.config.schema import Trial
from raysat.data.store import PatchStore
from raysat.planning.jobs import plan_trial
from raysat.planning.resolve import resolve_config
from raysat.training.engine import Engine
from raysat.training.parallel import Workers
from raysat.training.sharpness import is_tail, of_classes, two_passes
from raysat.training.step_inputs import Alone, Partners, UpdateInputs
from tests.helpers.training import MakeStore, config, run

KINDS = ("sam", "asam", "imbsam")
CPU = torch.device("cpu")


def engine(store: PatchStore, **parts: Any) -> Engine:
    return Engine(Trial(config=config(**parts), seed=3), store, CPU)


def test_the_tail_is_what_is_below_a_share_of_the_mean() -> None:
    counts = np.array([60, 20, 13, 7])  # 25 in the mean
    assert is_tail(ImbSam(), counts).tolist() == [False, True, True, True]
    assert is_tail(ImbSam(tail=0.5), counts).tolist() == [False, False, False, True]
    assert not is_tail(ImbSam(tail=0.2), counts).any()
    assert not is_tail(ImbSam(), np.array([9, 9])).any()


@pytest.mark.parametrize("kind", KINDS)
def test_batch_norm_moves_once_a_step_as_without(make_store: MakeStore, kind: str) -> None:
    """In an epoch of one step from the same weights, its statistics are those of the plain step, to the bit."""
    store = make_store({"train": (8, 5, 3), "val": (2, 2, 2)})
    optim = {"kind": "sgd", "lr": 0.1, "batch_size": 16}
    plain, sharp = engine(store, optim=optim), engine(store, optim=optim, sharpness={"kind": kind})
    losses = [each.train_epoch(0) for each in (plain, sharp)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)  # that of the weights as they are
    for (name, one), other in zip(plain.network.named_buffers(), sharp.network.buffers(), strict=True):
        assert torch.equal(one, other), name
    moved = zip(plain.network.parameters(), sharp.network.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in moved)


@pytest.mark.parametrize("kind", KINDS)
def test_a_radius_of_almost_nothing_is_the_plain_gradient(kind: str) -> None:
    network, (scores, loss, inputs) = _problem()
    torch.autograd.backward(loss(scores(), inputs))
    expected = [weight.grad for weight in network.parameters()]
    sharpness = config(sharpness={"kind": kind, "rho": 1e-6}).sharpness
    two_passes(sharpness, network, Workers(), np.array([9, 4, 2])).backward(scores, loss, inputs)
    for weight, slope in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_back_to_the_bit(kind: str) -> None:
    network, (scores, loss, inputs) = _problem()
    before = [weight.detach().clone() for weight in network.parameters()]
    seen: list[Tensor] = []

    def watched() -> Tensor:
        seen.append(torch.cat([weight.detach().flatten() for weight in network.parameters()]))
        return scores()

    sharpness = config(sharpness={"kind": kind, "rho": 0.7}).sharpness
    two_passes(sharpness, network, Workers(), np.array([9, 4, 2])).backward(watched, loss, inputs)
    assert len(seen) == 2
    if kind != "asam":
        assert float((seen[1] - seen[0]).norm()) == pytest.approx(0.7, rel=1e-5)
    assert all(torch.equal(weight, one) for weight, one in zip(network.parameters(), before, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_and_unused_weights_have_no_gradient(kind: str) -> None:
    network, (_, loss, inputs) = _problem()
    network[0].weight.requires_grad_(False)
    network.append(nn.Identity())
    network.unused = nn.Linear(2, 2)
    sharpness = config(sharpness={"kind": kind}).sharpness
    two_passes(sharpness, network, Workers(), np.array([9, 4, 2])).backward(
        lambda: network[2](network[1](network[0](_PATCHES))), loss, inputs
    )
    has = {name: weight.grad is not None for name, weight in network.named_parameters()}
    assert has == {
        "0.weight": False,
        "0.bias": True,
        "2.weight": True,
        "2.bias": True,
        "unused.weight": False,
        "unused.bias": False,
    }


def test_a_batch_without_a_small_class_takes_the_plain_step() -> None:
    network, (scores, loss, inputs) = _problem(labels=(0, 0, 0, 0, 0))
    torch.autograd.backward(loss(scores(), inputs))
    expected = [weight.grad for weight in network.parameters()]
    two_passes(ImbSam(rho=5.0), network, Workers(), np.array([9, 4, 2])).backward(scores, loss, inputs)
    for weight, slope in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, slope)


def test_a_share_of_classes_weighs_patches_and_partners_by_their_own_labels() -> None:
    inputs = UpdateInputs(
        labels_b=torch.tensor([0, 1, 1]),
        class_weights_b=torch.tensor([0.2, 0.3, 0.5]),
        mean_weights_b=torch.tensor([0.3, 0.3, 0.4]),
        partners=Partners(torch.tensor([1, 1, 0]), torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.9, 0.1])),
        lr=torch.tensor(0.1),
        momenta_A=torch.zeros(0),
    )
    found = of_classes(inputs, torch.tensor([0.0, 1.0]))
    assert found.class_weights_b.tolist() == pytest.approx([0, 0.3, 0.5])
    assert found.mean_weights_b.tolist() == pytest.approx([0, 0.3, 0.4])
    assert isinstance(found.partners, Partners)
    assert found.partners.class_weights_b.tolist() == pytest.approx([0.5, 0.3, 0])
    assert found.partners.shares is inputs.partners.shares


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_images_are_counted_in_each_pass(make_store: MakeStore, kind: str) -> None:
    store, parts = make_store(), {"sharpness": {"kind": kind}, "augment": {"kind": "augmix"}}
    reports, outcome = run(config(**parts), store)
    patches = len(store.indices("train"))
    assert outcome.samples_seen == reports[-1].samples_seen == 2 * patches * 3 * 2
    resolved = Trial(config=resolve_config(config(**parts), store), seed=0)
    assert plan_trial(resolved, store, arm="a").samples_seen == outcome.samples_seen
    with_steps = engine(store, **parts)
    with_steps.train_epoch(0)
    assert with_steps.samples_taken == with_steps.samples_seen == patches * 3 * 2


def test_a_norm_that_is_clipped_is_that_of_the_step(make_store: MakeStore) -> None:
    """Plain SGD by a clipped gradient moves the weights by exactly that norm times the rate."""
    store = make_store({"train": (8, 5, 3), "val": (2, 2, 2)})
    optim = {"kind": "sgd", "lr": 0.5, "momentum": 0.0, "batch_size": 16, "clip_norm": 1e-3}
    clipped = engine(store, optim=optim, sharpness={"kind": "sam", "rho": 0.5})
    before = torch.cat([weight.detach().flatten().double() for weight in clipped.network.parameters()])
    clipped.train_epoch(0)
    after = torch.cat([weight.detach().flatten().double() for weight in clipped.network.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.5 * 1e-3, rel=1e-3)


_PATCHES = torch.tensor(np.random.default_rng(1).normal(size=(5, 4))).float()


def _problem(labels: tuple[int, ...] = (0, 1, 2, 0, 1)) -> tuple[nn.Sequential, Any]:
    """A network, and what passes a batch through it, gives its loss and its inputs."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    even = torch.full((len(labels),), 1 / len(labels))
    inputs = UpdateInputs(
        labels_b=torch.tensor(labels),
        class_weights_b=even,
        mean_weights_b=even,
        partners=Alone(),
        lr=torch.tensor(0.1),
        momenta_A=torch.zeros(0),
    )

    def loss(scores: Tensor, inputs: UpdateInputs) -> Tensor:
        return nn.functional.cross_entropy(scores, inputs.labels_b, reduction="none") @ inputs.class_weights_b

    return network, (lambda: network(_PATCHES), loss, inputs)

"""The engine: what the network sees in training and evaluation, and in which precision."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from raysat.config.schema import Trial
from raysat.data.store import PatchStore
from raysat.training import engine as engine_module
from raysat.training.augment import augmix_by_patch, augmix_fused
from raysat.training.engine import Engine
from raysat.training.patches import Scale
from raysat.training.seeding import generator
from raysat.training.step_inputs import ChainTable, UpdateInputs
from tests.helpers.training import MakeStore, config

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.fixture
def store(make_store: MakeStore) -> PatchStore:
    return make_store(dtype="uint16")


def engine(store: PatchStore, **parts: object) -> Engine:
    return Engine(Trial(config=config(**parts), seed=0), store, CPU)


def seen(of: Engine, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """Train an epoch; return the views (V, N, C, H, W) that the network saw."""
    shown: list[torch.Tensor] = []
    loss = of._step.loss

    def show(views: torch.Tensor, inputs: UpdateInputs) -> torch.Tensor:
        shown.append(views.clone().unflatten(0, (-1, len(inputs.labels_b))))
        return loss(views, inputs)

    monkeypatch.setattr(of._step, "loss", show)
    of.train_epoch(0)
    return torch.cat(shown, dim=1)


def test_only_augmented_views_are_cut_off_at_the_full_scale(store: PatchStore, monkeypatch) -> None:
    scale = Scale.of(store, (0, 1, 2), CPU)
    low, high = scale.normalise(scale.low), scale.normalise(scale.low + scale.span)
    train = torch.from_numpy(store.images[store.indices("train")].astype(np.float32))
    exact = scale.normalise(train)
    beyond = (exact < low) | (exact > high)
    assert 0 < beyond.float().mean() <= 0.002
    views = seen(engine(store, augment={"kind": "augmix"}), monkeypatch)
    assert torch.equal(views[0].flatten().sort().values, exact.flatten().sort().values)
    assert (views[1:] >= low - 1e-4).all()
    assert (views[1:] <= high + 1e-4).all()


def test_the_clean_view_is_that_of_training_without_augmentation(store: PatchStore, monkeypatch) -> None:
    mixed = seen(engine(store, augment={"kind": "augmix"}), monkeypatch)
    assert torch.equal(mixed[0], seen(engine(store), monkeypatch)[0])


def test_evaluation_is_in_full_precision_even_where_training_is_not(store: PatchStore, monkeypatch) -> None:
    one = engine(store)
    expected = one.predict(one.network, "val")
    monkeypatch.setattr(engine_module, "autocast", lambda _: torch.autocast("cpu", dtype=torch.bfloat16))
    np.testing.assert_array_equal(one.predict(one.network, "val"), expected)


def test_evaluation_leaves_out_tf32_and_restores_it(store: PatchStore) -> None:
    one, allowed = engine(store), []
    one.network.register_forward_pre_hook(lambda *_: allowed.append(torch.backends.cudnn.allow_tf32))
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
    one.predict(one.network, "val")
    assert allowed == [False]
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled) == before


def test_large_patches_are_augmented_one_by_one_with_equal_views(store: PatchStore, monkeypatch) -> None:
    by_batch = seen(engine(store, augment={"kind": "augmix"}), monkeypatch)
    taken: list[int] = []
    views = augmix_by_patch.views

    def count(patches: torch.Tensor, *others: object, **named: bool) -> torch.Tensor:
        taken.append(len(patches))
        return views(patches, *others, **named)

    monkeypatch.setattr(augmix_by_patch, "WORTH_IT", 0)
    monkeypatch.setattr(augmix_by_patch, "views", count)
    by_patch = seen(engine(store, augment={"kind": "augmix"}), monkeypatch)
    assert sum(taken) == by_patch.shape[1]
    assert (by_patch - by_batch).abs().quantile(
        0.95
    ) < 1e-3  # a pixel at the edge of a level may fall on its other side


def test_a_device_with_augmixs_kernel_gets_tables_of_chains(store: PatchStore, monkeypatch) -> None:
    devices: list[torch.device] = []

    def works_on(device: torch.device) -> bool:
        devices.append(device)
        return True

    def unchanged(unit: torch.Tensor, drawn: ChainTable) -> torch.Tensor:
        return unit.expand(drawn.kind_bVWD.shape[1], *unit.shape)

    monkeypatch.setattr(augmix_fused, "works_on", works_on)
    monkeypatch.setattr(augmix_fused, "augmented_views", unchanged)
    views = seen(engine(store, augment={"kind": "augmix"}), monkeypatch)
    assert set(devices) == {CPU}
    assert len(views) == 3
    assert torch.equal(views[1], views[2])


def test_one_view_of_augmix_takes_the_patchs_place(store: PatchStore, monkeypatch) -> None:
    one = engine(store, augment={"kind": "augmix", "jsd": False, "severity": 10})
    views, clean = seen(one, monkeypatch), seen(engine(store), monkeypatch)
    assert views.shape == clean.shape  # one view of each patch
    assert one.samples_seen == 42
    changed = (views != clean).flatten(2).any(dim=2)
    assert changed.float().mean() > 0.9  # a chain may leave a patch as it is
    scale = Scale.of(store, (0, 1, 2), CPU)
    assert (views >= scale.normalise(scale.low) - 1e-4).all()
    assert (views <= scale.normalise(scale.low + scale.span) + 1e-4).all()


@pytest.mark.parametrize(("size", "kinds"), [((16, 16), 8), ((16, 12), 4)])
def test_dihedral_views_are_symmetries_of_the_patches_in_their_order(make_store, monkeypatch, size, kinds) -> None:
    whole = make_store(dtype="uint16")
    store = dataclasses.replace(whole, images=whole.images[:, :, : size[0], : size[1]])
    views, clean = (seen(engine(store, augment={"kind": kind}), monkeypatch)[0] for kind in ("dihedral", "none"))
    found = []
    for view, patch in zip(views, clean, strict=True):
        flips = [patch.flip(axes) for axes in ((), (1,), (2,), (1, 2))]
        symmetries = [*flips, *(each.transpose(1, 2) for each in flips)][:kinds]
        (which,) = [index for index, each in enumerate(symmetries) if torch.equal(each, view)]
        found.append(which)
    assert len(set(found)) == kinds


def test_mixed_patches_are_whole_values_of_the_batch(store: PatchStore, monkeypatch) -> None:
    """The engine's own draws, made again: mixed after normalisation, nothing cut off."""
    mixed, clean = (seen(engine(store, augment={"kind": kind}), monkeypatch)[0] for kind in ("mixup", "none"))
    rng = generator(0, "augment", 0)
    for start in range(0, 42, 8):
        batch = clean[start : start + 8]
        lam = rng.beta(0.2, 0.2)
        partners = rng.permutation(len(batch))
        torch.testing.assert_close(mixed[start : start + 8], lam * batch + (1 - lam) * batch[partners])


@pytest.mark.parametrize("average", ["swa", "ema"])
def test_the_network_that_trains_on_is_not_the_average(store: PatchStore, average: str) -> None:
    plain, averaged = engine(store), engine(store, average={"kind": average})
    for epoch in range(2):
        assert plain.train_epoch(epoch) == averaged.train_epoch(epoch)
    read = averaged.final_model()
    assert plain.final_model() is plain.network
    for one, other, mean in zip(
        plain.network.parameters(), averaged.network.parameters(), read.parameters(), strict=True
    ):
        assert torch.equal(one, other)
        assert not torch.equal(mean, other)


def test_the_pace_of_the_first_steps_is_told_once(store: PatchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_PACE_S", 0.0)
    told: list[float] = []
    trial = Trial(config=config(augment={"kind": "augmix"}), seed=0)
    of = Engine(trial, store, CPU, on_pace=told.append)
    of.train_epoch(0)
    of.train_epoch(1)
    (images_per_s,) = told
    assert images_per_s > 0

"""The engine: what the network sees in training and evaluation, and in which precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import MakeStore, config

from raysat.data.store import PatchStore
from raysat.spec import Trial
from raysat.training.engine import Engine
from raysat.training.patches import Scale

CPU = torch.device("cpu")


@pytest.fixture
def store(make_store: MakeStore) -> PatchStore:
    return make_store(dtype="uint16")


def engine(store: PatchStore, **parts: object) -> Engine:
    return Engine(Trial(config=config(**parts), seed=0), store, CPU)


def seen(of: Engine, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """Train an epoch; return the views (V, N, C, H, W) that the network was shown."""
    shown: list[torch.Tensor] = []
    loss = of._loss
    monkeypatch.setattr(of, "_loss", lambda views, *rest: (shown.append(views.clone()), loss(views, *rest))[1])
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
    monkeypatch.setattr(Engine, "_autocast", lambda _: torch.autocast("cpu", dtype=torch.bfloat16))
    np.testing.assert_array_equal(one.predict(one.network, "val"), expected)


def test_evaluation_leaves_out_tf32_and_restores_it(store: PatchStore) -> None:
    one, allowed = engine(store), []
    one.network.register_forward_pre_hook(lambda *_: allowed.append(torch.backends.cudnn.allow_tf32))
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
    one.predict(one.network, "val")
    assert allowed == [False]
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled) == before

"""Predicting a split: every patch once, in its place, however many workers share it; replays in ``tests/gpu``."""

from __future__ import annotations

import pytest
import torch

from raysat.training import evaluation
from raysat.training.patches import open_patches
from tests.helpers.training import MakeStore

CPU = torch.device("cpu")


@pytest.mark.parametrize("world", [1, 3])
@pytest.mark.parametrize("batch", [4, 6, 256])  # 18 patches: a part batch at the end, none, a part batch alone
def test_every_patch_is_predicted_once_in_its_place(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch, batch: int, world: int
) -> None:
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", batch)
    store = make_store()
    patches = open_patches(store, ("val",), (0, 1, 2), CPU)["val"]
    total = torch.zeros(18, 2)
    for rank in range(world):
        mine = torch.zeros(18, 2)
        evaluation.predict(lambda taken: taken.mean(dim=(2, 3))[:, :2], patches, mine, rank=rank, world=world)
        total += mine
    expected = torch.from_numpy(store.images[store.indices("val")]).float().mean(dim=(2, 3))[:, :2]
    torch.testing.assert_close(total, expected)

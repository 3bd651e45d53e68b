"""The engine of a flow: what it starts from, what it learns, and the range of what it makes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from raysat.config.families.synthetic import Flow
from raysat.data.store import PatchStore
from raysat.generation.flow.engine import FlowEngine
from tests.helpers.data import write_store
from tests.helpers.generation import FLOW, work
from tests.helpers.training import MakeStore

CPU = torch.device("cpu")
Floats = npt.NDArray[np.float32]


def two_levels(path: Path, *, count: int = 64, side: int = 16) -> PatchStore:
    """Patches of two bands that are dark or bright as a whole; none is between."""
    rng = np.random.default_rng(0)
    level = rng.choice([-1.0, 1.0], size=(count, 1, 1, 1))
    images = (5.0 + level + 0.1 * rng.standard_normal((count, 2, side, side))).astype(np.float32)
    splits = [("train", "train", "val", "test")[index // 2 % 4] for index in range(count)]
    return write_store(path, images, [index % 2 for index in range(count)], splits)


def engine_of(store: PatchStore, flow: Flow = FLOW) -> FlowEngine:
    return FlowEngine(work(of=flow, bands=tuple(store.bands)), flow, store, CPU)


def between(patches: Floats) -> float:
    """Share of patches that are neither dark nor bright."""
    return float(np.mean(np.abs(patches.mean(axis=(1, 2, 3)) - 5.0) < 0.5))


@pytest.mark.slow
def test_before_training_it_makes_the_gaussian_and_then_what_that_has_not(tmp_path: Path) -> None:
    engine = engine_of(two_levels(tmp_path / "store"), Flow(width=8))
    gaussian = engine.draw_gaussian(200)
    np.testing.assert_allclose(engine.make(200), gaussian, atol=1e-5)
    engine.train(120, 0)
    np.testing.assert_array_equal(engine.draw_gaussian(200), gaussian)
    assert between(gaussian) > 0.3
    assert between(engine.make(200)) < 0.5 * between(gaussian)


def test_patches_stay_in_the_range_of_the_class_in_each_band(make_store: MakeStore) -> None:
    store = make_store()
    made = engine_of(store, Flow(steps=1, width=8)).make(100)
    real = store.images[(store.splits == 0) & (store.labels == 1)]
    for band in range(len(store.bands)):
        assert real[:, band].min() <= made[:, band].min() < made[:, band].max() <= real[:, band].max()


@pytest.mark.slow
def test_a_step_is_the_loss_and_rate_that_are_described(tmp_path: Path) -> None:
    """The first loss, with a network that says 0, is the mean square of the velocity: about 1 in normalised units."""
    engine = engine_of(two_levels(tmp_path / "store"), Flow(width=8, batch_size=64))
    loss, other = engine.train(1, 0)
    assert other is None
    assert loss == pytest.approx(1.0, abs=0.15)
    assert engine._optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 / 50)
    engine.train(60, 1)
    assert engine._optimizer.param_groups[0]["lr"] == pytest.approx(1e-3)
    assert engine.samples_seen == 61 * 64


def test_a_smooth_band_stays_smooth_however_little_it_is_trained(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 1, 16)
    smooth = rng.standard_normal((64, 1, 1, 1)) + slope[:, None] * rng.standard_normal((64, 1, 1, 1)) + 0 * slope
    images = np.concatenate([smooth, rng.standard_normal((64, 1, 16, 16))], axis=1).astype(np.float32)
    splits = [("train", "train", "val", "test")[index // 2 % 4] for index in range(64)]
    store = write_store(tmp_path / "store", images, [index % 2 for index in range(64)], splits)
    engine = engine_of(store, Flow(width=8))
    engine.train(10, 0)

    def grain(patches: Floats) -> float:
        return float(np.abs(np.diff(patches[:, 0], axis=2)).mean() / patches[:, 0].std())

    assert grain(engine.make(64)) < 0.1  # of white noise it is more than 1


def test_only_train_patches_of_the_class_count(make_store: MakeStore) -> None:
    clean = make_store()
    images = np.array(clean.images)
    images[(clean.splits != 0) | (clean.labels != 1)] = 255
    made = []
    for store in (clean, dataclasses.replace(clean, images=images)):
        engine = engine_of(store)
        engine.train(3, 0)
        made.append(engine.make(5))
    np.testing.assert_array_equal(*made)

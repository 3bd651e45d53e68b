"""The comparison of generators: its flow learns what is not Gaussian, its rule is as written, and it runs."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft
import torch
from scipy.stats import ttest_1samp

from raysat.data.store import PatchStore
from tests.helpers.benchmarks import load_benchmark
from tests.helpers.data import write_store
from tests.helpers.paths import ROOT

_SIDE = 16


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The script; what it imports from beside itself is forgotten again."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield load_benchmark("generators")
    for name in [name for name in sys.modules if name.split(".")[0] == "generating"]:
        del sys.modules[name]


def store_of(path: Path, images: npt.NDArray[np.float32], labels: list[int]) -> PatchStore:
    splits = [("train", "train", "val", "test")[index // 2 % 4] for index in range(len(labels))]
    return write_store(path, images, labels, splits)


def test_a_field_has_the_spectrum_of_its_class_and_its_bands_go_together(benchmark: Any) -> None:
    field = sys.modules["generating.field"]
    rng = np.random.default_rng(0)
    rough = rng.standard_normal((40, 1, _SIDE, _SIDE))
    smooth = rough + np.roll(rough, 1, axis=2) + np.roll(rough, 1, axis=3)
    patches = np.concatenate([smooth, 0.5 * smooth + 0.1 * rng.standard_normal(smooth.shape)], axis=1)
    coefficients = scipy.fft.dctn(patches, axes=(2, 3), norm="ortho")
    drawn = field.Field(torch.from_numpy(patches.astype(np.float32))).draw(
        torch.from_numpy(rng.standard_normal((4000, 2, _SIDE, _SIDE)).astype(np.float32))
    )
    found = scipy.fft.dctn(drawn.double().numpy(), axes=(2, 3), norm="ortho")
    index = np.arange(_SIDE)
    radius = np.round(np.hypot(index[:, None], index[None]))
    for ring in (1, 3, 7, 12):
        of_class, of_drawn = (moments(np.moveaxis(c, 1, 0)[:, :, radius == ring]) for c in (coefficients, found))
        np.testing.assert_allclose(np.diag(of_drawn), np.diag(of_class), rtol=0.1)
        assert of_drawn[0, 1] == pytest.approx(0.95 * of_class[0, 1], rel=0.1)  # shrunk by 5 %


def moments(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Second moments of two bands."""
    flat = values.reshape(2, -1)
    return flat @ flat.T / flat.shape[1]


def test_the_flow_learns_what_its_gaussian_does_not_have(benchmark: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    count = 64
    level = rng.choice([-1.0, 1.0], size=(count, 1, 1, 1))  # patches are dark or bright, none is between
    images = (5.0 + level + 0.1 * rng.standard_normal((count, 2, _SIDE, _SIDE))).astype(np.float32)
    store = store_of(tmp_path / "store", images, [index % 2 for index in range(count)])
    flow = benchmark.Flow(store, [1], seed=0, width=8)
    gaussian, before = (flow.make(1, 200, seed=0) for _ in range(2))
    np.testing.assert_array_equal(gaussian, before)
    flow.train(120)
    trained = flow.make(1, 200, seed=0)

    def between(patches: npt.NDArray[np.float32]) -> float:
        return float(np.mean(np.abs(patches.mean(axis=(1, 2, 3)) - 5.0) < 0.5))

    assert between(gaussian) > 0.3
    assert between(trained) < 0.5 * between(gaussian)


def test_intervals_are_students_and_the_rule_asks_for_both(benchmark: Any) -> None:
    differences = [0.02, 0.05, 0.01, 0.04, 0.09]
    ends = ttest_1samp(differences, 0.0).confidence_interval(0.975)
    assert benchmark.interval(differences, 0.975) == pytest.approx((ends.low, ends.high))

    def results(score: float, test: float) -> list[Any]:
        quality = dict.fromkeys(("kid", "diversity", "nearest_real"), 1.0)
        scores = [score - 0.001, score, score + 0.001]
        return [benchmark.Result(score=s, test=test, real=0.9, seconds=1.0, quality=quality) for s in scores]

    base = results(0.7, 0.7)
    for better, kept in [((0.8, 0.8), "flow"), ((0.8, 0.6), "none"), ((0.6, 0.8), "none")]:
        lines = benchmark.table({"dcgan": base, "flow": results(*better), "gaussian": results(0.9, 0.9)})
        assert lines[-1] == f"kept: {kept}"
    mixed = [dataclasses.replace(one, score=s) for one, s in zip(base, (0.9, 0.6, 0.8), strict=True)]
    assert statistics.fmean(one.score for one in mixed) > 0.7
    assert benchmark.table({"dcgan": base, "flow": mixed})[-1] == "kept: none"  # better on the whole, but not surely


def test_it_compares_all_ways_at_its_smallest(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = [0] * 32 + [1] * 16
    images = rng.normal(100.0, 10.0, (len(labels), 2, _SIDE, _SIDE)).astype(np.float32)
    images[32:] += 50.0
    store_of(tmp_path / "store", images, labels)
    script = str(ROOT / "benchmarks" / "generators.py")
    command = [sys.executable, script, str(tmp_path / "store"), "--side", str(_SIDE), "--smallest"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    printed = done.stdout
    assert "steps      8 of each DC-GAN, 9 of the flow" in printed
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if "n=1" in line]
    assert [row[0] for row in rows] == ["dcgan", "flow", "flow a class", "gaussian"]
    assert all(0 <= float(row[1]) <= 1 and float(row[-2]) >= 0 for row in rows)
    assert printed.splitlines()[-1].startswith("kept: ")

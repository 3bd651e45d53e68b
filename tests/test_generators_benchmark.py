"""The comparison of generators: its rule is as written, and it runs."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from tests.helpers.benchmarks import load_benchmark
from tests.helpers.data import write_store
from tests.helpers.paths import ROOT

_SIDE = 16


@pytest.fixture
def benchmark() -> Any:
    """The script."""
    return load_benchmark("generators")


def test_intervals_are_students_and_the_rule_asks_for_both(benchmark: Any) -> None:
    differences = [0.02, 0.05, 0.01, 0.04, 0.09]
    ends = ttest_1samp(differences, 0.0).confidence_interval(0.975)
    assert benchmark.interval(differences) == pytest.approx((ends.low, ends.high))

    def results(score: float, test: float) -> list[Any]:
        quality = dict.fromkeys(("kid", "diversity", "nearest_real"), 1.0)
        scores = [score - 0.001, score, score + 0.001]
        return [benchmark.Result(score=s, test=test, real=0.9, seconds=1.0, quality=quality) for s in scores]

    base = results(0.7, 0.7)
    for better, wanted in [((0.8, 0.8), "yes"), ((0.8, 0.6), "no"), ((0.6, 0.8), "no")]:
        lines = benchmark.table({"dcgan": base, "flow": results(*better), "gaussian": results(0.9, 0.9)})
        assert lines[-1] == f"the flow is better: {wanted}"
    mixed = [dataclasses.replace(one, score=s) for one, s in zip(base, (0.9, 0.6, 0.8), strict=True)]
    assert statistics.fmean(one.score for one in mixed) > 0.7
    # Better on the whole, but not surely.
    assert benchmark.table({"dcgan": base, "flow": mixed})[-1] == "the flow is better: no"


def test_it_compares_all_ways_at_its_smallest(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = [0] * 32 + [1] * 16
    images = rng.normal(100.0, 10.0, (len(labels), 2, _SIDE, _SIDE)).astype(np.float32)
    images[32:] += 50.0
    splits = [("train", "train", "val", "test")[index // 2 % 4] for index in range(len(labels))]
    write_store(tmp_path / "store", images, labels, splits)
    script = str(ROOT / "benchmarks" / "generators.py")
    command = [sys.executable, script, str(tmp_path / "store"), "--side", str(_SIDE), "--smallest"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    printed = done.stdout
    assert "steps      8 of each DC-GAN, 9 of each flow" in printed
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if "n=1" in line]
    assert [row[0] for row in rows] == ["dcgan", "flow", "gaussian"]
    assert all(0 <= float(row[1]) <= 1 and float(row[-2]) >= 0 for row in rows)
    assert printed.splitlines()[-1] == "the flow is better: undecided, under 3 seeds"

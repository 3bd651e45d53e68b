"""What a pilot says of how arms differ: parts that were put into drawn predictions come out again."""

from __future__ import annotations

import numpy as np
import pytest

from raysat.errors import UsageError
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.pilot import Pilot, behaviour_in, correlation_in, read_pilot
from raysat.reporting.analysis.predictions import TrialPredictions

K, SEEDS = 3, 6
SIZES = (4000, 2000, 1000)
LABELS = np.repeat(np.arange(K), SIZES).astype(np.uint8)


def predictions(right: np.ndarray) -> TrialPredictions:
    """Trials that are right (T, N) on these patches; else they take the next class."""
    predicted = np.where(right, LABELS, (LABELS + 1) % K).astype(np.uint8)
    confusion = [np.bincount(LABELS.astype(int) * K + row, minlength=K * K).reshape(K, K) for row in predicted]
    return TrialPredictions(
        labels=LABELS,
        positions=np.arange(len(LABELS)),
        predicted=predicted,
        confusion=np.array(confusion),
        rows={},
        scores=(),
        records=(),
        reliability={},
    )


def drawn(persistence: float, lean: float = 0.0) -> TrialPredictions:
    """The baseline is right on all; the arm is wrong on a fifth, of which a part is the same with every seed."""
    rng = np.random.default_rng(0)
    n, root = len(LABELS), np.sqrt(persistence)
    own, new = rng.random((1, n)) < 0.2, rng.random((SEEDS, n)) < 0.2
    wrong = np.where(rng.random((SEEDS, n)) < root, own, new) ^ (rng.random((SEEDS, n)) < lean)
    return predictions(np.concatenate([np.ones((SEEDS, n), bool), ~wrong]))


PAIRS = [[(SEEDS + seed, seed) for seed in range(SEEDS)]]


@pytest.mark.parametrize("persistence", [0.0, 0.3, 0.8])
def test_the_parts_of_the_variance_come_out(persistence):
    found = behaviour_in(drawn(persistence), PAIRS)
    assert found.recall == (1.0,) * K
    assert found.discordance == pytest.approx([0.2] * K, abs=0.03)
    assert found.persistence == pytest.approx([persistence] * K, abs=0.06)
    assert found.seed_sd == pytest.approx([0.0] * K, abs=0.02)
    assert found.seeds_on[BALANCED_ACCURACY] == pytest.approx(0.0, abs=0.01)


def pilot_of(means: np.ndarray) -> Pilot:
    behaviour = behaviour_in(drawn(0.3), PAIRS)
    return Pilot(
        study="pilot",
        classes=("a", "b", "c"),
        sizes=SIZES,
        fingerprint=None,
        labels=LABELS,
        positions=np.arange(len(LABELS)),
        means=means,
        behaviour=behaviour,
        arms=2,
        seeds=SEEDS,
        degrees=SEEDS - 1,
        images=1,
        rate=None,
    )


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_the_correlation_within_groups_comes_out(share):
    rng = np.random.default_rng(1)
    groups = rng.permutation(len(LABELS)) // 10
    of_group = rng.normal(size=(1, groups.max() + 1))[:, groups]
    means = np.sqrt(share) * of_group + np.sqrt(1 - share) * rng.normal(size=(1, len(LABELS)))
    assert correlation_in(pilot_of(means), groups) == pytest.approx(share, abs=0.06)
    assert correlation_in(pilot_of(means), np.arange(len(LABELS))) == 0.0  # every patch a group of its own
    assert correlation_in(pilot_of(means), np.zeros(len(LABELS), np.int64)) == 0.0


def test_it_reads_a_run(make_run):
    run = make_run({"plain": (0.9, 0.4, 0.4, 0.3), "LDAM": (0.85, 0.6, 0.5, 0.5)}, seeds=range(4))
    found = read_pilot(run.root)
    assert (found.arms, found.seeds, found.degrees) == (2, 4, 3)
    assert found.behaviour.recall == pytest.approx((0.9, 0.4, 0.4, 0.3), abs=0.2)
    assert sum(found.sizes) == len(found.labels) == found.means.shape[1]


def test_one_seed_says_nothing_of_seeds(make_run):
    run = make_run({"plain": (0.9, 0.4, 0.4, 0.3), "LDAM": (0.85, 0.6, 0.5, 0.5)}, seeds=[0])
    with pytest.raises(UsageError, match="no arm with two seeds in common with its baseline, 'plain'"):
        read_pilot(run.root)

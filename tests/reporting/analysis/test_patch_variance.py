"""How differences spread over patches and seeds: against drawn patches, and against numerical derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL
from raysat.reporting.analysis.patch_variance import (
    Behaviour,
    TestPatches,
    group_sizes,
    icv_of,
    largest_effect,
    spread_of,
)

SIZES = (120, 40, 30)
RECALL_OF = (0.8, 0.6, 0.5)
DISCORDANCE, PERSISTENCE, SEED_SD = 0.2, 0.4, 0.02
BEHAVIOUR = Behaviour(
    recall=RECALL_OF, discordance=(DISCORDANCE,) * 3, persistence=(PERSISTENCE,) * 3, seed_sd=(SEED_SD,) * 3
)


def test_of_balanced_accuracy_and_a_recall_it_is_that_of_independent_patches():
    for metric, weights in ((BALANCED_ACCURACY, (1 / 3,) * 3), (RECALL.of_class(1), (0, 1, 0))):
        found = spread_of(metric, 0.0, BEHAVIOUR, TestPatches(sizes=SIZES))
        each = [w**2 * DISCORDANCE / n for w, n in zip(weights, SIZES, strict=True)]
        assert found.patches**2 == pytest.approx(PERSISTENCE * sum(each), rel=1e-4)
        endless = sum((w * SEED_SD) ** 2 for w in weights)
        anew = sum(
            w**2 * ((1 - PERSISTENCE) * DISCORDANCE - SEED_SD**2) / n for w, n in zip(weights, SIZES, strict=True)
        )
        assert found.seeds**2 == pytest.approx(anew + endless, rel=1e-4)


def test_it_is_how_drawn_patches_spread():
    """Of each patch x is drawn anew by every seed with the chance 1 - persistence, and else the same."""
    rng, studies, seeds = np.random.default_rng(0), 4_000, 5
    means = np.zeros((studies, seeds))
    for n in SIZES:
        values, chance = (-1, 0, 1), (DISCORDANCE / 2, 1 - DISCORDANCE, DISCORDANCE / 2)
        own = rng.choice(values, (studies, 1, n), p=chance)
        new = rng.choice(values, (studies, seeds, n), p=chance)
        stays = rng.random((studies, seeds, n)) < np.sqrt(PERSISTENCE)  # two seeds agree where both stay
        means += np.where(stays, own, new).mean(axis=2) / 3
    found = spread_of(BALANCED_ACCURACY, 0.0, BEHAVIOUR, TestPatches(sizes=SIZES))
    own_part = found.seeds**2 - 3 * (SEED_SD / 3) ** 2
    within = means.var(axis=1, ddof=1).mean()
    among = means.mean(axis=1).var(ddof=1) - within / seeds
    assert within == pytest.approx(own_part, rel=0.08)
    assert among == pytest.approx(found.patches**2, rel=0.08)


def test_the_derivative_of_icv_is_numerical():
    recall, sizes = np.array(RECALL_OF), np.array(SIZES, float)
    value, slope = icv_of(recall, sizes)
    accuracy = (recall * sizes).sum() / sizes.sum()
    assert value == pytest.approx(((accuracy - recall) ** 2).sum())
    for k in range(3):
        step = np.eye(3)[k] * 1e-6
        assert slope[k] == pytest.approx((icv_of(recall + step, sizes)[0] - icv_of(recall - step, sizes)[0]) / 2e-6)


def test_there_is_no_room_for_more_than_all():
    patches = TestPatches(sizes=(*SIZES, 0))
    four = Behaviour(recall=(*RECALL_OF, 0), discordance=(0.2,) * 4, persistence=(0.3,) * 4, seed_sd=(0.0,) * 4)
    assert largest_effect(BALANCED_ACCURACY, four, patches) == pytest.approx(1 - np.mean(RECALL_OF))
    assert largest_effect(RECALL.of_class(2), four, patches) == pytest.approx(0.5)
    assert largest_effect(ICV, four, patches) == pytest.approx(icv_of(np.array(RECALL_OF), np.array(SIZES, float))[0])
    with pytest.raises(ValueError, match="no model of the spread"):
        spread_of(RECALL, 0.0, four, patches)


def test_patches_that_are_alike_count_for_fewer():
    alike = Behaviour(
        recall=RECALL_OF, discordance=(0.2,) * 3, persistence=(0.4,) * 3, seed_sd=(0.0,) * 3, correlation=0.5
    )
    apart = spread_of(BALANCED_ACCURACY, 0.0, alike, TestPatches(sizes=SIZES))
    grouped = spread_of(BALANCED_ACCURACY, 0.0, alike, TestPatches(sizes=SIZES, in_group=(5.0,) * 3))
    assert grouped.patches**2 == pytest.approx(apart.patches**2 * (1 + 4 * 0.5))
    assert grouped.seeds**2 == pytest.approx(apart.seeds**2 * 3)


def test_the_size_of_a_group_is_that_of_a_patch_on_average():
    labels, groups = np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1])
    assert group_sizes(labels, groups, 3) == ((3 * 3 + 1) / 4, 1.0, 1.0)

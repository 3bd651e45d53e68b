"""The arms that share the bold of a paper's table, against scipy's permutation test and statsmodels' Holm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy.stats import permutation_test
from statsmodels.stats.multitest import multipletests

from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, ICV, Metric
from raysat.reporting.analysis.model import Arm, Leaderboard, MetricSummary
from raysat.reporting.analysis.ranking import rank
from raysat.reporting.analysis.top_group import top_group


def board(values: Mapping[str, Sequence[float]], *, failing: str = "", lacking: int = 0) -> Leaderboard:
    """Arms whose every metric has these values over the seeds 0, 1 ...; one may lack its last seeds."""
    arms = []
    for position, (name, of_arm) in enumerate(values.items()):
        seeds = tuple(range(len(of_arm) - (lacking if name == failing else 0)))
        summary = MetricSummary(values=tuple(of_arm[: len(seeds)]))
        arms.append(
            Arm(
                name=name,
                seeds=seeds,
                failed=(),
                missing=tuple(range(len(seeds), len(of_arm))),
                metrics=dict.fromkeys((BALANCED_ACCURACY, ICV, ACCURACY, MACRO), summary),
                position=position,
            )
        )
    return Leaderboard(
        study="s", data="d", fingerprint=None, classes=("a", "b"), reported="test", support=(5, 5), reference=None,
        arms=rank(arms),
    )  # fmt: skip


MACRO = Metric("macro_f1", "macro F1", "F1")


def expected(values: Mapping[str, Sequence[float]], *, lower: bool) -> set[str]:
    """By other people's code: the best, and those whose corrected p stays above 5 %."""
    means = {name: float(np.mean(of_arm)) for name, of_arm in values.items()}
    best = min(means, key=means.__getitem__) if lower else max(means, key=means.__getitem__)
    others = [name for name in values if name != best]
    p = [
        permutation_test(
            (np.subtract(values[name], values[best]),), np.mean, permutation_type="samples", n_resamples=np.inf
        ).pvalue
        for name in others
    ]
    kept = multipletests(p, alpha=0.05, method="holm")[1] > 0.05
    return {best, *(name for name, keep in zip(others, kept, strict=True) if keep)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("metric", [BALANCED_ACCURACY, ICV])
def test_the_group_is_that_of_the_paired_test_after_holm(seed: int, metric: Metric) -> None:
    rng = np.random.default_rng(seed)
    values = {f"arm {k}": tuple(0.5 + 0.03 * k + rng.normal(0, 0.03, 9)) for k in range(5)}
    group = top_group(board(values), metric)
    assert group.arms == expected(values, lower=metric.lower_is_better)
    assert (group.pairs, group.competing) == (9, 5)
    assert group.best in group.arms


def test_a_larger_mean_that_is_chance_has_company_and_a_sure_one_has_none() -> None:
    noise = np.random.default_rng(1).normal(0, 0.001, (3, 8))
    values = {"a": tuple(0.7 + noise[0]), "b": tuple(0.7 + noise[1]), "c": tuple(0.6 + noise[2])}
    assert top_group(board(values), BALANCED_ACCURACY).arms == {"a", "b"}
    assert top_group(board({"a": values["a"], "c": values["c"]}), BALANCED_ACCURACY).arms == {"a"}
    assert top_group(board({"a": values["a"], "b": values["b"]}), BALANCED_ACCURACY).all_alike


@pytest.mark.parametrize(("seeds", "arms", "too_few"), [(5, 2, True), (6, 2, False), (6, 3, True), (7, 3, False)])
def test_with_too_few_seeds_there_is_no_group(seeds: int, arms: int, too_few: bool) -> None:
    """One comparison needs 2^(1-n) <= 0.05, two of them half of that, whatever the difference."""
    values = {f"arm {k}": tuple(float(k) + 0.01 * s for s in range(seeds)) for k in range(arms)}
    group = top_group(board(values), BALANCED_ACCURACY)
    assert group.too_few is too_few is ((arms - 1) * 2.0 ** (1 - seeds) > 0.05)
    assert group.arms == (frozenset() if too_few else {f"arm {arms - 1}"})
    assert group.needed == next(n for n in range(1, 30) if (arms - 1) * 2.0 ** (1 - n) <= 0.05)


def test_an_arm_that_lacks_seeds_does_not_compete() -> None:
    values = {"a": (0.7,) * 8, "b": (0.6,) * 8, "c": (0.9,) * 8}
    group = top_group(board(values, failing="c", lacking=3), BALANCED_ACCURACY)
    assert (group.arms, group.competing) == ({"a"}, 2)


def test_accuracy_and_a_single_arm_have_no_group() -> None:
    values = {"a": (0.7,) * 8, "b": (0.6,) * 8}
    assert top_group(board(values), ACCURACY).best is None
    assert not top_group(board({"a": values["a"]}), BALANCED_ACCURACY).arms

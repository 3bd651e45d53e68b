"""The ranking rule and the Pareto mark, on arms whose means are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import UsageError
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, ECE, ICV, KAPPA, MACRO_F1, Metric
from raysat.reporting.analysis.model import Arm, FailedTrial, MetricSummary
from raysat.reporting.analysis.ranking import pareto, rank, ranking_metric, ranking_seeds


def arm(
    name: str, balanced: float, icv: float = 0.1, f1: float = 0.5, more: Mapping[Metric, float] = MappingProxyType({})
) -> Arm:
    metrics = {BALANCED_ACCURACY: balanced, ICV: icv, MACRO_F1: f1, ACCURACY: 0.5, **more}
    summaries = {key: MetricSummary(values=(value,)) for key, value in metrics.items()}
    return Arm(name=name, seeds=(0,), failed=(), missing=(), metrics=summaries)


def order(arms: list[Arm], by: Metric = BALANCED_ACCURACY) -> str:
    ranked = rank(arms, by)
    assert [each.rank for each in ranked if each.n] == list(range(1, sum(1 for each in arms if each.n) + 1))
    return "".join(each.name for each in ranked)


def test_balanced_accuracy_then_lower_icv_then_f1_then_the_studys_order():
    assert order([arm("a", 0.5), arm("b", 0.7), arm("c", 0.6)]) == "bca"
    assert order([arm("a", 0.5, 0.3), arm("b", 0.5, 0.1), arm("c", 0.5, 0.2)]) == "bca"
    assert order([arm("a", 0.5, 0.1, 0.3), arm("b", 0.5, 0.1, 0.4)]) == "ba"
    assert order([arm("a", 0.5), arm("b", 0.5)]) == "ab"


def test_accuracy_never_ranks():
    assert order([arm("a", 0.5, more={ACCURACY: 0.1}), arm("b", 0.4, more={ACCURACY: 0.9})]) == "ab"
    with pytest.raises(UsageError, match="accuracy never ranks"):
        ranking_metric("accuracy")


def test_another_metric_ranks_in_front_of_the_rule():
    arms = [arm("a", 0.5, more={ECE: 0.3}), arm("b", 0.4, more={ECE: 0.1}), arm("c", 0.6, more={ECE: 0.3})]
    assert order(arms, ECE) == "bca"
    assert order([arm("a", 0.9, 0.2), arm("b", 0.1, 0.1)], ICV) == "ba"


def test_an_unknown_metric_and_one_that_arms_lack_are_errors():
    with pytest.raises(UsageError) as caught:
        ranking_metric("balanced_acuracy")
    assert "balanced_accuracy" in caught.value.hint
    lacking = replace(arm("a", 0.5), metrics={**arm("a", 0.5).metrics, KAPPA: MetricSummary(values=())})
    with pytest.raises(UsageError, match="arm 'a' has no weighted kappa: its classes have no order"):
        rank([lacking], KAPPA)


def test_an_arm_without_a_result_comes_last_without_a_rank():
    empty = replace(arm("x", 0.9), seeds=(), failed=(FailedTrial(seed=0, error="diverged"),), rank=3)
    ranked = rank([empty, arm("a", 0.1)])
    assert [(each.name, each.rank) for each in ranked] == [("a", 1), ("x", None)]
    assert pareto([empty, arm("a", 0.1)]) == {"a"}


def seeded(name: str, values: dict[int, float], planned: int = 3) -> Arm:
    """An arm with a balanced accuracy for each finished seed, of so many planned."""
    found = {BALANCED_ACCURACY: tuple(values.values()), ICV: (0.1,) * len(values), MACRO_F1: (0.5,) * len(values)}
    return Arm(
        name=name,
        seeds=tuple(values),
        failed=(),
        missing=tuple(seed for seed in range(planned) if seed not in values),
        metrics={key: MetricSummary(values=each) for key, each in found.items()},
    )


def test_an_arm_that_lost_a_seed_ranks_below_those_that_have_it_whatever_its_others_reached():
    whole = seeded("whole", {0: 0.5, 1: 0.5, 2: 0.5})
    better = seeded("better", {0: 0.6, 1: 0.6, 2: 0.6})
    ranked = rank([seeded("lucky", {1: 0.9}), whole, better])
    assert [(each.name, each.rank, each.short) for each in ranked] == [
        ("better", 1, False),
        ("whole", 2, False),
        ("lucky", 3, True),
    ]
    assert pareto(ranked) == {"better"}


def test_of_arms_that_are_short_the_one_with_more_seeds_comes_first():
    ranked = rank([seeded("one", {0: 0.9}), seeded("two", {0: 0.2, 2: 0.2}), seeded("all", {0: 0.1, 1: 0.1, 2: 0.1})])
    assert [each.name for each in ranked] == ["all", "two", "one"]
    assert [each.short for each in ranked] == [False, True, True]


def test_arms_that_planned_other_seeds_are_ranked_on_those_they_share():
    """As of two runs in one report: five seeds here, three there; the extra seeds would turn the order round."""
    five = seeded("five", {0: 0.5, 1: 0.5, 2: 0.5, 3: 0.9, 4: 0.9}, planned=5)
    three = seeded("three", {0: 0.6, 1: 0.6, 2: 0.6}, planned=3)
    assert ranking_seeds([five, three]) == (0, 1, 2)
    assert [(each.name, each.short) for each in rank([five, three])] == [("three", False), ("five", False)]


def test_in_a_run_that_was_stopped_the_arms_with_the_most_seeds_are_compared():
    ranked = rank([seeded("a", {0: 0.9}), seeded("b", {0: 0.5, 1: 0.5}), seeded("c", {0: 0.6, 1: 0.6})])
    assert [(each.name, each.short) for each in ranked] == [("c", False), ("b", False), ("a", True)]


def test_complete_arms_without_a_common_seed_are_ranked_on_their_own():
    arms = [replace(seeded(name, {seed: value}), missing=()) for name, seed, value in (("a", 0, 0.5), ("b", 7, 0.6))]
    ranked = rank([*arms, seeded("short", {0: 0.9})])
    assert ranking_seeds(ranked) == ()
    assert [(each.name, each.short) for each in ranked] == [("b", False), ("a", False), ("short", True)]


scores = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8)


@given(points=scores)
def test_pareto_arms_are_those_that_no_other_beats(points):
    arms = [arm(str(n), balanced / 5, icv / 5) for n, (balanced, icv) in enumerate(points)]
    expected = set()
    for n, (balanced, icv) in enumerate(points):
        better = [(b, i) for b, i in points if b >= balanced and i <= icv and (b, i) != (balanced, icv)]
        if not better:
            expected.add(str(n))
    assert pareto(arms) == expected
    assert rank(arms)[0].name in expected

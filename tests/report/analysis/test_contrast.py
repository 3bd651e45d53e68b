"""Contrasts of arms: sums, differences and multiples of weights."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raysat.report.analysis.contrast import Contrast
from raysat.report.analysis.effects import design_matrix
from raysat.report.analysis.factors import Factor

weights = st.dictionaries(st.sampled_from("abcd"), st.integers(-4, 4).map(float), min_size=1)


def test_a_difference_of_means_weighs_each_side_to_one():
    contrast = Contrast.mean(["a", "b"]) - Contrast.mean(["c"])
    assert contrast.weights == {"a": 0.5, "b": 0.5, "c": -1.0}
    assert contrast.arms == ("a", "b", "c")


@given(weights, weights)
def test_sums_and_differences_are_those_of_every_weight(one, other):
    for total, sign in ((Contrast(one) + Contrast(other), 1), (Contrast(one) - Contrast(other), -1)):
        for arm in "abcd":
            assert total.weights.get(arm, 0.0) == one.get(arm, 0.0) + sign * other.get(arm, 0.0)


def test_an_arm_without_weight_takes_no_part_and_nothing_left_is_one_arm_of_weight_zero():
    assert (Contrast.mean(["a", "b"]) - Contrast.mean(["b"]) * 0.5).arms == ("a",)
    assert (Contrast.mean(["a"]) - Contrast.mean(["a"])).weights == {"a": 0.0}


def test_columns_of_least_squares_are_named_by_factors_and_levels():
    arms = ("w", "x", "y", "z")
    loss = Factor(name="loss", levels=("ce", "ldam"), of=dict(zip(arms, ("ce", "ldam", "ce", "ldam"), strict=True)))
    average = Factor(
        name="average", levels=("none", "swa"), of=dict(zip(arms, ("none", "none", "swa", "swa"), strict=True))
    )
    columns = design_matrix(arms, (loss, average), (loss, average))
    assert list(columns) == [(), (("loss", "ldam"),), (("average", "swa"),), (("loss", "ldam"), ("average", "swa"))]
    assert [column.tolist() for column in columns.values()] == [
        [1, 1, 1, 1],
        [0, 1, 0, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 1],
    ]
    assert len(design_matrix(arms, (loss, average))) == 3

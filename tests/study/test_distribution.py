"""Distributions: from a param to a setting and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.config.yaml_source import YamlValue
from raysat.study.distribution import Choice, Distribution, Range, read_distribution

KEY = ("optim", "lr")


@pytest.mark.parametrize(
    ("written", "distribution"),
    [
        ({"uniform": [0, 1]}, Range(kind="uniform", low=0.0, high=1.0)),
        ({"log_uniform": [1e-4, 1]}, Range(kind="log_uniform", low=1e-4, high=1.0)),
        ({"int": [2, 9]}, Range(kind="int", low=2, high=9)),
        ({"choice": [1, True, 1.0]}, Choice(values=(1, True, 1.0))),
    ],
)
def test_each_is_read(written: dict[str, list[float]], distribution: Distribution) -> None:
    distribution_read = read_distribution(YamlValue(written), KEY)
    assert distribution_read == distribution
    assert [type(bound) for bound in distribution_read.boundary()] == [type(bound) for bound in distribution.boundary()]


@given(param=st.floats(0.123456, 0.987654))
def test_a_number_is_rounded_to_four_digits_within_its_bounds(param: float) -> None:
    value = Range(kind="uniform", low=0.123456, high=0.987654).value(param)
    assert value == float(f"{value:.4g}") or value in (0.123456, 0.987654)
    assert value == pytest.approx(param, rel=1e-3)


def test_what_lies_outside_is_not_found() -> None:
    numbers, whole = Range(kind="uniform", low=0.5, high=1.0), Range(kind="int", low=2, high=9)
    assert [numbers.find(value) for value in (0.5, 1, 0.4, None, "0.7")] == [0.5, 1, None, None, None]
    assert [whole.find(value) for value in (2, 9, 10)] == [2, 9, None]
    choice = Choice(values=(1, True, None, {"kind": "ldam", "scale": 5}))
    assert [choice.find(value) for value in (1, True, 1.0, None)] == [0, 1, None, 2]
    assert choice.find({"scale": 5, "kind": "ldam"}) == 3

"""The standard deviation, against the one of Python, to the last bit."""

import math
from statistics import stdev

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raysat.metrics.spread import sample_sd

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150)


@given(values=st.lists(st.floats(0, 1) | numbers | st.integers(-5, 5), min_size=2, max_size=12))
@example(values=[0.1, 0.1, 0.1])
@example(values=[5e-324, 0.0])
@example(values=[1e150, 1e-150])
def test_it_is_that_of_python_bit_for_bit(values: list[float]) -> None:
    assert math.copysign(1, sample_sd(values)) == 1
    assert sample_sd(values) == stdev(values)


def test_it_does_not_depend_on_the_order() -> None:
    values = [0.1, 0.7, 0.3, 1e-9]
    assert sample_sd(values) == sample_sd(values[::-1])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_has_none(value: float) -> None:
    assert math.isnan(sample_sd([0.5, value]))


def test_one_value_has_none() -> None:
    with pytest.raises(ZeroDivisionError):
        sample_sd([0.5])

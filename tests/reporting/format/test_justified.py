"""Decimals by the Particle Data Group's rule, against the examples that it gives."""

from __future__ import annotations

import pytest

from raysat.reporting.format.justified import column_decimals, decimals


@pytest.mark.parametrize(
    ("uncertainty", "expected"),
    [
        (0.119, 2),  # 0.827 ± 0.119 is 0.83 ± 0.12
        (0.367, 1),  # 0.827 ± 0.367 is 0.8 ± 0.4
        (0.00354, 4),
        (0.00355, 3),
        (0.00949, 3),
        (0.0095, 3),  # rounds up to 0.010, of which two digits stay
        (0.0999, 2),
        (0.1, 2),
        (12.0, 0),
        (950.0, 0),
    ],
)
def test_the_rule(uncertainty: float, expected: int) -> None:
    assert decimals(uncertainty) == expected


def test_a_column_has_the_decimals_of_its_median_interval() -> None:
    half = 1.959964 * 0.012
    assert column_decimals([(0.5 - half, 0.5 + half)] * 2 + [(0.1, 0.9)], most=5) == 3
    assert column_decimals([(0.5 - half, 0.5 + half)], most=2) == 2
    assert column_decimals([(0.0, 90.0)], most=3) == 1
    assert column_decimals([(0.7, 0.7)], most=4) == 4, "no width, nothing known"
    assert column_decimals([], most=3) == 3

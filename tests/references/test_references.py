"""Every method beside a reference that raysat's authors did not write, or wrote apart from it."""

from __future__ import annotations

import pytest

from tests.references.registry import Comparison
from tests.references.table import comparisons


@pytest.mark.parametrize("comparison", comparisons(), ids=lambda each: f"{each.member}, {each.reference}")
def test_a_method_agrees_with_its_reference(comparison: Comparison) -> None:
    assert comparison.largest_difference() <= comparison.within

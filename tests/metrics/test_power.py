"""What so many seeds can show: against every way to give signs, counted."""

from __future__ import annotations

from itertools import product

import pytest

from raysat.metrics.power import LEVEL, power_note, seeds_needed, smallest_p


@pytest.mark.parametrize("n", range(1, 11))
def test_the_smallest_p_is_that_of_differences_which_all_agree(n):
    sums = [abs(sum(signs)) for signs in product((-1, 1), repeat=n)]
    assert smallest_p(n) == sum(each >= n for each in sums) / 2**n


@pytest.mark.parametrize("comparisons", [1, 2, 7, 9, 100])
def test_seeds_needed_is_the_first_number_that_can_pass(comparisons):
    n = seeds_needed(comparisons)
    assert comparisons * smallest_p(n) <= LEVEL < comparisons * smallest_p(n - 1)


def test_beyond_what_is_tried_in_full_p_is_that_of_random_signs():
    assert smallest_p(16) == 2**-15
    assert smallest_p(17) == smallest_p(1000) == 1 / 100_001


def test_the_note_says_what_cannot_be_shown():
    assert "no difference can be significant at 5 %; 6 seeds can show one" in power_note(5, 1)
    assert "0.0625" in power_note(5, 1)
    assert "9 for the strongest of 9 (Holm)" in power_note(5, 9)
    assert "one comparison can be significant at 5 %, but the strongest of 9 needs 9" in power_note(6, 9)
    assert power_note(9, 9).endswith("is 0.00391")
    assert power_note(1, 3).startswith("1 seed:")

"""How drivers share a cluster: by what Ray's table of placement groups says each of them holds or waits for."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.execution.scheduling.slots import Demand, demands, share

NUMBERS = count()
OWN, OTHER, THIRD = "01000000", "02000000", "03000000"


def group(driver: str, state: str, *bundles: dict[str, float]) -> tuple[str, dict[str, Any]]:
    return f"{next(NUMBERS):024x}{driver}", {"state": state, "bundles": dict(enumerate(bundles))}


@given(st.integers(0, 40), st.lists(st.floats(0.0, 50.0), max_size=5))
def test_a_share_is_all_that_others_leave_and_at_least_an_equal_part(slots: int, others: list[float]) -> None:
    mine = share(slots, others)
    assert 0 <= mine <= slots
    assert mine >= slots // (len(others) + 1), "an equal part"
    assert mine >= int(slots - sum(others) + 1e-6), "what nobody else wants"
    if any(wanted > mine + 1 for wanted in others):  # who wants more than I get: we share what is left alike
        small = sum(wanted for wanted in others if wanted <= mine)
        large = sum(wanted > mine for wanted in others)
        assert mine * (large + 1) + small <= slots + 1e-6 * (len(others) + 1)


@given(st.integers(1, 20), st.lists(st.integers(1, 30), min_size=2, max_size=4))
def test_shares_together_are_no_more_than_there_is(slots: int, wanted: list[int]) -> None:
    given = [min(share(slots, wanted[:me] + wanted[me + 1 :]), wanted[me]) for me in range(len(wanted))]
    assert sum(given) <= slots
    assert sum(given) >= min(slots, sum(wanted)) - len(wanted) + 1, "but for what cannot be divided"


def test_what_others_hold_and_wait_for_is_counted_in_own_slots() -> None:
    table = dict(
        [
            group(OWN, "CREATED", {"CPU": 2.0}),
            group(OWN, "PENDING", {"CPU": 2.0}),
            group(OTHER, "CREATED", {"CPU": 1.0}),
            group(OTHER, "PENDING", {"CPU": 1.0}, {"CPU": 1.0}),
            group(OTHER, "REMOVED", {"CPU": 9.0}),
            group(THIRD, "CREATED", {"CPU": 4.0, "GPU": 1.0}),
            group(THIRD, "CREATED", {"memory": 1.0}),
        ]
    )
    found = demands(table, [{"CPU": 4.0}], {"CPU": 2.0}, own=OWN)
    assert found == [Demand(slots=1.5, is_waiting=True), Demand(slots=2.0, is_waiting=False)]


@pytest.mark.parametrize("bundle", [{"CPU": 8.0}, {"CPU": 1.0, "GPU": 1.0}])
def test_a_group_that_no_node_could_hold_takes_nothing_from_anybody(bundle: dict[str, float]) -> None:
    table = dict([group(OTHER, "PENDING", bundle)])
    assert demands(table, [{"CPU": 4.0}, {"CPU": 4.0}], {"CPU": 1.0}, own=OWN) == []

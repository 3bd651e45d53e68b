"""Which epoch or step a point of training means."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.config.families.learning import Ema, NoAverage, Swa
from raysat.config.families.reweight import Drw, InfluenceBalanced
from raysat.config.families.samplers import Drs
from raysat.config.milestones import defer_until, epoch_at, snapshot_epochs, warmup_steps


@given(numerator=st.integers(0, 10_000), epochs=st.integers(1, 1000))
def test_a_point_means_the_epoch_that_it_is_in_whatever_its_binary_digits(numerator: int, epochs: int) -> None:
    exact = Fraction(numerator, 10_000) * epochs  # what is written in a study: four decimals
    assert epoch_at(numerator / 10_000, epochs) == exact.numerator // exact.denominator


@pytest.mark.parametrize("member", [Drw, Drs, InfluenceBalanced])
@pytest.mark.parametrize(
    ("switch", "epochs", "first"),
    [(0.8, 40, 32), (0.625, 40, 25), (0.8, 6, 4), (0.8, 1, 0), (0.29, 100, 29), (1.0, 7, 7), (0.0, 3, 0)],
)
def test_deferred_methods_switch_in_the_epoch_in_which_the_point_falls(
    member: type[Drw | Drs | InfluenceBalanced], switch: float, epochs: int, first: int
) -> None:
    assert defer_until(member(switch=switch), epochs) == first


@pytest.mark.parametrize(
    ("swa", "epochs", "expected"),
    [
        (Swa(), 40, {10, 15, 20, 25, 30, 35, 40}),
        (Swa(), 8, {2, 3, 4, 5, 6, 7, 8}),
        (Swa(), 1, {1}),
        (Swa(start=0.5, every=0.3), 10, {5, 8, 10}),
        (Swa(start=1.0), 12, {12}),
        (Swa(start=0.0, every=0.5), 4, {1, 2, 4}),
        (Swa(start=0.5, every=1e-9), 6, {3, 4, 5, 6}),
        (NoAverage(), 40, set()),
        (Ema(), 40, set()),
    ],
)
def test_snapshots_are_at_the_ends_of_the_nearest_epochs(swa: Swa, epochs: int, expected: set[int]) -> None:
    assert snapshot_epochs(swa, epochs) == expected


@given(start=st.floats(0, 1), every=st.floats(0, 1, exclude_min=True), epochs=st.integers(1, 60))
def test_snapshots_lie_in_training_and_hold_its_end(start: float, every: float, epochs: int) -> None:
    found = snapshot_epochs(Swa(start=start, every=every), epochs)
    assert epochs in found
    assert found <= set(range(1, epochs + 1))


@pytest.mark.parametrize(
    ("share", "steps", "expected"), [(0.0, 50, 0), (0.1, 50, 5), (0.01, 49, 0), (0.01, 50, 1), (0.999, 10, 10)]
)
def test_a_warm_up_lasts_the_nearest_number_of_steps(share: float, steps: int, expected: int) -> None:
    assert warmup_steps(share, steps) == expected


def test_planning_with_points_needs_no_torch() -> None:
    code = "import sys, raysat.config.milestones; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

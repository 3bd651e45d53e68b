"""Rounds of tuning: how many trials and epochs each has, and that no number of either is lost by rounding."""

from __future__ import annotations

import pytest

from raysat.study.rounds import MOST, epochs_by_round, trials_by_round
from tests.helpers.study import load

TUNE = "tune: {per_arm: %d, rounds: %d, over: {optim.lr: {uniform: [0.1, 0.2]}}}\n"


def test_each_round_has_half_the_drawn_trials_and_twice_the_epochs() -> None:
    assert trials_by_round(20, 3) == (20, 11, 6)  # 19, 10, 5 and the one as written
    assert epochs_by_round(10, 3) == (3, 5, 10)
    assert (trials_by_round(20, 1), epochs_by_round(40, 1)) == ((20,), (40,))


@pytest.mark.parametrize("rounds", range(2, 8))
def test_the_fewest_trials_and_epochs_that_an_error_names_are_enough(tmp_path, rounds: int) -> None:
    halvings = 2 ** (rounds - 1)
    text = f"base: {{optim.epochs: {halvings}}}\n" + TUNE % (halvings + 2, rounds)
    tune = load(tmp_path, text).tune
    assert tune is not None
    assert tune.trials[-1] == 3
    assert tune.epochs(load(tmp_path, text).arms[0].config) == tuple(2**number for number in range(rounds))


def test_epochs_grow_from_round_to_round_so_that_names_of_trials_differ() -> None:
    for epochs in (*range(1, 70), 9_999):
        for rounds in range(1, epochs.bit_length() + 1):
            found = epochs_by_round(epochs, rounds)
            assert found[0] >= 1
            assert found[-1] == epochs
            assert list(found) == sorted(set(found))
    assert 2 ** (MOST - 1) <= 10_000 < 2**MOST  # so many epochs a trial has at most

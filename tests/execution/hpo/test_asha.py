"""Halving: who is stopped, who never is, and that an earlier run counts."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raysat.execution.hpo.asha import Halving
from raysat.execution.messages import EpochDone, JobFailed, Score, to_result
from raysat.search.options import Asha
from tests.helpers.search import candidate, load


@dataclass(frozen=True, slots=True)
class Trial:
    """What the scheduler sees of one of Tune's trials."""

    trial_id: str
    stoppable: bool = True

    @property
    def config(self) -> dict[str, Any]:
        return {"job": SimpleNamespace(id=self.trial_id, stoppable=self.stoppable)}


def train(halving: Halving, trial: Trial, curve: list[float]) -> int:
    """Report epoch after epoch; return after which one the trial was stopped, else their number."""
    halving.on_trial_add(None, trial)
    for epoch, score in enumerate(curve, start=1):
        report = to_result(EpochDone(job="job", epoch=epoch, score=Score(balanced_accuracy=score, icv=0.0)))
        if halving.on_trial_result(None, trial, report) == "STOP":
            assert trial.trial_id in halving.stopped
            return epoch
    assert trial.trial_id not in halving.stopped
    return len(curve)


@settings(max_examples=60)
@given(scores=st.lists(st.lists(st.floats(0, 1), min_size=9, max_size=9), min_size=1, max_size=12))
def test_it_stops_who_is_below_the_best_third_of_those_who_came_as_far(scores: list[list[float]]) -> None:
    """Rungs at epochs 1, 3 and, of 9 epochs, not at the last."""
    halving = Halving(Asha(grace_period=0.1, reduction_factor=3), epochs=9)
    came: dict[int, list[float]] = {1: [], 3: []}
    for number, curve in enumerate(scores):
        expected = 9
        for rung, earlier in came.items():
            score = curve[rung - 1]
            behind = bool(earlier) and score < np.percentile(earlier, 100 * (1 - 1 / 3))
            earlier.append(score)
            if behind:
                expected = rung
                break
        assert train(halving, Trial(str(number)), curve) == expected


def test_the_base_is_never_stopped_and_is_compared_with() -> None:
    halving = Halving(Asha(grace_period=0.25), epochs=4)
    assert train(halving, Trial("good"), [0.9] * 4) == 4
    assert train(halving, Trial("base", stoppable=False), [0.1] * 4) == 4
    assert train(halving, Trial("worse than the base"), [0.05] * 4) == 1


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 9])
def test_nobody_is_stopped_after_the_last_epoch(epochs: int) -> None:
    """The final weights, averaged perhaps, are what counts: they are read out after the last epoch."""
    halving = Halving(Asha(grace_period=0.99), epochs=epochs)
    assert train(halving, Trial("good"), [0.9] * epochs) == epochs
    last = [0.9] * (epochs - 1) + [0.0]
    assert train(halving, Trial("bad at the end"), last) == epochs


def test_a_failed_trial_reports_no_score() -> None:
    halving = Halving(Asha(grace_period=0.25), epochs=4)
    trial = Trial("fails")
    halving.on_trial_add(None, trial)
    assert halving.on_trial_result(None, trial, to_result(JobFailed(job="job"))) == "CONTINUE"


def test_candidates_of_an_earlier_run_are_compared_with(tmp_path: Path) -> None:
    search = load(tmp_path, "search: {optim.lr: {uniform: [0.1, 0.2]}}\n")
    for remembered in (False, True):
        halving = Halving(Asha(grace_period=0.25, reduction_factor=2), epochs=8)
        if remembered:
            params = {"optim.lr": 0.1}
            halving.remember(candidate(search, 1, params, state="finished", curve=(0.8,) * 8))
            halving.remember(candidate(search, 2, params, state="stopped", curve=(0.3, 0.3)))
        # Alone it goes on; beside 0.8 and 0.3, whose median is 0.55, it does not.
        assert train(halving, Trial("new"), [0.5] * 8) == (2 if remembered else 8)


def test_a_candidate_that_is_tried_again_is_compared_once() -> None:
    """Tune calls each attempt another trial; its curve comes again from a checkpoint."""
    halving = Halving(Asha(grace_period=0.25, reduction_factor=2), epochs=8)

    @dataclass(frozen=True, slots=True)
    class Attempt:
        trial_id: str
        config: dict[str, Any]

    job = SimpleNamespace(id="job", stoppable=True)
    for name in ("first", "second", "third"):
        attempt = Attempt(name, {"job": job})
        halving.on_trial_add(None, attempt)
        for epoch in (1, 2):
            report = to_result(EpochDone(job="job", epoch=epoch, score=Score(balanced_accuracy=0.9, icv=0.0)))
            assert halving.on_trial_result(None, attempt, report) == "CONTINUE"
    (rungs,) = (bracket._rungs for bracket in halving._brackets)
    assert [recorded for _, recorded in rungs if recorded] == [{"job": 0.9}]

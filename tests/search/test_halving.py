"""Which trials go on after a round of tuning: by made-up records, at any moment at which a study may be stopped."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from raysat.data.store import PatchStore
from raysat.metrics.confusion import from_confusion
from raysat.planning.build import make_plan
from raysat.search.halving import trials_so_far, trials_to_come
from raysat.search.per_arm import ArmTrial, arm_trials, tuned_study, tuning_study
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.study.load import Study
from tests.helpers.report import write_trial
from tests.helpers.study import load

TEXT = """
base: {model: {name: test_resnet}, optim: {batch_size: 8, epochs: 10, lr: 1.0e-6}}
arms:
  plain: {}
  CLR: {schedule: {kind: triangular}, average: {kind: swa}}
tune:
  per_arm: 8
  rounds: 3
  over: {optim.weight_decay: {log_uniform: [1.0e-6, 1.0e-2]}}
"""
ROUNDS = (8, 5, 3)


class Tuned:
    """A study that tunes, and a ledger in which trials end as they are told."""

    def __init__(self, folder: Path, study: Study, store: PatchStore) -> None:
        self.study, self.trials, self.ledger = study, arm_trials(study), Ledger(folder)
        ids = make_plan(tuning_study(study, self.trials), store).trial_ids
        self.ids: Mapping[str, str] = {arm: seeds[1_000_000] for arm, seeds in ids.items()}

    def so_far(self) -> tuple[ArmTrial, ...]:
        return trials_so_far(self.study.tune, self.trials, self.ids, self.ledger, is_settled=self.settled)

    def settled(self, trial: str) -> bool:
        return self.ledger.is_finished(trial) or self.ledger.read_failure(trial) is not None

    def finish(self, trial: ArmTrial, recall: tuple[float, float]) -> None:
        """With recalls of both classes on val, in tenths; on test the worst are the best."""
        (a, b), n = (round(10 * each) for each in recall), 10
        counts = {"val": [[a, n - a], [n - b, b]], "test": [[n - a, a], [b, n - b]]}
        metrics = {split: from_confusion(np.array(each)) for split, each in counts.items()}
        write_trial(self.ledger, self.ids[trial.arm.name], recall, seed=0, classes=("a", "b"), metrics=metrics)

    def fail(self, trial: ArmTrial) -> None:
        self.ledger.write_failure(Failure(id=self.ids[trial.arm.name], error="diverged", time=1.0))


def numbers(trials: tuple[ArmTrial, ...], arm: str) -> list[list[int]]:
    """Of an arm, by round."""
    return [[t.number for t in trials if t.of.name == arm and t.in_round == r] for r in (1, 2, 3)]


@pytest.fixture
def tuned(tmp_path: Path, landsat_store: PatchStore) -> Tuned:
    return Tuned(tmp_path / "run", load(tmp_path, TEXT), landsat_store)


def by_number(trial: ArmTrial) -> tuple[float, float]:
    """Higher numbers are better in one arm, lower ones in the other."""
    value = trial.number if trial.of.name == "plain" else 9 - trial.number
    return (value / 10, value / 10)


def test_the_trials_of_a_round_train_a_fraction_of_the_epochs_with_the_same_settings(tuned: Tuned) -> None:
    assert len(tuned.trials) == 3 * 8 * 2
    for trial in tuned.trials:
        config, last = (
            trial.arm.config,
            next(t for t in tuned.trials if (t.of.name, t.number, t.in_round) == (trial.of.name, trial.number, 3)),
        )
        assert config.optim.epochs == (3, 5, 10)[trial.in_round - 1]
        whole = config.optim.model_copy(update={"epochs": 10})
        assert config.model_copy(update={"optim": whole}) == last.arm.config
        assert trial.settings == last.settings
    assert len({trial.arm.name for trial in tuned.trials}) == len(set(tuned.ids.values())) == len(tuned.trials)
    assert "plain #3 (5 epochs)" in tuned.ids
    assert "plain #3" in tuned.ids


def test_the_better_half_goes_on_and_the_one_as_written_beside_it(tuned: Tuned) -> None:
    assert numbers(tuned.so_far(), "plain") == [[*range(8)], [], []]
    seen = 0
    for trials in ROUNDS:
        new = tuned.so_far()[seen:]
        assert len(new) == 2 * trials
        seen += len(new)
        for trial in new:
            tuned.finish(trial, by_number(trial))
    found = tuned.so_far()
    assert len(found) == 2 * sum(ROUNDS)
    assert numbers(found, "plain") == [[*range(8)], [0, 4, 5, 6, 7], [0, 6, 7]]
    assert numbers(found, "CLR") == [[*range(8)], [0, 1, 2, 3, 4], [0, 1, 2]]
    study = tuned_study(tuned.study, found, tuned.ids, tuned.ledger)
    assert [(told.tried, told.failed, told.stopped, told.chosen) for told in study.tuned] == [
        (8, 0, 5, 7),
        (8, 0, 5, 0),
    ]
    assert [arm.config.optim.epochs for arm in study.arms] == [10, 10]
    assert [told.written_val for told in study.tuned] == [0.0, 0.9]


def test_the_last_round_alone_chooses(tuned: Tuned) -> None:
    for in_round in (1, 2, 3):
        for trial in [each for each in tuned.so_far() if each.in_round == in_round]:
            tuned.finish(trial, by_number(trial) if in_round < 3 else (trial.number in (2, 6), 0.0))
    found = tuned.so_far()
    assert [told.chosen for told in tuned_study(tuned.study, found, tuned.ids, tuned.ledger).tuned] == [6, 2]


def test_equal_balanced_accuracies_are_parted_by_icv_and_then_by_number(tuned: Tuned) -> None:
    for trial in tuned.so_far():
        even = trial.number in (2, 7)
        tuned.finish(trial, (0.5, 0.5) if even else (0.9, 0.1))
    assert numbers(tuned.so_far(), "plain")[1] == [0, 1, 2, 3, 7]


def test_those_that_failed_are_out_and_the_next_have_their_places(tuned: Tuned) -> None:
    for trial in tuned.so_far():
        if trial.number in (0, 7):  # that which is written goes on even so
            tuned.fail(trial)
        else:
            tuned.finish(trial, by_number(trial))
    assert numbers(tuned.so_far(), "plain")[1] == [0, 3, 4, 5, 6]
    second = [trial for trial in tuned.so_far() if trial.in_round == 2]
    for trial in second:
        if trial.number in (0, 5):
            tuned.finish(trial, by_number(trial))
        else:
            tuned.fail(trial)
    found = tuned.so_far()
    assert numbers(found, "plain")[2] == [0, 5]
    for trial in found:
        if trial.in_round == 3:
            tuned.finish(trial, by_number(trial))
    told = tuned_study(tuned.study, found, tuned.ids, tuned.ledger).tuned[0]
    assert (told.tried, told.failed, told.stopped, told.chosen, told.written_val) == (8, 4, 2, 5, 0.0)


def test_equal_trials_share_a_place(tmp_path: Path, landsat_store: PatchStore) -> None:
    few = TEXT.replace("{log_uniform: [1.0e-6, 1.0e-2]}", "{choice: [0.0, 0.001, 0.01]}")  # as written it is 0
    tuned = Tuned(tmp_path / "run", load(tmp_path, few), landsat_store)
    for trial in tuned.so_far():
        tuned.finish(trial, (0.5, 0.5))
    found = tuned.so_far()
    on = [trial for trial in found if trial.in_round == 2 and trial.of.name == "plain"]
    assert len(on) == len({tuned.ids[trial.arm.name] for trial in on}) == 3
    assert {trial.arm.config.optim.weight_decay for trial in on} == {0.0, 0.001, 0.01}
    assert on[0].number == 0


@pytest.mark.slow
def test_a_study_that_is_stopped_anywhere_comes_to_the_same_trials(
    tmp_path: Path, tuned: Tuned, landsat_store: PatchStore
) -> None:
    def left(of: Tuned) -> list[ArmTrial]:
        return [trial for trial in of.so_far() if not of.settled(of.ids[trial.arm.name])]

    def end(of: Tuned, trial: ArmTrial) -> None:
        drawn = random.Random(trial.arm.name)
        if drawn.random() < 0.2:
            of.fail(trial)
        else:
            of.finish(trial, (drawn.randrange(11) / 10, drawn.randrange(11) / 10))

    while trials := left(tuned):
        for trial in trials:
            end(tuned, trial)
    whole = tuned.so_far()
    other, order = Tuned(tmp_path / "stopped", tuned.study, landsat_store), random.Random(0)
    while trials := left(other):
        end(other, order.choice(trials))
        other.ledger = Ledger(other.ledger.root)  # as another process has it
    assert [trial.arm.name for trial in other.so_far()] == [trial.arm.name for trial in whole]
    ours, theirs = (tuned_study(of.study, whole, of.ids, of.ledger) for of in (tuned, other))
    assert ours.tuned == theirs.tuned
    assert [arm.config for arm in ours.arms] == [arm.config for arm in theirs.arms]


def test_as_many_trials_are_to_come_as_the_next_rounds_have_places(tuned: Tuned) -> None:
    """So that a run's total is known from its first trial on; what is equal is trained, and counted, once."""
    tuning = tuned.study.tune
    assert tuning is not None
    for in_round in (1, 2, 3):
        rest = trials_to_come(tuning, tuned.trials, tuned.ids, in_round)
        assert len(rest) == 2 * sum(ROUNDS[in_round:])
        assert rest <= {tuned.ids[trial.arm.name] for trial in tuned.trials if trial.in_round > in_round}
    alike = {trial.arm.name: f"{trial.of.name} {trial.in_round} {trial.number % 2}" for trial in tuned.trials}
    assert len(trials_to_come(tuning, tuned.trials, alike, 1)) == 2 * (2 + 2)

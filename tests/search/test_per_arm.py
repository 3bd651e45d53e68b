"""The trials that tune each arm of a study: the same draws for all, and what they choose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raysat.config.diff import flatten
from raysat.data.store import PatchStore
from raysat.errors import PlanError, StudyError
from raysat.planning.build import make_plan
from raysat.search.per_arm import arm_trials, draws, tuned_study, tuning_study
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.study.load import Study
from tests.helpers.run import train_alone
from tests.helpers.study import load

TEXT = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {batch_size: 8, epochs: 1, lr: 1.0e-6}
seeds: 2
arms:
  plain: {}
  LDAM: {loss: {kind: ldam}}
tune:
  per_arm: 4
  over:
    optim.lr: {log_uniform: [1.0e-3, 1.0e-1]}
    loss.max_margin: {uniform: [0.1, 0.9]}
    optim.batch_size: {choice: [4, 8]}
"""


@pytest.fixture
def study(tmp_path) -> Study:
    return load(tmp_path, TEXT)


def test_every_arm_has_the_same_draws_and_begins_as_it_is_written(study: Study) -> None:
    trials = arm_trials(study)
    assert [trial.arm.name for trial in trials][:4] == ["plain #0", "LDAM #0", "plain #1", "LDAM #1"]
    by_arm = {arm: [trial for trial in trials if trial.of.name == arm] for arm in ("plain", "LDAM")}
    for arm, of_arm in by_arm.items():
        assert [trial.number for trial in of_arm] == [0, 1, 2, 3]
        written = next(each for each in study.arms if each.name == arm)
        assert (of_arm[0].arm.config, of_arm[0].settings) == (written.config, ())
    seen = set()
    for plain, ldam in list(zip(by_arm["plain"], by_arm["LDAM"], strict=True))[1:]:
        ours, theirs = flatten(plain.arm.config), flatten(ldam.arm.config)
        assert ours["optim.lr"] == theirs["optim.lr"]
        assert ours["optim.batch_size"] == theirs["optim.batch_size"]
        assert 1e-3 <= ours["optim.lr"] <= 0.1
        assert 0.1 <= theirs["loss.max_margin"] <= 0.9
        assert "loss.max_margin" not in ours
        assert f"optim.lr {ours['optim.lr']:g}" in plain.settings
        seen.add(ours["optim.lr"])
    assert len(seen) == 3


def test_draws_depend_on_their_seed_alone_and_more_of_them_begin_alike(study: Study) -> None:
    assert study.tune is not None
    few, many = list(draws(study.tune)), list(draws(replace(study.tune, per_arm=9)))
    assert many[:3] == few
    assert list(draws(replace(study.tune, draws=1))) != few


def test_rates_are_drawn_evenly_over_orders_of_magnitude(study: Study) -> None:
    assert study.tune is not None
    drawn = [params["optim.lr"] for params in draws(replace(study.tune, per_arm=1001))]
    assert 420 < sum(rate < 1e-2 for rate in drawn) < 580  # of 1,000: five standard deviations of a fair coin


def test_drawn_values_that_an_arm_cannot_have_together_are_refused_before_anything_is_trained(tmp_path) -> None:
    """Each is one that it can have beside others, so that only the draw shows it."""
    over = "over:\n    schedule.base_lr: {uniform: [1.0e-3, 0.9]}\n    schedule.max_lr: {uniform: [1.0e-3, 0.9]}\n"
    text = TEXT.replace("plain: {}", "cyclic: {schedule: {kind: triangular, step_epochs: 1}}").replace("over:\n", over)
    study = load(tmp_path, text.replace("per_arm: 4", "per_arm: 40"))
    with pytest.raises(StudyError, match=r"max_lr \(.*\) must not be below base_lr \(.*\) \(arm 'cyclic #\d+'\)"):
        arm_trials(study)


@pytest.fixture
def tuned(tmp_path, study: Study, landsat_store: PatchStore):
    """The study, its trials, their ids, and the run that trained them."""
    trials = arm_trials(study)
    tuning = tuning_study(study, trials)
    assert (tuning.name, tuning.seeds, tuning.tune) == ("tiny-tune", (1_000_000,), None)
    plan = make_plan(tuning, landsat_store)
    ledger = Ledger(tmp_path / "run")
    train_alone(plan, ledger)
    return study, trials, {arm: seeds[1_000_000] for arm, seeds in plan.trial_ids.items()}, ledger


def val(ledger: Ledger, trial: str) -> tuple[float, float]:
    metrics = ledger.read(trial).metrics["val"]
    return metrics.balanced_accuracy, -metrics.icv


@pytest.mark.slow
def test_the_best_on_val_is_chosen_and_others_stay(tuned) -> None:
    study, trials, ids, ledger = tuned
    found = tuned_study(study, trials, ids, ledger)
    assert found.tune is None
    assert [arm.name for arm in found.arms] == ["plain", "LDAM"]
    for arm, told, written in zip(found.arms, found.tuned, study.arms, strict=True):
        best = max(range(4), key=lambda number, arm=arm: (*val(ledger, ids[f"{arm.name} #{number}"]), -number))
        chosen = next(trial for trial in trials if trial.arm.name == f"{arm.name} #{best}")
        assert arm.config == chosen.arm.config
        assert (told.written.name, told.written.config) == (f"{arm.name} (as written)", written.config)
        assert (told.tried, told.failed, told.chosen, told.settings) == (4, 0, best, chosen.settings)
        assert told.val == val(ledger, ids[chosen.arm.name])[0]
        assert told.written_val == val(ledger, ids[f"{arm.name} #0"])[0]


def fail(ledger: Ledger, trial: str) -> None:
    record = ledger.read(trial)
    folder = ledger.root / "trials" / trial
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    ledger.write_failure(Failure(id=trial, error="diverged", time=record.ended))


@pytest.mark.slow
def test_one_that_failed_counts_as_tried_and_is_never_chosen(tuned) -> None:
    study, trials, ids, ledger = tuned
    before = tuned_study(study, trials, ids, ledger).tuned[0]
    fail(ledger, ids[f"plain #{before.chosen}"])
    after = tuned_study(study, trials, ids, Ledger(ledger.root)).tuned[0]
    assert (after.tried, after.failed) == (4, 1)
    assert after.chosen != before.chosen
    assert after.val <= before.val
    for number in range(4):
        if number != before.chosen:
            fail(ledger, ids[f"plain #{number}"])
    with pytest.raises(PlanError, match="all 4 trials that tune arm 'plain' have failed"):
        tuned_study(study, trials, ids, Ledger(ledger.root))

"""A plan in numbers, as it stands before, during and after a run."""

from pathlib import Path
from typing import Any

import pytest

from raysat.data.store import PatchStore
from raysat.errors import UsageError
from raysat.planning.build import PendingJobs, Plan, make_plan
from raysat.planning.jobs import PlannedTrial
from raysat.planning.summary import summarize
from tests.helpers.report import write_trial
from tests.helpers.study import load

STUDY = """\
base: {model: {name: test_resnet}, optim: {epochs: 10}, data: {bands: agriculture}}
seeds: [3, 5]
arms:
  plain: {}
  again: {}
  DRW: {reweight: {kind: drw}}
  GAN: {synthetic: {kind: dcgan, classes: [c], steps: 7}}
"""


@pytest.fixture(name="plan")
def _plan(tmp_path: Path, landsat_store: PatchStore) -> Plan:
    return make_plan(load(tmp_path, STUDY), landsat_store)


def finish(pending: PendingJobs, trial: PlannedTrial, **changes: Any) -> None:
    write_trial(pending.ledger, trial.id, (0.5,) * 4, seed=trial.trial.seed, **changes)


def test_a_plan_that_nothing_is_done_of(plan: Plan, tmp_path: Path) -> None:
    summary = summarize(plan, PendingJobs.of(plan, tmp_path / "runs"))
    assert [arm.name for arm in summary.arms] == ["plain", "again", "DRW", "GAN"]
    assert [(arm.finished, arm.trials, arm.epochs) for arm in summary.arms] == [(0, 2, 10)] * 4
    assert [arm.settings for arm in summary.arms[:3]] == [(), (), ("reweight=drw",)]
    assert summary.arms[3].settings == ("synthetic=dcgan", "synthetic.classes=c", "synthetic.steps=7")
    assert summary.shared_settings == ("bands=B6-B5-B2", "model.name=test_resnet")
    assert (summary.n_seeds, summary.n_trials, summary.n_equal) == (2, 8, 2)
    assert (summary.missing_trials, summary.missing_epochs) == (6, 60)
    assert (summary.missing_generators, summary.missing_steps) == (1, 7)
    assert summary.samples_alone == plan.samples_seen
    assert summary.samples_shared < summary.samples_alone  # plain and DRW agree for eight epochs
    assert (summary.measured_on, summary.seconds) == (0, summary.samples_shared / summary.samples_per_s)
    (generator,) = summary.generators
    counts = plan.store.counts("train")
    assert (generator.class_name, generator.arms, generator.finished) == ("c", ("GAN",), False)
    assert (generator.real, generator.to_make) == (counts[2], counts[0] - counts[2])
    assert {job.trials[-1].trial.seed for job in summary.stages} == {3}


def test_finished_trials_count_and_say_how_fast_the_others_will_be(plan: Plan, tmp_path: Path) -> None:
    pending = PendingJobs.of(plan, tmp_path / "runs")
    for number, trial in enumerate(plan.trials[:2]):
        finish(pending, trial, images=1000, seconds=2.0 + number)
    summary = summarize(plan, PendingJobs.of(plan, tmp_path / "runs"))
    assert [arm.finished for arm in summary.arms] == [1, 1, 1, 0]
    assert summary.missing_trials == 4
    assert (summary.samples_per_s, summary.measured_on) == (2000 / 5, 2)


def test_generators_that_no_missing_trial_needs_are_not_pending(plan: Plan, tmp_path: Path) -> None:
    pending = PendingJobs.of(plan, tmp_path / "runs")
    assert pending.missing == (*plan.generate_jobs, *plan.trials)
    for trial in plan.trials:
        if trial.needs:
            finish(pending, trial)
    pending = PendingJobs.of(plan, tmp_path / "runs")
    assert pending.missing == tuple(trial for trial in plan.trials if not trial.needs)
    summary = summarize(plan, pending)
    assert (summary.missing_generators, summary.generators[0].finished) == (0, False)


def test_a_study_cannot_take_the_folder_of_generated_patches(tmp_path: Path, landsat_store: PatchStore) -> None:
    plan = make_plan(load(tmp_path, "study: generated\n" + STUDY), landsat_store)
    with pytest.raises(UsageError, match="'generated': its run would lie where generated patches are kept"):
        PendingJobs.of(plan, tmp_path / "runs")

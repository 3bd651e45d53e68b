"""Arms as tuned beside the same as written: ranks, means and changes, computed anew from the predictions."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from raysat.data.store import PatchStore
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.planning.build import make_plan
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.format.tuned import tuned_sentences, tuned_table
from raysat.reporting.render.json import report_json
from raysat.reporting.render.rows import tuned_rows
from raysat.storage.ledger import Ledger
from raysat.study.tuning import TunedArm
from tests.helpers.run import train_alone
from tests.helpers.study import load

pytestmark = pytest.mark.slow

TEXT = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {batch_size: 8, epochs: 1, lr: 1.0e-6}
seeds: 3
arms:
  plain: {}
  LDAM: {loss: {kind: ldam}}
  focal: {loss: {kind: focal}}
tune: {per_arm: 3, over: {optim.lr: {log_uniform: [1.0e-3, 1.0e-1]}}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Ledger:
    """A study whose arms plain and LDAM were tuned to another rate, and whose focal kept its own."""
    folder = tmp_path_factory.mktemp("tuned")
    study, faster = load(folder, TEXT), load(folder, TEXT.replace("1.0e-6", "0.01"))
    arms = (*faster.arms[:2], study.arms[2])
    tuned = tuple(
        TunedArm(
            written=replace(arm, name=f"{arm.name} (as written)"),
            tried=3,
            failed=number,
            stopped=1 - number if number < 2 else 0,
            chosen=2 - number,
            settings=("optim.lr 0.01",) if number < 2 else (),
            val=0.5,
            written_val=None if number else 0.4,
        )
        for number, arm in enumerate(study.arms)
    )
    plan = make_plan(replace(study, arms=arms, tuned=tuned, tune=None), landsat_store)
    ledger = Ledger(folder / "tiny")
    train_alone(plan, ledger)
    return ledger


def balanced(ledger: Ledger, trial: str) -> float:
    found = ledger.read_predictions(trial)
    return float(np.mean([np.mean(found.predicted[found.labels == k] == k) for k in np.unique(found.labels)]))


def test_the_plan_keeps_both_and_equal_trials_once(run: Ledger) -> None:
    plan = run.read_plan()
    assert [each.arm for each in plan.tuned] == ["plain", "LDAM", "focal"]
    focal = next(arm for arm in plan.arms if arm.name == "focal")
    assert plan.tuned[2].trials == focal.trials  # it kept its settings
    assert len(plan.trial_ids) == 3 * (2 * 2 + 1)
    written = plan.as_written()
    assert [arm.trials for arm in written.arms] == [each.trials for each in plan.tuned]
    assert "optim.lr" not in " ".join(" ".join(arm.settings) for arm in plan.arms)  # arms differ in their methods


def test_means_ranks_and_changes_are_those_of_the_predictions(run: Ledger) -> None:
    analysis = analyze([run.root])
    plan, found = run.read_plan(), analysis.tuned
    assert found is not None
    tuned = {arm.name: [balanced(run, trial.id) for trial in arm.trials] for arm in plan.arms}
    written = {each.arm: [balanced(run, trial.id) for trial in each.trials] for each in plan.tuned}
    for each in found.arms:
        assert each.mean[BALANCED_ACCURACY].value == pytest.approx(np.mean(tuned[each.arm]))
        assert each.written_mean[BALANCED_ACCURACY].value == pytest.approx(np.mean(written[each.arm]))
        change, d = each.change[BALANCED_ACCURACY], np.subtract(tuned[each.arm], written[each.arm])
        assert change.value == pytest.approx(d.mean())
        flips = [abs(np.mean(d * signs)) for signs in product((1, -1), repeat=3)]
        assert change.p == pytest.approx(np.mean(np.array(flips) >= abs(d.mean()) - 1e-12))
    order = sorted(tuned, key=lambda arm: -np.mean(tuned[arm]))
    before = sorted(written, key=lambda arm: -np.mean(written[arm]))
    assert [each.arm for each in found.arms] == order
    assert {each.arm: (each.rank, each.written_rank) for each in found.arms} == {
        arm: (order.index(arm) + 1, before.index(arm) + 1) for arm in tuned
    }
    gap = max(map(np.mean, tuned.values())) - min(map(np.mean, tuned.values()))
    assert found.gap(BALANCED_ACCURACY, written=False) == pytest.approx(gap)


def test_changes_are_a_family_of_their_own(run: Ledger) -> None:
    found = analyze([run.root]).tuned
    assert found is not None
    raw = sorted(each.change[BALANCED_ACCURACY].p for each in found.arms)
    holm = np.maximum.accumulate(np.minimum(1, np.array(raw) * [3, 2, 1]))
    assert sorted(each.change[BALANCED_ACCURACY].p_holm for each in found.arms) == pytest.approx(holm)


def test_effects_are_of_methods_and_not_of_the_rates_that_were_chosen(run: Ledger) -> None:
    assert [factor.name for factor in analyze([run.root]).design.factors] == ["loss"]
    assert analyze([run.root]).baseline == "plain"


def test_it_is_said_in_every_format(run: Ledger) -> None:
    analysis = analyze([run.root])
    table = tuned_table(analysis)
    ends = {row[2].text: row[-3] for row in table.rows}
    cells = {row[2].text: [cell.text for cell in row] for row in table.rows}
    assert cells["focal"][-2] == "as written"
    assert {name: row.below for name, row in ends.items()} == {
        "plain": "1 stopped",
        "LDAM": "1 failed",
        "focal": "2 failed",
    }
    assert cells["LDAM"][-2] == "optim.lr 0.01"
    sentences = " ".join(tuned_sentences(analysis))
    assert "Each arm was tuned by 3 trials on val, 0 to 1 of them stopped after shorter trainings" in sentences
    assert "1 arm kept the settings as written" in sentences
    assert '"rank_as_written"' in report_json(analysis)
    rows = tuned_rows(analysis)
    assert rows is not None
    assert {row["arm"]: row["chosen"] for row in rows.rows}["focal"] == "as written"
    assert {row["arm"]: row["stopped"] for row in rows.rows} == {"plain": 1, "LDAM": 0, "focal": 0}
    assert run.read_plan().model_dump_json().count("stopped") == 1  # of trials that none stopped, it says nothing


def test_several_runs_and_studies_that_tuned_nothing_have_none(run: Ledger, tiny_run: Ledger) -> None:
    assert analyze([tiny_run.root]).tuned is None
    assert analyze([run.root, run.root]).tuned is None

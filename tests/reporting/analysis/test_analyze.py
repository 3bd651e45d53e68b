"""A report's content: against the best and the baseline, ties, what was asked for, and what cannot be reported."""

from __future__ import annotations

import io

import numpy as np
import pytest

from raysat.errors import StorageError, UsageError
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, KAPPA, RECALL
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.format.headline import summary_sentences
from raysat.reporting.format.numbers import format_difference, format_estimate
from raysat.reporting.format.sentences import method_sentences
from raysat.storage.predictions import encode_predictions
from tests.helpers.ledger import reseal
from tests.helpers.report import GRID, GRID_CONFIGS

pytestmark = pytest.mark.slow

FAR = {"good": (0.95, 0.9, 0.9, 0.9), "same": (0.95, 0.9, 0.9, 0.9), "bad": (0.9, 0.1, 0.1, 0.1)}


def test_every_other_arm_is_compared_with_the_best_and_the_baseline(make_run):
    found = analyze([make_run(GRID, seeds=range(4), configs=GRID_CONFIGS, grid=True).root])
    assert found.best == found.board.arms[0].name
    assert found.baseline == "loss=cross_entropy, average=none"  # the arm of the grid without any method
    assert set(found.to_best) == set(GRID) - {found.best}
    assert set(found.to_baseline) == set(GRID) - {found.baseline}
    assert found.best != found.baseline
    there, back = found.to_baseline[found.best][ICV], found.to_best[found.baseline][ICV]
    assert there.value == -back.value
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.01)
    assert there.p == back.p


def test_an_arm_is_tied_where_its_interval_includes_zero_and_not_where_it_is_far(make_run):
    found = analyze([make_run(FAR, seeds=range(4)).root])
    other = "same" if found.best == "good" else "good"
    assert found.tied == {other}
    assert found.to_best["bad"][BALANCED_ACCURACY].high < 0
    said = " ".join(summary_sentences(found))
    assert f"1 of 2 others is tied with it, its interval including zero: {other}." in said
    assert "4 seeds: the smallest p of a paired sign-flip test is 0.125" in " ".join(method_sentences(found)).replace(
        "  ", " "
    )


def test_named_rows_have_the_first_as_their_baseline_or_the_one_that_is_named(make_run):
    ledger = make_run(FAR)
    assert analyze([ledger.root]).baseline == "good"
    assert analyze([ledger.root], baseline="bad").baseline == "bad"
    table2 = make_run({"(1)": (0.9,) * 4, "(2)": (0.5,) * 4}, study="t2", reference="table2").root
    assert analyze([table2], baseline="(2) cross-entropy, bands 6-5-2").baseline == "(2)"  # as reports call it
    with pytest.raises(UsageError, match="no finished arm is called 'bda'") as caught:
        analyze([ledger.root], baseline="bda")
    assert "'bad'" in caught.value.hint


def test_another_metric_ranks_and_decides_ties_where_it_is_resampled(make_run):
    ledger = make_run(FAR, ordinal=True)
    assert analyze([ledger.root], rank_by="icv").metric == ICV
    found = analyze([ledger.root], rank_by="kappa")
    assert (found.metric, found.tied) == (BALANCED_ACCURACY, frozenset())
    assert any("comes first by weighted kappa, " in sentence for sentence in summary_sentences(found))
    assert not any("tied with" in sentence for sentence in summary_sentences(found))
    assert any("weighted kappa is not resampled" in note for note in method_sentences(found))
    kappas = [arm.metrics[KAPPA].mean for arm in found.ranked]
    assert kappas == sorted(kappas, reverse=True)
    with pytest.raises(UsageError, match="has no weighted kappa"):
        analyze([make_run(FAR, study="unordered").root], rank_by="kappa")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss=ldam", "a combination is of 2 to 4 factors"),
        ("loss", "'loss' is not factor=level"),
        ("los=ldam,average=swa", "no factor of these arms is called 'los'"),
        ("loss=ldan,average=swa", "no level of loss is called 'ldan'"),
        ("loss=cross_entropy,average=swa", "is what its other levels are compared with"),
        ("loss=ldam,loss=ldam", "loss is given twice"),
    ],
)
def test_a_combination_that_the_arms_do_not_have_is_one_error(make_run, text, message):
    with pytest.raises(UsageError, match=message):
        analyze([make_run(GRID, configs=GRID_CONFIGS, grid=True).root], combinations=[text])


def test_a_combination_that_was_asked_for_is_the_testable_line(make_run):
    found = analyze([make_run(GRID, configs=GRID_CONFIGS, grid=True).root], combinations=["loss=ldam, average=swa"])
    assert found.effects.combinations[0].preplanned
    assert "Together, loss=ldam + average=swa" in summary_sentences(found)[-1]
    assert "after Holm" in summary_sentences(found)[-1]


def test_nothing_finished_is_one_error(make_run):
    ledger = make_run(FAR, seeds=(0,), missing=[(arm, 0) for arm in FAR])
    with pytest.raises(UsageError, match="no finished trial to report"):
        analyze([ledger.root])


def test_predictions_that_are_not_those_of_the_record_are_one_error(make_run):
    ledger = make_run(FAR)
    source = collect(ledger).arms[0].sources[0]
    read = ledger.read_predictions(source.trial)
    probabilities = np.eye(4)[(read.labels + 1) % 4]
    predictions = encode_predictions(read.labels, probabilities, read.indices)
    reseal(ledger, source.trial, {"predictions.npz": predictions})
    with pytest.raises(StorageError, match="not what the record beside it was computed from"):
        analyze([ledger.root])
    reseal(ledger, source.trial, {"predictions.npz": b"not a zip"})
    with pytest.raises(StorageError, match="is no archive of arrays"):
        analyze([ledger.root])


def test_patches_in_another_order_are_the_same_patches(make_run):
    ledger = make_run(FAR, seeds=(0, 1))
    before = analyze([ledger.root])
    source = collect(ledger).arms[1].sources[1]
    read = ledger.read_predictions(source.trial)
    shuffled = np.random.default_rng(0).permutation(len(read.labels))
    parts = read.labels[shuffled], read.probabilities[shuffled].astype(np.float32), read.indices[shuffled]
    reseal(ledger, source.trial, {"predictions.npz": encode_predictions(*parts)})
    after = analyze([ledger.root])
    assert (after.predictions.predicted == before.predictions.predicted).all()
    assert after.to_best == before.to_best


def test_curves_and_cost_are_those_of_the_records(make_run):
    ledger = make_run(FAR, seeds=(0, 1))
    found = analyze([ledger.root])
    assert found.curves["good"].balanced_accuracy.shape == found.curves["good"].loss.shape == (2, 3)
    assert found.curves["good"].epochs.tolist() == [1, 2, 3]
    assert (found.cost.images, found.cost.seconds) == (6 * 888, 6 * 12.5)
    assert found.cost.saving == 1.5
    assert found.runs[0].command == "raysat ablate --space table2.yaml --data demo"
    reseal(ledger, collect(ledger).arms[0].sources[0].trial, {"history.csv": b"no,curve\n"})
    assert len(analyze([ledger.root]).curves) == 2  # a lost curve is no reason to lose the report


def test_differences_read_with_their_sign():
    assert [format_difference(value) for value in (0.0314, -0.0314, 0.0, -0.0001, None)] == [
        "+0.031",
        "−0.031",
        "0.000",
        "0.000",
        "–",
    ]
    assert format_difference(-0.00014, 4) == "−0.0001"


def test_a_level_with_settings_of_its_own_can_be_named(make_run):
    triangular = {"kind": "triangular", "max_lr": 0.01}
    configs = {
        "a": {},
        "b": {"schedule": triangular},
        "c": {"loss": "ldam"},
        "d": {"loss": "ldam", "schedule": triangular},
        "e": {"schedule": {"kind": "triangular", "max_lr": 0.1, "step_epochs": 3}},
    }
    ledger = make_run(dict.fromkeys(configs, (0.9, 0.5, 0.5, 0.5)), configs=configs)
    (level,) = [
        level
        for factor in analyze([ledger.root]).design.factors
        for level in factor.levels
        if level.startswith("triangular(max_lr=0.01,")
    ]
    assert "," in level
    found = analyze([ledger.root], combinations=[f"schedule={level}, loss=ldam"])
    assert found.effects.combinations[0].preplanned


def test_a_combination_without_its_parts_is_an_error_and_not_dropped(make_run):
    arms = dict(list(GRID.items())[:1] + list(GRID.items())[2:])  # cross-entropy with SWA is missing
    with pytest.raises(UsageError, match="no arms are the same but for these"):
        analyze([make_run(arms, configs=GRID_CONFIGS).root], combinations=["loss=ldam,average=swa"])


def test_arms_that_could_not_be_compared_are_named(make_run):
    arms = {"good": (1.0,) * 4, "same": FAR["same"], "bad": FAR["bad"]}
    missing = [("bad", 0), ("bad", 1), *((arm, seed) for arm in ("good", "same") for seed in (2, 3))]
    ledger = make_run(arms, seeds=(0, 1, 2, 3), missing=missing)
    found = analyze([ledger.root])
    assert found.best == "good"
    assert "Not compared with it, as they have no seed in common: bad." in summary_sentences(found)
    ledger = make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}, seeds=(0, 1), missing=[("a", 0), ("b", 1)], study="apart")
    said = " ".join(summary_sentences(analyze([ledger.root])))
    assert "tied" not in said
    assert "no seed in common" in said


def test_the_note_on_what_tests_can_show_is_of_pairs(make_run):
    ledger = make_run(FAR, seeds=range(5), missing=[(arm, s) for arm in ("same", "bad") for s in (3, 4)])
    assert any(
        note.startswith("3 seeds: the smallest p of a paired sign-flip test is 0.25")
        for note in method_sentences(analyze([ledger.root]))
    )


@pytest.mark.parametrize(
    ("file", "content"),
    [("spec.json", b'{"config": null}'), ("predictions.npz", None), ("record.json", b"{}")],
)
def test_a_damaged_file_is_one_error_or_one_failed_cell(make_run, file, content):
    ledger = make_run(GRID, configs=GRID_CONFIGS, seeds=(0, 1))
    source = collect(ledger).arms[0].sources[0]
    if content is None:
        read = ledger.read_predictions(source.trial)
        out = io.BytesIO()
        arrays = {"predicted": read.predicted, "probabilities": read.probabilities, "indices": read.indices}
        np.savez(out, labels=np.full_like(read.labels, 9), **arrays)
        content = out.getvalue()
    reseal(ledger, source.trial, {file: content})
    if file == "record.json":
        assert sum(len(arm.failed) for arm in analyze([ledger.root]).board.arms) == 1
    else:
        with pytest.raises(StorageError, match="is damaged"):
            analyze([ledger.root])


def test_a_curve_without_epochs_is_left_out(make_run):
    ledger = make_run(FAR, seeds=(0, 1))
    source = collect(ledger).arms[0].sources[0]
    reseal(ledger, source.trial, {"history.csv": b"epoch,loss,balanced_accuracy\nnan,1,0.5\n"})
    assert len(analyze([ledger.root]).curves) == 2


def test_an_end_of_an_interval_has_its_sign_even_where_it_rounds_to_zero():
    def estimate(low: float, high: float) -> Estimate:
        return Estimate(value=0.031, low=low, high=high, n=5, p=0.06)

    assert format_estimate(estimate(-0.0004, 0.062)) == "+0.031 [−0.000, +0.062]"
    assert format_estimate(estimate(0.0002, 0.062)) == "+0.031 [+0.000, +0.062]"
    assert format_estimate(estimate(0.0, 0.0)) == "+0.031 [0.000, 0.000]"


def test_a_mean_that_nothing_moves_has_no_interval(make_run):
    found = analyze([make_run({"a": (1.0, 1.0, 0.5, 0.5), "b": (0.5,) * 4}, seeds=range(3)).root])
    whole = found.means["a"][RECALL.of_class(0)]
    assert (whole.value, whole.low, whole.high) == (1.0, None, None)
    assert found.means["a"][RECALL.of_class(2)].low is not None


def test_a_class_with_one_test_patch_is_named(make_run):
    found = analyze([make_run(FAR, sizes=(30, 8, 7, 1)).root])
    assert any("one test patch alone" in note and note.endswith(": forest.") for note in method_sentences(found))

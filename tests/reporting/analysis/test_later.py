"""What a report says of evaluations: numbers by independent formulas, every section in every format."""

from __future__ import annotations

import json
from statistics import fmean

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, recall_score

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.metrics.conformal import prediction_sets, thresholds
from raysat.metrics.selective import aurc
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.figures import draw
from raysat.reporting.format.evaluations import evaluation_blocks
from raysat.reporting.format.pages import report_page
from raysat.reporting.format.robustness import haze_sentence, robustness_sentences
from raysat.reporting.render.write import write_report
from raysat.storage.evaluations import VALIDATION, Evaluations
from tests.helpers.evaluations import evaluate_made_up
from tests.helpers.ledger import reseal

pytestmark = pytest.mark.slow

ARMS = {"plain": (0.9, 0.5, 0.6, 0.4), "ldam": (0.9, 0.9, 0.9, 0.9), "swa": (0.9, 0.6, 0.6, 0.5)}
WRONG = {"plain": 0.08, "ldam": 0.03, "swa": 0.08}
SIZES = (80, 30, 30, 30)


@pytest.fixture(name="ledger")
def _ledger(make_run):
    return make_run(ARMS, seeds=range(4), sizes=SIZES, study="quick")


def icv_of(labels, predicted) -> float:
    recall = recall_score(labels, predicted, average=None)
    return float(((np.mean(labels == predicted) - recall) ** 2).sum())


def trials(ledger, arm) -> dict[int, str]:
    return {entry.seed: entry.id for each in ledger.read_plan().arms if each.name == arm for entry in each.trials}


def values(ledger, arm, name, of):
    """A metric of each seed of an arm, of an evaluation or of its own predictions."""
    found = []
    for trial in trials(ledger, arm).values():
        kept = Evaluations(ledger.root).read_predictions(name, trial) if name else ledger.read_predictions(trial)
        found.append(of(kept.labels, kept.predicted))
    return np.array(found)


@pytest.mark.slow
def test_drops_and_gains_are_means_of_differences_by_seed(ledger) -> None:
    evaluate_made_up(ledger, WRONG, calibrate=False, elsewhere=False)
    found = analyze([ledger.root], baseline="plain").later.robustness
    for metric, of in ((BALANCED_ACCURACY, balanced_accuracy_score), (ICV, icv_of)):
        check_differences(ledger, found, metric, of)


def check_differences(ledger, found, metric, of) -> None:
    assert list(found.under) == ["noise", "haze"]
    assert found.severities["haze"] == (1, 3, 5)
    drops = {}
    for name in ("noise", "haze"):
        for arm in ARMS:
            clean = values(ledger, arm, "", of)
            under = np.mean([values(ledger, arm, f"{name}-{severity}", of) for severity in (1, 3, 5)], axis=0)
            drops[name, arm] = under - clean
            each = found.under[name][arm]
            assert each.drop[metric].value == pytest.approx(fmean(drops[name, arm]))
            assert each.drop[metric].n == 4
            assert each.drop[metric].low < each.drop[metric].value < each.drop[metric].high
            assert each.mean[metric].value == pytest.approx(fmean(under))
            at_5 = values(ledger, arm, f"{name}-5", of)
            assert each.by_severity[5][metric].value == pytest.approx(fmean(at_5))
            assert each.by_severity[0][metric].value == pytest.approx(fmean(clean))
        for arm in ("ldam", "swa"):
            each = found.under[name][arm]
            change = drops[name, arm] - drops[name, "plain"]
            assert each.gain_change[metric].value == pytest.approx(fmean(change))
            assert each.gain[metric].value - each.clean_gain[metric].value == pytest.approx(fmean(change))
        assert not found.under[name]["plain"].gain
    for arm in ARMS:
        over = fmean(fmean(drops[name, arm]) for name in ("noise", "haze"))
        assert found.overall[arm][metric].value == pytest.approx(over)
        assert found.overall[arm][metric].low < over < found.overall[arm][metric].high


@pytest.mark.slow
def test_corruption_errors_are_those_of_imagenet_c_with_the_baseline_in_place_of_alexnet(ledger) -> None:
    evaluate_made_up(ledger, WRONG | {"plain": 0.2, "ldam": 0.15}, calibrate=False, elsewhere=False)
    found = analyze([ledger.root], baseline="plain").later.robustness

    def error(arm, name):
        return 1 - fmean(values(ledger, arm, name, balanced_accuracy_score))

    ce, relative = [], []
    for name in ("noise", "haze"):
        ours, base = (sum(error(arm, f"{name}-{s}") for s in (1, 3, 5)) for arm in ("ldam", "plain"))
        ce.append(ours / base)
        relative.append((ours - 3 * error("ldam", "")) / (base - 3 * error("plain", "")))
    ours, base = found.mce["ldam"], found.mce["plain"]
    assert ours.value == pytest.approx(fmean(ce))
    assert ours.n == 4
    assert 0 <= ours.low < ours.value < ours.high
    assert (base.value, base.low, base.high) == (pytest.approx(1), None, None)  # over itself: nothing is uncertain
    lost = found.relative_mce["ldam"]
    assert lost.value == pytest.approx(fmean(relative))
    assert lost.low < lost.value < lost.high


def test_models_that_have_more_severities_than_the_others_leave_these_in(ledger) -> None:
    evaluate_made_up(ledger, WRONG, corruptions=("haze",), severities=(3, 5), calibrate=False, elsewhere=False)
    evaluate_made_up(ledger, {"swa": 0.08}, corruptions=("haze",), severities=(1,), calibrate=False, elsewhere=False)
    found = analyze([ledger.root], baseline="plain").later.robustness
    assert found.severities == {"haze": (3, 5)}
    assert set(found.under["haze"]) == set(ARMS)
    assert found.incomplete == ()


def test_an_arm_that_was_not_evaluated_under_all_is_named(ledger) -> None:
    evaluate_made_up(ledger, {"plain": 0.1, "ldam": 0.1}, corruptions=("haze",), calibrate=False, elsewhere=False)
    evaluate_made_up(ledger, {"swa": 0.1}, corruptions=("haze",), severities=(1,), calibrate=False, elsewhere=False)
    analysis = analyze([ledger.root], baseline="plain")
    assert analysis.later.robustness.incomplete == ("swa",)
    assert any("Not evaluated under all" in text and "swa" in text for text in sentences(analysis))


def sentences(analysis) -> list[str]:
    return list(robustness_sentences(analysis, analysis.later.robustness))


@pytest.mark.slow
def test_calibration_by_independent_formulas(ledger) -> None:
    evaluate_made_up(ledger, WRONG)
    found = analyze([ledger.root]).later.calibrated
    kept, arm = Evaluations(ledger.root), "ldam"
    after = [kept.read_predictions("temperature", trial) for trial in trials(ledger, arm).values()]
    mine = found.arms[arm]
    assert mine.temperatures == pytest.approx((1.5, 1.6, 1.7, 1.8))
    likely = [each.probabilities.astype(float)[np.arange(len(each.labels)), each.labels] for each in after]
    assert mine.nll[1].value == pytest.approx(fmean(-np.log(p).mean() for p in likely), rel=1e-5)
    assert mine.nll[1].value == pytest.approx(
        fmean(log_loss(each.labels, each.probabilities.astype(float)) for each in after), rel=1e-2
    )
    assert mine.ece[1].value == pytest.approx(fmean(ece_of(each) for each in after), rel=1e-6)
    assert mine.ece[0].value == pytest.approx(
        fmean(ece_of(ledger.read_predictions(trial)) for trial in trials(ledger, arm).values()), rel=1e-6
    )
    sets = []
    for trial, each in zip(trials(ledger, arm).values(), after, strict=True):
        validation = kept.read_predictions("temperature", trial, VALIDATION)
        most = thresholds(validation.labels, validation.probabilities, 0.9)
        sets.append(prediction_sets(each.probabilities, most))
    labels = after[0].labels
    for k in range(4):
        assert mine.coverage[k].value == pytest.approx(fmean(each[labels == k, k].mean() for each in sets))
        assert mine.coverage[k].high <= 1
    assert mine.size.value == pytest.approx(fmean(each.sum(axis=1).mean() for each in sets))
    areas = []
    for each in after:
        areas.append(aurc(each.labels == each.predicted, each.probabilities.max(axis=1)))
    assert mine.aurc.value == pytest.approx(fmean(areas))
    assert 0 <= mine.aurc.low < mine.aurc.value < mine.aurc.high
    assert mine.ece[1].low <= mine.ece[1].value <= mine.ece[1].high
    assert not found.always


def ece_of(predictions) -> float:
    """Guo et al. 2017, eq. 3, bin by bin."""
    confidence = predictions.probabilities.astype(float).max(axis=1)
    correct = predictions.labels == predictions.predicted
    total = 0.0
    for k in range(15):
        inside = (confidence > k / 15) & (confidence <= (k + 1) / 15)
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return total


@pytest.mark.slow
def test_other_data_is_compared_there_in_pairs_and_with_home_without(ledger) -> None:
    evaluate_made_up(ledger, WRONG)
    (found,) = analyze([ledger.root], baseline="plain").later.elsewhere
    name = f"data-{'a' * 12}-all"
    there = {arm: values(ledger, arm, name, balanced_accuracy_score) for arm in ARMS}
    home = {arm: values(ledger, arm, "", balanced_accuracy_score) for arm in ARMS}
    for arm in ARMS:
        assert found.mean[arm][BALANCED_ACCURACY].value == pytest.approx(fmean(there[arm]))
        drop = found.drop[arm][BALANCED_ACCURACY]
        assert drop.value == pytest.approx(fmean(there[arm]) - fmean(home[arm]))
        assert drop.low < drop.value < drop.high
    assert found.gain["ldam"][BALANCED_ACCURACY].value == pytest.approx(fmean(there["ldam"] - there["plain"]))


def test_the_gain_that_is_kept_under_haze_is_said(ledger) -> None:
    evaluate_made_up(ledger, WRONG, calibrate=False, elsewhere=False)
    analysis = analyze([ledger.root], baseline="plain")
    text = haze_sentence(analysis, analysis.later.robustness)
    assert text.startswith("Which method keeps its gain under haze? ldam: +0.")
    assert "n = 4 seeds, 170 patches" in text


@pytest.mark.slow
def test_a_gain_that_is_lost_under_haze_is_said(ledger) -> None:
    evaluate_made_up(ledger, WRONG | {"ldam": 0.08}, calibrate=False, elsewhere=False)
    analysis = analyze([ledger.root], baseline="plain")
    text = haze_sentence(analysis, analysis.later.robustness)
    assert "does not" in text or "none does" in text
    only = analyze([ledger.root], baseline="ldam")
    assert "No arm has a gain over ldam to keep" in haze_sentence(only, only.later.robustness)


def test_what_is_not_whole_is_left_out_and_said(ledger) -> None:
    evaluate_made_up(ledger, WRONG, calibrate=False, elsewhere=False)
    folder = ledger.root / "evaluations"
    first = trials(ledger, "swa")[0]
    (folder / "haze-3" / first / "record.json").write_text("{}")
    found = analyze([ledger.root], baseline="plain")
    assert found.later.left_out == 1
    assert found.later.robustness.under["haze"]["swa"].seeds == (1, 2, 3)
    assert found.later.robustness.under["noise"]["swa"].seeds == (0, 1, 2, 3)
    assert found.later.robustness.overall["swa"][BALANCED_ACCURACY].n == 3
    assert any("Left out: 1 evaluation" in str(block) for block in evaluation_blocks(found))


def test_an_older_corruption_is_left_out(ledger) -> None:
    evaluate_made_up(ledger, WRONG, version=0, calibrate=False, elsewhere=False)
    later = analyze([ledger.root]).later
    assert (later.robustness, later.left_out) == (None, 3 * 4 * 2 * 3)


def test_a_trial_that_was_trained_again_has_no_evaluation_yet(ledger) -> None:
    evaluate_made_up(ledger, WRONG, corruptions=("haze",), elsewhere=False)
    reseal(ledger, trials(ledger, "ldam")[2], {"model.pt": b"other weights"})
    later = analyze([ledger.root], baseline="plain").later
    assert later.left_out == 4  # three severities and a temperature
    assert later.robustness.under["haze"]["ldam"].seeds == (0, 1, 3)
    assert later.robustness.under["haze"]["swa"].seeds == (0, 1, 2, 3)
    assert later.calibrated.arms["ldam"].seeds == (0, 1, 3)


def test_damaged_predictions_are_left_out_too(ledger) -> None:
    evaluate_made_up(ledger, WRONG, corruptions=("haze",), calibrate=False, elsewhere=False)
    place = ledger.root / "evaluations" / "haze-1" / trials(ledger, "plain")[0] / "predictions.npz"
    place.write_bytes(place.read_bytes()[:-1])
    later = analyze([ledger.root], baseline="plain").later
    assert later.left_out == 1
    assert later.robustness.under["haze"]["plain"].seeds == (1, 2, 3)


def test_a_run_without_evaluations_has_none_of_it(ledger) -> None:
    analysis = analyze([ledger.root])
    later = analysis.later
    assert (later.robustness, later.calibrated, later.elsewhere, later.left_out) == (None, None, (), 0)
    titles = [section.title for section in report_page(analysis).with_figures([]).sections]
    assert not {"Robustness", "Calibration", "Other data"}.intersection(titles)


@pytest.mark.slow
def test_every_format_has_it(ledger, tmp_path) -> None:
    evaluate_made_up(ledger, WRONG, corruptions=("noise", "haze", "missing"))
    analysis = analyze([ledger.root], baseline="plain")
    write_report(analysis, tmp_path / "out", ["md", "json", "html"])
    page = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    for text in (
        "## Robustness",
        "## Calibration",
        "## Other data",
        "figures/robustness.svg",
        "figures/temperature.svg",
    ):
        assert text in page
    value = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["later"]
    assert set(value["robustness"]["corruptions"]) == {"noise", "haze", "missing"}
    assert value["calibration"]["arms"]["ldam"]["coverage"]["water"]["n"] == 4
    assert value["elsewhere"][0]["store"] == "another region"
    assert "Which method keeps its gain under haze?" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_arms_without_all_severities_have_no_value_and_one_seed_no_interval(make_run) -> None:
    ledger = make_run(ARMS, seeds=[0], sizes=SIZES, study="quick")
    evaluate_made_up(ledger, {"plain": 0.1, "ldam": 0.1}, corruptions=("haze",), severities=(1, 2))
    evaluate_made_up(ledger, {"swa": 0.1}, corruptions=("haze",), severities=(1,), calibrate=False, elsewhere=False)
    found = analyze([ledger.root], baseline="plain")
    assert set(found.later.robustness.under["haze"]) == {"plain", "ldam"}
    assert found.later.robustness.under["haze"]["ldam"].drop[BALANCED_ACCURACY].low is None
    draw(found)
    assert evaluation_blocks(found)

"""Paired statistics against scipy and scikit-learn; ``test_coverage.py`` has them against simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score

from raysat.metrics.catalog import (
    ACCURACY,
    BALANCED_ACCURACY,
    ICV,
    ICV_ROOT,
    MACRO_F1,
    PRECISION,
    RECALL,
    Metric,
)
from raysat.reporting.analysis.bootstrap import observed, resample, resampled_metrics
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.effects import estimate_effects
from raysat.reporting.analysis.estimate import interval
from raysat.reporting.analysis.factors import design
from raysat.reporting.analysis.paired import Contrast, PairedBootstrap, unpaired_difference
from raysat.reporting.analysis.predictions import TrialPredictions, read_predictions
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import reseal
from tests.helpers.report import GRID, GRID_CONFIGS

pytestmark = pytest.mark.slow

weights = st.dictionaries(st.sampled_from("abcd"), st.integers(-4, 4).map(float), min_size=1)


def minus(one: str, other: str) -> Contrast:
    return Contrast.mean([one]) - Contrast.mean([other])


def by_class(values: dict, metric: Metric) -> list:
    """What a mapping holds of a metric, for each of four classes."""
    return [values[metric.of_class(k)] for k in range(4)]


@pytest.fixture(scope="module")
def cells(make_shared_run) -> TrialPredictions:
    return read_predictions(collect(make_shared_run(GRID, seeds=(0, 1, 2), configs=GRID_CONFIGS, grid=True)))


def test_observed_measures_are_scikit_learns(cells):
    values = dict(zip(resampled_metrics(4), observed(cells), strict=True))
    for row, predicted in enumerate(cells.predicted):
        recall = recall_score(cells.labels, predicted, average=None, labels=range(4), zero_division=0)
        accuracy = (cells.labels == predicted).mean()
        trial = {metric: of_trials[row] for metric, of_trials in values.items()}
        assert trial[BALANCED_ACCURACY] == pytest.approx(balanced_accuracy_score(cells.labels, predicted))
        assert trial[ICV] == pytest.approx(((accuracy - recall) ** 2).sum())
        assert trial[MACRO_F1] == pytest.approx(f1_score(cells.labels, predicted, average="macro"))
        assert trial[ACCURACY] == pytest.approx(accuracy)
        assert trial[ICV_ROOT] == pytest.approx(np.sqrt(trial[ICV]))
        assert by_class(trial, RECALL) == pytest.approx(recall)
        precision = precision_score(cells.labels, predicted, average=None, labels=range(4), zero_division=0)
        assert by_class(trial, PRECISION) == pytest.approx(precision)


def test_a_draw_is_the_metric_of_resampled_patches_the_same_for_all_cells(cells):
    """The first draw again, patch by patch, from the same random numbers."""
    drawn = resample(cells, n_resamples=200, seed=7)
    rng = np.random.default_rng(7)
    weights = np.zeros(len(cells.labels))
    for k in range(4):
        own = np.flatnonzero(cells.labels == k)
        chosen = rng.integers(0, len(own), (200, len(own) - 1))[0]
        np.add.at(weights, own[chosen], len(own) / (len(own) - 1))
    for row, predicted in enumerate(cells.predicted):
        recall = recall_score(cells.labels, predicted, average=None, labels=range(4), sample_weight=weights)
        f1 = f1_score(cells.labels, predicted, average="macro", sample_weight=weights, zero_division=0)
        precision = precision_score(
            cells.labels, predicted, average=None, labels=range(4), sample_weight=weights, zero_division=0
        )
        accuracy = np.average(predicted == cells.labels, weights=weights)
        trial = dict(zip(resampled_metrics(4), drawn.of([row])[:, 0, 0], strict=True))
        assert by_class(trial, RECALL) == pytest.approx(recall, abs=1e-6)
        assert by_class(trial, PRECISION) == pytest.approx(precision, abs=1e-6)
        assert trial[BALANCED_ACCURACY] == pytest.approx(recall.mean(), abs=1e-6)
        assert trial[MACRO_F1] == pytest.approx(f1, abs=1e-6)
        assert trial[ACCURACY] == pytest.approx(accuracy, abs=1e-6)
        assert trial[ICV_ROOT] == pytest.approx(np.sqrt(((accuracy - recall) ** 2).sum()), abs=1e-6)


def test_the_variance_of_resampled_recall_is_that_of_an_unbiased_estimate(cells):
    """Rao & Wu 1988: m - 1 of m patches give s^2 / m, not (m - 1) / m of it."""
    drawn = resample(cells, n_resamples=4000, seed=0).of(range(len(cells.predicted)))
    for k, m in enumerate(np.bincount(cells.labels)):
        right = cells.predicted[:, cells.labels == k] == k
        expected = right.var(axis=1, ddof=1) / m
        assert drawn[resampled_metrics(4).index(RECALL.of_class(k))].var(axis=0) == pytest.approx(
            expected, rel=0.15, abs=1e-9
        )


def test_with_seeds_alone_the_interval_is_students(cells):
    values = np.array([0.1, 0.15, 0.08, 0.2])
    low, high = interval(values, np.broadcast_to(np.float32(values), (20_000, 4)))
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-3)


def test_a_contrast_is_paired_over_the_seeds_that_its_arms_share(make_run):
    a, b, *_ = GRID
    cells = read_predictions(
        collect(make_run(GRID, seeds=(0, 1, 2, 3), missing=[(a, 1)], failed={(b, 3): "out of memory"}))
    )
    found = PairedBootstrap(cells, n_resamples=200).difference(minus(a, b))
    assert {each.n for each in found.values()} == {2}
    pairs = [
        balanced_accuracy_score(cells.labels, cells.predicted[cells.rows[arm][seed]])
        for arm in (a, b)
        for seed in (0, 2)
    ]
    assert found[BALANCED_ACCURACY].value == pytest.approx(np.mean(pairs[:2]) - np.mean(pairs[2:]))
    assert PairedBootstrap(cells, n_resamples=200).seeds(a) == (0, 2, 3)


def test_one_seed_has_no_interval_and_no_evidence_and_no_seed_in_common_no_estimate(make_run):
    a, b, *_ = GRID
    cells = read_predictions(collect(make_run(GRID, seeds=(0, 1), missing=[(a, 1), (b, 0)])))
    blocks = PairedBootstrap(cells, n_resamples=200)
    assert blocks.difference(minus(a, b)) == {}
    one = blocks.mean(Contrast.mean([a]))[MACRO_F1]
    assert (one.low, one.high, one.p, one.n) == (None, None, None, 1)
    other = next(arm for arm in GRID if arm not in (a, b))
    assert blocks.difference(minus(a, other))[ICV].p == 1.0


def test_means_stay_where_their_metric_does_and_differences_are_the_same_every_time(cells):
    blocks, again = PairedBootstrap(cells, n_resamples=300), PairedBootstrap(cells, n_resamples=300)
    for arm in GRID:
        for metric, each in blocks.mean(Contrast.mean([arm])).items():
            assert 0 <= each.low <= each.value <= each.high
            assert each.high <= 1 or metric in (ICV, ICV_ROOT)
    a, b, *_ = GRID
    assert blocks.difference(minus(a, b)) == again.difference(minus(a, b))
    assert blocks.difference(minus(a, b))[ICV].value == -blocks.difference(minus(b, a))[ICV].value


def test_a_combination_of_measures_is_that_of_its_terms(cells):
    blocks = PairedBootstrap(cells, n_resamples=300)
    a, b, *_ = GRID
    plain = blocks.difference(minus(a, b))
    assert blocks.across_metrics([(1, a, ICV), (-1, b, ICV)]) == plain[ICV]
    # The mean of the recalls is balanced accuracy, so weights of 1/4 on each must give the same estimate.
    terms = [(sign / 4, arm, RECALL.of_class(k)) for sign, arm in ((1, a), (-1, b)) for k in range(4)]
    found = blocks.across_metrics(terms)
    assert (found.value, found.low, found.high) == pytest.approx(
        tuple(getattr(plain[BALANCED_ACCURACY], end) for end in ("value", "low", "high")), abs=1e-6
    )
    assert found.p == plain[BALANCED_ACCURACY].p


def test_a_combination_without_a_common_seed_or_a_class_without_patches_is_none(make_run):
    a, b, *_ = GRID
    run = make_run(GRID, seeds=(0, 1), missing=[(a, 1), (b, 0)], sizes=(30, 8, 7, 0))
    blocks = PairedBootstrap(read_predictions(collect(run)), n_resamples=200)
    assert blocks.across_metrics([(1, a, ICV), (-1, b, ICV)]) is None
    assert blocks.across_metrics([(1, a, RECALL.of_class(3))]) is None


def test_a_class_without_test_patches_is_left_out(make_run):
    cells = read_predictions(collect(make_run(GRID, sizes=(30, 8, 7, 0))))
    found = PairedBootstrap(cells, n_resamples=200).mean(Contrast.mean(list(GRID)[:1]))
    assert RECALL.of_class(3) not in found
    recalls = [found[RECALL.of_class(k)].value for k in range(3)]
    assert found[BALANCED_ACCURACY].value == pytest.approx(np.mean(recalls))


def test_runs_apart_have_the_variance_of_both(make_run):
    def blocks(folder: str) -> PairedBootstrap:
        ledger: Ledger = make_run(GRID, seeds=range(5), folder=folder, study=folder)
        return PairedBootstrap(read_predictions(collect(ledger)), n_resamples=2000)

    a, b, arm = blocks("one"), blocks("other"), next(iter(GRID))
    own = a.mean(Contrast.mean([arm]))[BALANCED_ACCURACY]
    found = unpaired_difference(a, b, arm)[BALANCED_ACCURACY]
    assert (found.n, found.p, found.value) == (5, None, 0.0)  # made-up trials of equal ids are equal
    assert found.high - found.low == pytest.approx(np.sqrt(2) * (own.high - own.low), rel=0.2)


def test_arms_that_predict_the_same_differ_by_nothing_not_by_rounding(make_run):
    """As LDAM with and without DRW may: a sum of eight equal arms with weights of least squares leaves 1e-16."""
    levels = [f"{a}{b}{c}" for a in "01" for b in "01" for c in "01"]
    names = ("loss", "average", "reweight")
    kinds = {"loss": ("cross_entropy", "ldam"), "average": ("none", "swa"), "reweight": ("none", "drw")}
    configs = {
        level: {name: kinds[name][int(digit)] for name, digit in zip(names, level, strict=True)} for level in levels
    }
    recall = {level: (0.9, 0.4 + 0.2 * (level[0] == "1"), 0.5 + 0.1 * (level[1] == "1"), 0.3) for level in levels}
    ledger = make_run(recall, seeds=range(6), configs=configs, grid=True)
    plan = ledger.read_plan()
    for arm in plan.arms:  # the third factor changes nothing: both levels are the same trials
        if arm.name.endswith("1"):
            twin = next(other for other in plan.arms if other.name == arm.name[:2] + "0")
            for own, other in zip(arm.trials, twin.trials, strict=True):
                record = ledger.read(other.id).model_copy(update={"id": own.id})
                predictions = (ledger.root / "trials" / other.id / "predictions.npz").read_bytes()
                files = {"predictions.npz": predictions, "record.json": record.model_dump_json().encode()}
                reseal(ledger, own.id, files)
    found = estimate_effects(PairedBootstrap(read_predictions(collect(ledger))), design(collect(ledger).arms), None)
    idle = next(effect for effect in found.main if effect.factors == ("reweight",))
    for estimate in idle.estimates.values():
        assert (estimate.value, estimate.low, estimate.high, estimate.p) == (0, 0, 0, 1)
        assert not estimate.excludes_zero


def test_a_difference_of_means_weighs_each_side_to_one():
    contrast = Contrast.mean(["a", "b"]) - Contrast.mean(["c"])
    assert contrast.weights == {"a": 0.5, "b": 0.5, "c": -1.0}
    assert contrast.arms == ("a", "b", "c")


@given(weights, weights)
def test_sums_and_differences_are_those_of_every_weight(one, other):
    for total, sign in ((Contrast(one) + Contrast(other), 1), (Contrast(one) - Contrast(other), -1)):
        for arm in "abcd":
            assert total.weights.get(arm, 0.0) == one.get(arm, 0.0) + sign * other.get(arm, 0.0)


def test_an_arm_without_weight_takes_no_part_and_nothing_left_is_one_arm_of_weight_zero():
    assert (Contrast.mean(["a", "b"]) - Contrast.mean(["b"]) * 0.5).arms == ("a",)
    assert (Contrast.mean(["a"]) - Contrast.mean(["a"])).weights == {"a": 0.0}

"""Paired statistics against scipy and statsmodels; ``test_coverage.py`` has them against simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import permutation_test, ttest_1samp
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score
from statsmodels.stats.multitest import multipletests

from raysat.metrics.power import smallest_p
from raysat.report.analysis.bootstrap import measures, observed, resample
from raysat.report.analysis.collect import collect
from raysat.report.analysis.effects import effects
from raysat.report.analysis.factors import design
from raysat.report.analysis.paired import Blocks, Estimate, apart, corrected, holm, interval, sign_flip
from raysat.report.analysis.predictions import Cells, read_cells
from raysat.storage.ledger import Ledger
from tests.helpers.report import GRID, GRID_CONFIGS

whole_numbers = arrays(np.float64, st.integers(2, 10), elements=st.integers(-1000, 1000))  # whose ties are exact


@given(d=whole_numbers)
def test_the_sign_flip_test_is_scipys_exact_permutation_test(d):
    expected = permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    assert sign_flip(d / 1024) == pytest.approx(expected.pvalue)


def test_with_many_pairs_signs_are_drawn_and_agree_with_the_t_test_on_normal_differences():
    d = np.random.default_rng(0).normal(0.3, 1, 40)
    assert sign_flip(d) == pytest.approx(ttest_1samp(d, 0).pvalue, abs=0.01)
    assert sign_flip(np.ones(40)) == pytest.approx(1 / 100_001)


def test_the_smallest_p_and_no_difference():
    assert sign_flip([0.1, 0.2, 0.3, 0.01, 0.5]) == 2 ** (1 - 5)
    assert sign_flip([0.0, 0.0, 0.0]) == 1.0
    assert sign_flip([0.1]) == 1.0
    assert sign_flip([0.1 + 0.2, -0.3]) == 1.0  # equal but for rounding


@pytest.mark.parametrize("n", [0, 1, 2, 7, 40])
def test_holm_is_statsmodels(n):
    p = np.round(np.random.default_rng(n).uniform(size=n) ** 3, 2)  # some are equal
    expected = multipletests(p, method="holm")[1].tolist() if n else []
    assert holm(p) == pytest.approx(expected)


def test_each_metric_is_a_family_of_its_own():
    def estimate(p: float) -> Estimate:
        return Estimate(value=0.0, low=None, high=None, n=5, p=p)

    family = [{"icv": estimate(0.01), "macro_f1": estimate(0.5)}, {"icv": estimate(0.04)}, {}]
    fresh = corrected(family)
    assert [each["icv"].p_holm for each in fresh[:2]] == [0.02, 0.04]
    assert fresh[0]["macro_f1"].p_holm == 0.5
    assert family[0]["icv"].p_holm is None  # the given ones stay


@pytest.fixture
def cells(make_run) -> Cells:
    return read_cells(collect(make_run(GRID, seeds=(0, 1, 2), configs=GRID_CONFIGS, grid=True)))


def test_observed_measures_are_scikit_learns(cells):
    found = dict(zip(measures(4), observed(cells), strict=True))
    for row, predicted in enumerate(cells.predicted):
        recall = recall_score(cells.labels, predicted, average=None, labels=range(4), zero_division=0)
        accuracy = (cells.labels == predicted).mean()
        assert found["balanced_accuracy"][row] == pytest.approx(balanced_accuracy_score(cells.labels, predicted))
        assert found["icv"][row] == pytest.approx(((accuracy - recall) ** 2).sum())
        assert found["macro_f1"][row] == pytest.approx(f1_score(cells.labels, predicted, average="macro"))
        assert found["accuracy"][row] == pytest.approx(accuracy)
        assert found["icv_root"][row] == pytest.approx(np.sqrt(found["icv"][row]))
        assert [found[f"recall_{k}"][row] for k in range(4)] == pytest.approx(recall)
        precision = precision_score(cells.labels, predicted, average=None, labels=range(4), zero_division=0)
        assert [found[f"precision_{k}"][row] for k in range(4)] == pytest.approx(precision)


def test_a_draw_is_the_metric_of_resampled_patches_the_same_for_all_cells(cells):
    """The first draw again, patch by patch, from the same random numbers."""
    drawn = resample(cells, draws=200, seed=7)
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
        found = dict(zip(measures(4), drawn[:, 0, row], strict=True))
        assert [found[f"recall_{k}"] for k in range(4)] == pytest.approx(recall, abs=1e-6)
        assert [found[f"precision_{k}"] for k in range(4)] == pytest.approx(precision, abs=1e-6)
        assert found["balanced_accuracy"] == pytest.approx(recall.mean(), abs=1e-6)
        assert found["macro_f1"] == pytest.approx(f1, abs=1e-6)
        assert found["accuracy"] == pytest.approx(accuracy, abs=1e-6)
        assert found["icv_root"] == pytest.approx(np.sqrt(((accuracy - recall) ** 2).sum()), abs=1e-6)


def test_the_variance_of_resampled_recall_is_that_of_an_unbiased_estimate(cells):
    """Rao & Wu 1988: m - 1 of m patches give s^2 / m, not (m - 1) / m of it."""
    drawn = resample(cells, draws=4000, seed=0)
    for k, m in enumerate(np.bincount(cells.labels)):
        right = cells.predicted[:, cells.labels == k] == k
        expected = right.var(axis=1, ddof=1) / m
        assert drawn[measures(4).index(f"recall_{k}")].var(axis=0) == pytest.approx(expected, rel=0.15, abs=1e-9)


def test_with_seeds_alone_the_interval_is_students(cells):
    values = np.array([0.1, 0.15, 0.08, 0.2])
    low, high = interval(values, np.broadcast_to(np.float32(values), (20_000, 4)))
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-3)


def test_a_contrast_is_paired_over_the_seeds_that_its_arms_share(make_run):
    a, b, *_ = GRID
    cells = read_cells(collect(make_run(GRID, seeds=(0, 1, 2, 3), missing=[(a, 1)], failed={(b, 3): "out of memory"})))
    found = Blocks(cells, draws=200).estimates({a: 1.0, b: -1.0})
    assert {each.n for each in found.values()} == {2}
    pairs = [
        balanced_accuracy_score(cells.labels, cells.predicted[cells.seeds[arm][seed]])
        for arm in (a, b)
        for seed in (0, 2)
    ]
    assert found["balanced_accuracy"].value == pytest.approx(np.mean(pairs[:2]) - np.mean(pairs[2:]))
    assert Blocks(cells, draws=200).seeds(a) == (0, 2, 3)


def test_one_seed_has_no_interval_and_no_evidence_and_no_seed_in_common_no_estimate(make_run):
    a, b, *_ = GRID
    cells = read_cells(collect(make_run(GRID, seeds=(0, 1), missing=[(a, 1), (b, 0)])))
    blocks = Blocks(cells, draws=200)
    assert blocks.estimates({a: 1.0, b: -1.0}) == {}
    one = blocks.estimates({a: 1.0}, test=False)["macro_f1"]
    assert (one.low, one.high, one.p, one.n) == (None, None, None, 1)
    other = next(arm for arm in GRID if arm not in (a, b))
    assert blocks.estimates({a: 1.0, other: -1.0})["icv"].p == 1.0


def test_means_stay_where_their_metric_does_and_differences_are_the_same_every_time(cells):
    blocks, again = Blocks(cells, draws=300), Blocks(cells, draws=300)
    for arm in GRID:
        for name, each in blocks.estimates({arm: 1.0}, test=False).items():
            assert 0 <= each.low <= each.value <= each.high
            assert each.high <= 1 or name in ("icv", "icv_root")
    a, b, *_ = GRID
    assert blocks.estimates({a: 1, b: -1}) == again.estimates({a: 1, b: -1})
    assert blocks.estimates({a: 1, b: -1})["icv"].value == -blocks.estimates({b: 1, a: -1})["icv"].value


def test_a_combination_of_measures_is_that_of_its_terms(cells):
    blocks = Blocks(cells, draws=300)
    a, b, *_ = GRID
    plain = blocks.estimates({a: 1, b: -1})
    assert blocks.combination([(1, a, "icv"), (-1, b, "icv")]) == plain["icv"]
    # The mean of the recalls is balanced accuracy, so weights of 1/4 on each must give the same estimate.
    terms = [(sign / 4, arm, f"recall_{k}") for sign, arm in ((1, a), (-1, b)) for k in range(4)]
    found = blocks.combination(terms)
    assert (found.value, found.low, found.high) == pytest.approx(
        tuple(getattr(plain["balanced_accuracy"], end) for end in ("value", "low", "high")), abs=1e-6
    )
    assert found.p == plain["balanced_accuracy"].p


def test_a_combination_without_a_common_seed_or_a_class_without_patches_is_none(make_run):
    a, b, *_ = GRID
    run = make_run(GRID, seeds=(0, 1), missing=[(a, 1), (b, 0)], sizes=(30, 8, 7, 0))
    blocks = Blocks(read_cells(collect(run)), draws=200)
    assert blocks.combination([(1, a, "icv"), (-1, b, "icv")]) is None
    assert blocks.combination([(1, a, "recall_3")]) is None


def test_a_class_without_test_patches_is_left_out(make_run):
    cells = read_cells(collect(make_run(GRID, sizes=(30, 8, 7, 0))))
    found = Blocks(cells, draws=200).estimates(dict.fromkeys(list(GRID)[:1], 1.0))
    assert "recall_3" not in found
    assert found["balanced_accuracy"].value == pytest.approx(np.mean([found[f"recall_{k}"].value for k in range(3)]))


def test_runs_apart_have_the_variance_of_both(make_run):
    def blocks(folder: str) -> Blocks:
        ledger: Ledger = make_run(GRID, seeds=range(5), folder=folder, study=folder)
        return Blocks(read_cells(collect(ledger)), draws=2000)

    a, b, arm = blocks("one"), blocks("other"), next(iter(GRID))
    own = a.estimates({arm: 1.0}, test=False)["balanced_accuracy"]
    found = apart(a, b, arm, arm)["balanced_accuracy"]
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
                folder = ledger.root / "trials"
                file = folder / own.id / "predictions.npz"
                file.write_bytes((folder / other.id / "predictions.npz").read_bytes())
                record = ledger.read(other.id).model_copy(update={"id": own.id})
                (folder / own.id / "record.json").write_text(record.model_dump_json(), encoding="utf-8")
    found = effects(Blocks(read_cells(collect(ledger))), design(collect(ledger).arms), None)
    idle = next(effect for effect in found.main if effect.factors == ("reweight",))
    for estimate in idle.estimates.values():
        assert (estimate.value, estimate.low, estimate.high, estimate.p) == (0, 0, 0, 1)
        assert not estimate.clear


def test_many_pairs_have_random_signs_and_say_so():
    d = np.full(20, 0.1)
    assert sign_flip(d) == smallest_p(20)
    assert sign_flip(np.stack([d, -d, np.zeros(20)])) == pytest.approx([smallest_p(20), smallest_p(20), 1])

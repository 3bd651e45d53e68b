"""Resamples of whole groups, beside formulas of textbooks and beside the bootstrap of patches."""

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import recall_score

from raysat.data.groups import Grouping, Groups
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, RECALL
from raysat.metrics.confusion import confusion_matrix
from raysat.reporting.analysis.bootstrap import class_weights, observed, resample, resampled_metrics
from raysat.reporting.analysis.clusters import Clusters, clusters_of
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.storage.places import KeptPlaces


def groups_of(codes) -> Groups:
    return Groups(codes=np.asarray(codes), grouping=Grouping(by="scene"))


def trials_of(labels, predicted, codes=None) -> TrialPredictions:
    classes, positions = int(labels.max()) + 1, np.arange(len(labels)) * 3
    places = None if codes is None else KeptPlaces(indices=positions[::-1], groups=groups_of(codes[::-1]), near=1.0)
    return TrialPredictions(
        labels=labels,
        positions=positions,
        predicted=predicted,
        confusion=np.array([confusion_matrix(labels, row, classes) for row in predicted]),
        rows={},
        scores=(),
        records=(),
        reliability={},
        places=places,
    )


def drawn(trials: TrialPredictions, n: int = 4000) -> np.ndarray:
    return resample(trials, n_resamples=n, seed=3).of(list(range(len(trials.predicted)))).astype(float)


@pytest.fixture
def mixed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """120 patches of three classes in 15 groups of several sizes, that two trials predicted."""
    rng = np.random.default_rng(0)
    codes = np.sort(rng.integers(0, 15, 120))
    labels = rng.choice(3, 120, p=[0.5, 0.3, 0.2]).astype(np.uint8)
    labels[(labels == 2) & (codes > 6)] = 0
    predicted = np.where(rng.random((2, 120)) < 0.7, labels, rng.integers(0, 3, (2, 120))).astype(np.uint8)
    return labels, predicted, codes


def test_a_metric_on_a_resample_is_that_of_its_patches_repeated(mixed):
    """Counts are scikit-learn's sample weights."""
    labels, predicted, codes = mixed
    clusters = clusters_of(labels, groups_of(codes), 3)
    weights = class_weights(labels, 3, 200, groups=groups_of(codes), seed=3)
    trials = drawn(trials_of(labels, predicted, codes), 200)
    metrics, seen = resampled_metrics(3), observed(trials_of(labels, predicted))
    for metric in (BALANCED_ACCURACY, ACCURACY, RECALL.of_class(2)):
        m = metrics.index(metric)
        for trial, resampled in ((0, 7), (1, 31)):
            of = weights[resampled]
            recall = recall_score(labels, predicted[trial], sample_weight=of, average=None)
            right = np.average(predicted[trial] == labels, weights=of)
            plain = {BALANCED_ACCURACY: recall.mean(), ACCURACY: right}.get(metric, recall[2])
            stretched = seen[m, trial] + clusters.stretch(metric) * (plain - seen[m, trial])
            assert trials[m, resampled, trial] == pytest.approx(stretched, abs=1e-6)


def test_whole_groups_are_drawn_and_m_minus_one_of_a_stratum(mixed):
    labels, _, codes = mixed
    weights = class_weights(labels, 3, 200, groups=groups_of(codes))
    for group in range(15):
        of_group = weights[:, codes == group]
        assert (of_group == of_group[:, :1]).all()
    clusters = clusters_of(labels, groups_of(codes), 3)
    times = clusters.draw(np.random.default_rng(0), 100)
    rare = np.unique(codes[labels == 2])  # the first stratum: all that hold the class of the fewest groups
    assert (times[:, : len(rare)].sum(axis=1) == len(rare) - 1).all()
    assert (weights[:, labels == 2].sum(axis=1) > 0).all()


def test_groups_of_one_patch_vary_as_patches_do(mixed):
    """Rao and Wu's variance, p (1 - p) / (n - 1) of a recall: that of patches within their class."""
    labels, predicted, _ = mixed
    alone = np.arange(len(labels))
    clusters = clusters_of(labels, groups_of(alone), 3)
    found = drawn(trials_of(labels, predicted, alone), 8000)
    for k in range(3):
        metric, rows = RECALL.of_class(k), labels == k
        p = (predicted[0, rows] == k).mean()
        of = found[resampled_metrics(3).index(metric), :, 0].var() / clusters.stretch(metric) ** 2
        assert of == pytest.approx(p * (1 - p) / (rows.sum() - 1), rel=0.07)
        assert clusters.degrees(metric) == pytest.approx(rows.sum() - 1)


def test_the_variance_of_equal_groups_is_that_between_them_over_their_number():
    """Cochran 1977, (9.3): s^2 of the means of m equal clusters over m."""
    rng = np.random.default_rng(1)
    codes, labels = np.repeat(np.arange(20), 10), np.zeros(200, np.uint8)
    right = rng.random(200) < np.repeat(rng.uniform(0.2, 1, 20), 10)
    trials = trials_of(
        np.append(labels, 1).astype(np.uint8), np.append(np.where(right, 0, 1), 1)[None].astype(np.uint8)
    )
    codes = np.append(codes, 20)
    trials = trials_of(trials.labels, trials.predicted, codes)
    clusters = Clusters(labels=trials.labels, groups=groups_of(codes), classes=2)
    found = drawn(trials, 8000)[resampled_metrics(2).index(RECALL.of_class(0)), :, 0]
    means = right.reshape(20, 10).mean(axis=1)
    metric = RECALL.of_class(0)
    assert found.var() / clusters.stretch(metric) ** 2 == pytest.approx(means.var(ddof=1) / 20, rel=0.07)
    assert clusters.effective[0] == pytest.approx(20)
    assert clusters.stretch(metric) == pytest.approx(t.ppf(0.975, 19) / 1.959964, rel=1e-6)


@pytest.mark.slow
def test_what_resamples_lack_where_groups_are_unequal_is_made_up_for():
    """Patches of a group are right as often as a draw of its own says: over many of these, variances agree."""
    rng = np.random.default_rng(0)
    sizes = np.array([[90, 0], [60, 5], [40, 0], [30, 25], [20, 10], [10, 0], [8, 8], [8, 0], [4, 2], [2, 0]])
    codes = np.repeat(np.arange(10), sizes.sum(axis=1))  # two strata: those that hold class 1, and the others
    labels = np.concatenate([np.repeat([0, 1], row) for row in sizes]).astype(np.uint8)
    clusters = Clusters(labels=labels, groups=groups_of(codes), classes=2)
    times = clusters.draw(rng, 4_000)
    effects = rng.normal(size=(6_000, clusters.number))  # of each unit, in the share of its patches that are right
    for k in range(2):
        part = clusters.support[:, k] / clusters.support[:, k].sum()
        residuals = part * (effects - (effects @ part)[:, None])
        drawn = clusters.total(times, residuals.T).var(axis=0).mean()
        assert clusters.left(RECALL.of_class(k)) == pytest.approx(drawn / np.square(part).sum(), rel=0.06)
        assert clusters.left(RECALL.of_class(k)) < 0.95
    assert clusters.left(ACCURACY) < 1


def test_groups_that_hold_all_classes_count_as_groups_and_those_of_one_class_by_class():
    """The first may be hard or easy in all their classes; the others say of a class what no other group says."""
    labels, twelve = np.tile(np.repeat([0, 1], 3), 12).astype(np.uint8), np.repeat(np.arange(12), 6)
    together = clusters_of(labels, groups_of(twelve), 2)
    assert together.degrees(BALANCED_ACCURACY) == pytest.approx(11)
    assert together.left(BALANCED_ACCURACY) == pytest.approx(1)
    pure = clusters_of(labels, groups_of(np.where(labels == 0, twelve, 12 + twelve // 3)), 2)  # 12 and 4 groups
    assert pure.degrees(BALANCED_ACCURACY) == pytest.approx((1 / 12 + 1 / 4) ** 2 / (1 / 12**2 / 11 + 1 / 4**2 / 3))


def test_a_class_of_one_group_is_drawn_by_patch_and_named():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0, 0], np.uint8)
    codes = np.array([0, 0, 1, 1, 2, 2, 2, 2, 3, 3])
    clusters = clusters_of(labels, groups_of(codes), 2)
    assert clusters.lone == (1,)
    weights = class_weights(labels, 2, 300, groups=groups_of(codes))
    of_rare = weights[:, labels == 1]
    assert of_rare.sum(axis=1) == pytest.approx(np.full(300, 4), abs=1e-4)
    assert of_rare.std() > 0.5
    assert (weights[:, :2] == weights[:, :1]).all()


def test_a_class_of_two_groups_that_are_no_stratum_of_their_own_is_never_lost():
    labels = np.array([0, 2, 0, 2, 1, 0, 1, 0, 1, 2, 1, 2], np.uint8)
    codes = np.repeat(np.arange(6), 2)
    weights = class_weights(labels, 3, 500, groups=groups_of(codes))
    for k in range(3):
        assert (weights[:, labels == k].sum(axis=1) > 0).all()


def test_of_one_group_patches_are_drawn_as_without(mixed):
    labels, predicted, _ = mixed
    one = np.zeros(len(labels), int)
    assert clusters_of(labels, groups_of(one), 3) is None
    assert np.array_equal(drawn(trials_of(labels, predicted, one), 50), drawn(trials_of(labels, predicted), 50))


def test_resamples_do_not_depend_on_how_many_trials_are_computed_at_a_time(mixed, monkeypatch):
    labels, predicted, codes = mixed
    whole = drawn(trials_of(labels, predicted, codes), 450)
    monkeypatch.setattr("raysat.reporting.analysis.bootstrap._MOST_NUMBERS", 1)
    assert np.array_equal(drawn(trials_of(labels, predicted, codes), 450), whole)

"""How often the 95 % intervals of differences cover a simulated truth, by ``benchmarks/coverage.py``."""

import runpy

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import f1_score, recall_score

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "coverage.py"))


@pytest.mark.parametrize("setting", BENCHMARK["SETTINGS"], ids=lambda setting: f"{setting[0]} seeds")
def test_95_percent_intervals_cover_the_truth_93_to_97_times_in_100(setting):
    covered, _ = BENCHMARK["coverage"](*setting, studies=1000)
    share = dict(zip(BENCHMARK["METRICS"], covered / 1000, strict=True))
    for name in ("balanced_accuracy", "icv", "macro_f1", "recall_0"):
        assert 0.93 <= share[name] <= 0.97, name
    assert 0.90 <= share["recall_3"] <= 0.97, "of 20 patches: roughly"


def test_neighbouring_patches_make_intervals_too_narrow():
    """What docs/read-a-report.md warns of: ten patches that are half alike count for fewer than ten."""
    covered, _ = BENCHMARK["coverage"](*BENCHMARK["SETTINGS"][3], studies=300, neighbours=10)
    assert covered[BENCHMARK["METRICS"].index("balanced_accuracy")] / 300 < 0.9


def test_the_truth_is_what_scikit_learn_finds_on_a_million_patches():
    """With no effect of seeds, the truth is that of one endless test set."""
    rng, sizes = np.random.default_rng(0), 5000 * np.array(BENCHMARK["SIZES"])
    labels = np.repeat(np.arange(len(sizes)), sizes)
    found = []
    for level in BENCHMARK["LEVELS"]:
        right = rng.uniform(size=len(labels)) < norm.cdf(level / 1.5)[labels]
        predicted = np.where(right, labels, (labels + rng.integers(1, len(sizes), len(labels))) % len(sizes))
        recall = recall_score(labels, predicted, average=None)
        icv = ((right.mean() - recall) ** 2).sum()
        found.append([recall.mean(), icv, f1_score(labels, predicted, average="macro"), recall[0], recall[3]])
    assert BENCHMARK["true_metrics"](0.0, 1.5) == pytest.approx(np.array(found), abs=0.002)


def test_the_truth_is_averaged_over_seeds():
    """Moments of recall over seeds by Gauss-Hermite quadrature; those of the ICV follow, as classes are independent."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    share = np.array(BENCHMARK["SIZES"]) / sum(BENCHMARK["SIZES"])
    for level, found in zip(BENCHMARK["LEVELS"], BENCHMARK["true_metrics"](0.8, 1.5), strict=True):
        recall = norm.cdf((level + 0.8 * nodes[:, None]) / 1.5)
        mean = weights @ recall
        apart = share - np.eye(len(share))  # accuracy less each recall, as weights of recalls
        icv = ((apart @ mean) ** 2).sum() + (apart**2 @ (weights @ recall**2 - mean**2)).sum()
        expected = {"balanced_accuracy": mean.mean(), "icv": icv, "recall_0": mean[0], "recall_3": mean[3]}
        ours = dict(zip(BENCHMARK["METRICS"], found, strict=True))
        assert {name: ours[name] for name in expected} == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize(("groups", "pure"), [(60, False), (20, False), (60, True)])
def test_drawing_groups_covers_the_truth_where_drawing_patches_does_not(groups, pure):
    setting = BENCHMARK["CLUSTERED"][2]
    patches, whole, _ = BENCHMARK["clustered"](*setting, studies=300, groups=groups, pure=pure)
    of = BENCHMARK["METRICS"].index("balanced_accuracy")
    assert patches[of] / 300 < 0.85
    assert 0.92 <= whole[of] / 300 <= 0.98

"""How often a report's 95 % intervals cover the truth, beside a plain bootstrap.

    python benchmarks/coverage.py [--studies 4000]
    python benchmarks/coverage.py --clusters [--studies 1000]
    python benchmarks/coverage.py --clusters [--studies 2000]

Simulates studies of two arms whose true differences are known: a patch is classified right where a sum of normal
effects (of the patch, of the seed, of both together) is above 0, else taken for any other class. The truth is what the
arms differ by on average over seeds, on patches without end. Prints for each setting and metric how many of the
intervals cover it, with the 95 % interval of that share itself (Wilson). The plain bootstrap resamples the seeds too,
on the same draws of patches.

Then the same for test patches that are neighbours: groups of patches of a class that share half of the variance of all
that a patch does, as patches of one scene may. The intervals take patches as independent and cannot know of groups.

With ``--clusters`` they do: the same studies of three times as many patches, with intervals that draw patches beside
those that draw whole groups, which are of one class, as fields are, or of patches of any class, as scenes are.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from scipy.stats import binomtest, norm

from raysat.data.groups import Grouping, Groups
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, MACRO_F1, RECALL
from raysat.reporting.analysis.bootstrap import from_counts, observed, resample, resampled_metrics
from raysat.reporting.analysis.estimate import interval
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.storage.places import KeptPlaces

SIZES = (120, 30, 30, 20)  # patches per class: 60, 15, 15 and 10 %
LEVELS = np.array([[1.0, 0.3, 0.5, -0.2], [0.8, 0.6, 0.7, 0.3]])  # of each arm and class
SETTINGS = (  # seeds, and the standard deviations of what seeds, patches and both together do to an arm
    (3, 0.3, 0.5, 1.0),
    (5, 0.02, 0.2, 2.0),
    (5, 0.3, 0.1, 0.1),
    (8, 0.05, 0.5, 0.3),
)
METRICS = ("balanced_accuracy", "icv", "macro_f1", "recall_0", "recall_3")  # recall of the most and of the fewest
KEPT = [
    resampled_metrics(len(SIZES)).index(metric)
    for metric in (BALANCED_ACCURACY, ICV, MACRO_F1, RECALL.of_class(0), RECALL.of_class(3))
]
NEIGHBOURS = (1, 2, 5, 10)  # patches in a group; each number divides every class
SHARED = 0.5  # of the variance of what a patch does, within a group
CLUSTERED = (  # the settings that patches decide, and one where arms differ by patch as much as patches do
    *(SETTINGS[1], SETTINGS[3]),
    (5, 0.05, 1.0, 0.3),
)
LAYOUTS = (  # groups of test patches, and whether each is of one class
    (180, False),
    (60, False),
    (60, True),
    (20, False),
    (10, False),
)
DRAWS = 400
ENDLESS = 100_000  # seeds over which the truth is averaged

Counts = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int)
    parser.add_argument("--clusters", action="store_true", help="intervals that draw groups beside those of patches")
    options = parser.parse_args()
    if options.clusters:
        print_clustered(options.studies or 1000)
        return
    studies = options.studies or 4000
    print(f"95 % intervals of a difference, n = {studies:,} studies of {sum(SIZES)} patches each")
    print(f"{'seeds':>5} {'by seed':>8} {'by patch':>9} {'by both':>8}   {'metric':<18} {'raysat':<20} plain bootstrap")
    for setting in SETTINGS:
        ours, plain = coverage(*setting, studies=studies)
        head = "{:>5} {:>8} {:>9} {:>8}".format(*setting)
        for name, one, other in zip(METRICS, ours, plain, strict=True):
            print(f"{head}   {name:<18} {share(one, studies):<20} {share(other, studies)}")
    print(f"\nneighbouring patches that share {100 * SHARED:.0f} % of what a patch does: balanced accuracy, recall_3")
    print(f"{'seeds':>5} {'by seed':>8} {'by patch':>9} {'by both':>8}   {'in a group':<11} covered")
    for setting in SETTINGS:
        for size in NEIGHBOURS:
            ours, _ = coverage(*setting, studies=studies, neighbours=size)
            head = "{:>5} {:>8} {:>9} {:>8}".format(*setting)
            print(f"{head}   {size:<11} {share(ours[0], studies):<20} {share(ours[-1], studies)}")


def print_clustered(studies: int) -> None:
    """Print how often both kinds of intervals cover the truth, and how much wider those of groups are."""
    print(f"95 % intervals of a difference, n = {studies:,} studies of {3 * sum(SIZES)} patches each, which share")
    print(f"{100 * SHARED:.0f} % of what a patch does within a group")
    print(
        f"{'seeds':>5} {'by patch':>9} {'by both':>8} {'groups':>7}   {'metric':<18} {'drawing patches':<22} ", end=""
    )
    print(f"{'drawing groups':<22} times as wide")
    for setting in CLUSTERED:
        for groups, pure in LAYOUTS:
            patches, whole, wider = clustered(*setting, studies=studies, groups=groups, pure=pure)
            seeds, _, by_patch, by_both = setting
            head = f"{seeds:>5} {by_patch:>9} {by_both:>8} {f'{groups}{chr(42) if pure else chr(32)}':>7}"
            for name, one, other, times in zip(METRICS, patches, whole, wider, strict=True):
                print(f"{head}   {name:<18} {share(one, studies):<22} {share(other, studies):<22} {times:.2f}")
    print("* each group of one class")


def clustered(
    seeds: int, by_seed: float, by_patch: float, by_both: float, *, studies: int, groups: int, pure: bool
) -> tuple[Counts, Counts, np.ndarray]:
    """How many studies' intervals cover the true difference, drawing patches and drawing groups.

    Third: how many times as wide the latter are. Groups hold as many patches each; of mixed ones each study has others.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(SIZES)), 3 * np.array(SIZES)).astype(np.uint8)
    codes = np.arange(len(labels)) * groups // len(labels)
    truth = np.diff(true_metrics(by_seed, np.sqrt(1 + by_patch**2 + by_both**2)), axis=0)[0]
    covered, widths = np.zeros((2, len(METRICS)), int), np.zeros((2, len(METRICS)))
    for _ in range(studies):
        of = codes if pure else rng.permutation(codes)

        def of_patches(spread: float, *shape: int, of: np.ndarray = of) -> np.ndarray:
            own, alike = rng.normal(0, spread, (*shape, len(labels))), rng.normal(0, spread, (*shape, groups))
            return np.sqrt(SHARED) * alike[..., of] + np.sqrt(1 - SHARED) * own

        effects = LEVELS[:, None, labels] + rng.normal(0, by_seed, (2, seeds, len(SIZES)))[:, :, labels]
        right = effects + of_patches(1) + of_patches(by_patch, 2, 1) + of_patches(by_both, 2, seeds) > 0
        wrong = (labels + rng.integers(1, len(SIZES), right.shape)) % len(SIZES)
        alone = predictions_of(labels, np.where(right, labels, wrong).reshape(2 * seeds, -1).astype(np.uint8))
        known = Groups(codes=of, grouping=Grouping(by="scene"))
        together = replace(alone, places=KeptPlaces(indices=alone.positions, groups=known, near=1.0))
        values = observed(alone)[KEPT]
        values = values[:, seeds:] - values[:, :seeds]
        for kind, trials in enumerate((alone, together)):
            drawn = resample(trials, n_resamples=DRAWS, seed=int(rng.integers(2**32)))
            draws = drawn.of(list(range(2 * seeds)))[KEPT]
            draws = draws[:, :, seeds:] - draws[:, :, :seeds]
            low, high = interval(values, draws, seed=int(rng.integers(2**32)))
            covered[kind] += within(truth, low, high)
            widths[kind] += high - low
    return covered[0], covered[1], widths[1] / widths[0]


def share(covered: int, studies: int) -> str:
    ends = binomtest(covered, studies).proportion_ci(0.95, method="wilson")
    return f"{100 * covered / studies:.1f} % [{100 * ends.low:.1f}, {100 * ends.high:.1f}]"


def coverage(
    seeds: int, by_seed: float, by_patch: float, by_both: float, *, studies: int, neighbours: int = 1
) -> tuple[Counts, Counts]:
    """How many studies' intervals cover the true difference in each metric: ours, and those of a plain bootstrap."""
    rng = np.random.default_rng(0)

    def of_patches(spread: float, *shape: int) -> np.ndarray:
        """Normal effects of each patch, alike within groups of neighbours."""
        own = rng.normal(0, spread, (*shape, len(labels)))
        if neighbours == 1:
            return own
        groups = np.repeat(rng.normal(0, spread, (*shape, len(labels) // neighbours)), neighbours, axis=-1)
        return np.sqrt(SHARED) * groups + np.sqrt(1 - SHARED) * own

    labels = np.repeat(np.arange(len(SIZES)), SIZES).astype(np.uint8)
    truth = np.diff(true_metrics(by_seed, np.sqrt(1 + by_patch**2 + by_both**2)), axis=0)[0]
    ours, plain = np.zeros((2, len(METRICS)), int)
    for _ in range(studies):
        effects = LEVELS[:, None, labels] + rng.normal(0, by_seed, (2, seeds, len(SIZES)))[:, :, labels]
        effects = effects + of_patches(1) + of_patches(by_patch, 2, 1)
        right = effects + of_patches(by_both, 2, seeds) > 0
        wrong = (labels + rng.integers(1, len(SIZES), right.shape)) % len(SIZES)
        trials = predictions_of(labels, np.where(right, labels, wrong).reshape(2 * seeds, -1).astype(np.uint8))
        drawn = resample(trials, n_resamples=DRAWS, seed=int(rng.integers(2**32)))
        values, draws = observed(trials)[KEPT], drawn.of(list(range(2 * seeds)))[KEPT]
        values, draws = values[:, seeds:] - values[:, :seeds], draws[:, :, seeds:] - draws[:, :, :seeds]
        ours += within(truth, *interval(values, draws, seed=int(rng.integers(2**32))))
        chosen = np.take_along_axis(draws, rng.integers(0, seeds, (1, DRAWS, seeds)), axis=2).mean(axis=2)
        plain += within(truth, *np.quantile(chosen, [0.025, 0.975], axis=1))
    return ours, plain


def true_metrics(by_seed: float, others: float) -> np.ndarray:
    """The metrics of each arm on endless patches, on average over seeds; (2, M)."""
    levels = LEVELS[:, None] + np.random.default_rng(1).normal(0, by_seed, (2, ENDLESS, len(SIZES)))
    support = np.array(SIZES, float)
    hits = norm.cdf(levels / others) * support
    missed = (support - hits) / (len(SIZES) - 1)
    found = from_counts(hits, hits + missed.sum(axis=-1, keepdims=True) - missed, support).mean(axis=-1)
    return np.array(found[KEPT]).T


def predictions_of(labels: np.ndarray, predicted: np.ndarray) -> TrialPredictions:
    classes = len(SIZES)
    confusion = [np.bincount(labels.astype(int) * classes + row, minlength=classes**2) for row in predicted]
    confusion = np.array(confusion).reshape(-1, classes, classes)
    return TrialPredictions(
        labels=labels,
        positions=np.arange(len(labels)),
        predicted=predicted,
        confusion=confusion,
        rows={},
        scores=(),
        records=(),
        reliability={},
    )


def within(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> Counts:
    return ((low <= values) & (values <= high)).astype(int)


if __name__ == "__main__":
    main()

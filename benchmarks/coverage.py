"""How often a report's 95 % intervals cover the truth, beside a plain bootstrap of seeds and patches.

    python benchmarks/coverage.py [--studies 1000]

Simulates studies of two arms whose true difference in balanced accuracy is known: a patch is classified right where a
sum of normal effects (of the patch, of the seed, of both together) is above 0. Prints for each setting how many of the
intervals cover the difference, with the 95 % interval of that share itself (Wilson).
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import binomtest, norm

from raysat.report.cells import Cells
from raysat.report.resample import measures, observed, resample
from raysat.report.stats import interval

SIZES = (120, 30, 30, 20)  # patches per class: 60, 15, 15 and 10 %
LEVELS = np.array([[1.0, 0.3, 0.5, -0.2], [0.8, 0.6, 0.7, 0.3]])  # of each arm and class
SETTINGS = (  # seeds, and the standard deviations of what seeds, patches and both together do to an arm
    (3, 0.3, 0.5, 1.0),
    (5, 0.02, 0.2, 2.0),
    (5, 0.3, 0.1, 0.1),
    (8, 0.05, 0.5, 0.3),
)
DRAWS = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies
    print(f"95 % intervals of a difference, n = {studies:,} studies of {sum(SIZES)} patches each")
    print(f"{'seeds':>5} {'by seed':>8} {'by patch':>9} {'by both':>8}   {'raysat covers':<24} plain bootstrap covers")
    for setting in SETTINGS:
        ours, plain = coverage(*setting, studies=studies)
        print("{:>5} {:>8} {:>9} {:>8}   {:<24} {}".format(*setting, share(ours, studies), share(plain, studies)))


def share(covered: int, studies: int) -> str:
    ends = binomtest(covered, studies).proportion_ci(0.95, method="wilson")
    return f"{100 * covered / studies:.1f} % [{100 * ends.low:.1f}, {100 * ends.high:.1f}]"


def coverage(seeds: int, by_seed: float, by_patch: float, by_both: float, *, studies: int) -> tuple[int, int]:
    """How many studies' intervals cover the true difference: ours, and those of a plain bootstrap."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(SIZES)), SIZES).astype(np.uint8)
    truth = norm.cdf(LEVELS / np.sqrt(1 + by_seed**2 + by_patch**2 + by_both**2)).mean(axis=1)
    ours = plain = 0
    for _ in range(studies):
        effects = LEVELS[:, None, labels] + rng.normal(0, by_seed, (2, seeds, len(SIZES)))[:, :, labels]
        effects = effects + rng.normal(0, 1, len(labels)) + rng.normal(0, by_patch, (2, 1, len(labels)))
        right = effects + rng.normal(0, by_both, (2, seeds, len(labels))) > 0
        wrong = (labels + rng.integers(1, len(SIZES), right.shape)) % len(SIZES)
        cells = predicted_cells(labels, np.where(right, labels, wrong).reshape(2 * seeds, -1).astype(np.uint8))
        metric = measures(len(SIZES)).index("balanced_accuracy")
        values, draws = observed(cells)[metric], resample(cells, draws=DRAWS, seed=int(rng.integers(2**32)))[metric]
        values, draws = values[seeds:] - values[:seeds], draws[:, seeds:] - draws[:, :seeds]
        ours += within(truth[1] - truth[0], *interval(values, draws, seed=int(rng.integers(2**32))))
        chosen = np.take_along_axis(draws, rng.integers(0, seeds, (DRAWS, seeds)), axis=1).mean(axis=1)
        plain += within(truth[1] - truth[0], *np.quantile(chosen, [0.025, 0.975]))
    return ours, plain


def predicted_cells(labels: np.ndarray, predicted: np.ndarray) -> Cells:
    classes = len(SIZES)
    confusion = [np.bincount(labels.astype(int) * classes + row, minlength=classes**2) for row in predicted]
    confusion = np.array(confusion).reshape(-1, classes, classes)
    return Cells(
        labels=labels, predicted=predicted, confusion=confusion, seeds={}, scores=(), records=(), reliability={}
    )


def within(value: float, low: float, high: float) -> int:
    return int(low <= value <= high)


if __name__ == "__main__":
    main()

"""How often simulated studies see a difference that is there, beside what ``raysat power`` predicts.

    python benchmarks/power.py [--studies 2000]

Each study has some arms and seeds on test patches of its own. A patch is classified right where a sum of normal effects
is above 0: of the patch, of arm and patch, of arm and seed, and of all three; else it is taken for any other class. One
arm is truly better than the baseline by a known amount in one metric; the others are as good as the baseline. Every
study is analysed as a report would: its patches are resampled (``bootstrap.py``), each arm has an interval
(``estimate.py``) and a sign-flip test over seeds against the baseline, with Holm for all of them (``significance.py``).
The difference is seen where it is significant after Holm and its interval leaves zero out, on the right side.

The prediction knows the true recalls and how a large sample of patches and seeds behaves, and nothing of the studies.
The last settings predict by a pilot instead, a study of few patches and seeds: the mean and the range over pilots.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binomtest, norm

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL, Metric
from raysat.metrics.power import LEVEL
from raysat.reporting.analysis.bootstrap import observed, resample, resampled_metrics
from raysat.reporting.analysis.drawn_studies import drawn_power
from raysat.reporting.analysis.estimate import interval
from raysat.reporting.analysis.patch_variance import Behaviour, TestPatches, icv_of, paired_recalls
from raysat.reporting.analysis.pilot import behaviour_in
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.reporting.analysis.significance import holm, sign_flip

SIZES = (180, 60, 50, 30)  # test patches per class
RECALLS = np.array([0.85, 0.65, 0.7, 0.5])  # of the baseline
DRAWS = 400  # of the bootstrap
MANY = 20_000  # patches of a class, and
MANY_SEEDS = 12  # seeds, from which the prediction's numbers are taken
PREDICTED = 16_000  # studies that are drawn for a prediction, as ``raysat power`` does
PILOTS = 40
PILOT_SEEDS = 4
METRICS = {"balanced accuracy": BALANCED_ACCURACY, "ICV": ICV, "recall of rarest": RECALL.of_class(3)}


@dataclass(frozen=True)
class Setting:
    """A study: its size, and the standard deviations of what makes a patch right; of the patch itself it is 1."""

    seeds: int
    arms: int
    by_arm: float  # what an arm does to a patch
    by_seed: float  # what a seed does to an arm and class
    by_both: float  # what a seed of an arm does to a patch
    times: int = 1  # as many patches

    @property
    def sizes(self) -> tuple[int, ...]:
        """Test patches of each class."""
        return tuple(self.times * size for size in SIZES)

    @property
    def spread(self) -> float:
        """Of all that decides about a patch, but for what a seed does to a class."""
        return float(np.sqrt(1 + self.by_arm**2 + self.by_seed**2 + self.by_both**2))


SETTINGS = (  # and the effect in each metric, of middling power
    (Setting(6, 2, 0.1, 0.1, 0.5), (0.06, 0.06, 0.14)),
    (Setting(8, 2, 0.3, 0.05, 0.4), (0.06, 0.06, 0.14)),
    (Setting(8, 7, 0.1, 0.15, 0.4), (0.06, 0.06, 0.14)),
    (Setting(10, 4, 0.2, 0.1, 0.6), (0.05, 0.05, 0.13)),
    (Setting(12, 7, 0.2, 0.15, 0.2, times=3), (0.04, 0.04, 0.09)),
    (Setting(20, 3, 0.4, 0.05, 0.3), (0.06, 0.06, 0.15)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    print(f"seen: significant at 5 % after Holm, and interval above zero; n = {studies:,} studies a line")
    print(f"{'seeds':>5} {'arms':>4} {'patches':>7}  {'metric':<18} {'effect':>6}  {'predicted':>9}  simulated")
    worst = 0.0
    for setting, effects in SETTINGS:
        for (name, metric), effect in zip(METRICS.items(), effects, strict=True):
            told, seen = predicted(setting, metric, effect), simulated(setting, metric, effect, studies)
            head = f"{setting.seeds:>5} {setting.arms:>4} {sum(setting.sizes):>7}  {name:<18} {effect:>6}"
            print(f"{head}  {100 * told:>7.1f} %  {share(seen, studies)}", flush=True)
            worst = max(worst, abs(told - seen / studies))
    print(f"largest difference: {100 * worst:.1f} points")
    print(f"\nby pilots of {PILOT_SEEDS} seeds, 2 arms and as many patches: median, and quartiles of {PILOTS}")
    for setting, effects in SETTINGS[:3]:
        for (name, metric), effect in zip(METRICS.items(), effects, strict=True):
            low, middle, high = by_pilots(setting, metric, effect)
            known = predicted(setting, metric, effect)
            head = f"{setting.seeds:>5} {setting.arms:>4} {sum(setting.sizes):>7}  {name:<18} {effect:>6}"
            print(f"{head}  {100 * middle:>7.1f} %  [{100 * low:.1f}, {100 * high:.1f}]  known: {100 * known:.1f} %")
    sys.stdout.flush()


def share(seen: int, studies: int) -> str:
    ends = binomtest(seen, studies).proportion_ci(0.95, method="wilson")
    return f"{100 * seen / studies:.1f} % [{100 * ends.low:.1f}, {100 * ends.high:.1f}]"


def better(metric: Metric, effect: float, sizes: tuple[int, ...]) -> np.ndarray:
    """The recalls of the better arm."""
    if metric == BALANCED_ACCURACY:
        return RECALLS + effect
    if metric == ICV:
        counts = np.array(sizes, float)
        icv, _ = icv_of(RECALLS, counts)
        accuracy = counts @ RECALLS / counts.sum()
        return accuracy + np.sqrt(1 - effect / icv) * (RECALLS - accuracy)
    return RECALLS + effect * (np.arange(len(sizes)) == metric.class_index)


def study(rng: np.random.Generator, setting: Setting, recalls: np.ndarray, sizes: tuple[int, ...]) -> TrialPredictions:
    """Draw the predictions of a study; trials of an arm follow each other.

    Args:
        rng: draws.
        setting: of the study.
        recalls: (A, K) that arms have on average over seeds, on patches without end.
        sizes: patches per class.
    """
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint8)
    arms, seeds, n = len(recalls), setting.seeds, len(labels)
    levels = setting.spread * norm.ppf(recalls)[:, None] + setting.by_seed * rng.normal(size=(arms, seeds, len(sizes)))
    own = rng.standard_normal(n, dtype=np.float32) + setting.by_arm * rng.standard_normal(
        (arms, 1, n), dtype=np.float32
    )
    right = levels[:, :, labels] + own + setting.by_both * rng.standard_normal((arms, seeds, n), dtype=np.float32) > 0
    wrong = (labels + rng.integers(1, len(sizes), right.shape, dtype=np.uint8)) % np.uint8(len(sizes))
    return predictions_of(labels, np.where(right, labels, wrong).reshape(arms * seeds, n), len(sizes))


def predictions_of(labels: np.ndarray, predicted: np.ndarray, classes: int) -> TrialPredictions:
    confusion = [np.bincount(labels.astype(int) * classes + row, minlength=classes**2) for row in predicted]
    return TrialPredictions(
        labels=labels,
        positions=np.arange(len(labels)),
        predicted=predicted,
        confusion=np.array(confusion).reshape(-1, classes, classes),
        rows={},
        scores=(),
        records=(),
        reliability={},
    )


def simulated(setting: Setting, metric: Metric, effect: float, studies: int, seed: int = 0) -> int:
    """How many studies see the better arm, which is the second."""
    rng = np.random.default_rng(seed)
    recalls = np.tile(RECALLS, (setting.arms, 1))
    recalls[1] = better(metric, effect, setting.sizes)
    place = resampled_metrics(len(SIZES)).index(metric)
    sign, count = -1 if metric.lower_is_better else 1, setting.seeds
    seen = 0
    for _ in range(studies):
        trials = study(rng, setting, recalls, setting.sizes)
        values = sign * observed(trials)[place].reshape(setting.arms, count)
        differences = values[1:] - values[0]
        first = holm(list(sign_flip(differences)))[0]
        if first > LEVEL or differences[0].mean() <= 0:
            continue  # without an interval, which takes longest
        two = replace(trials, predicted=trials.predicted[: 2 * count], confusion=trials.confusion[: 2 * count])
        drawn = resample(two, n_resamples=DRAWS, seed=int(rng.integers(2**32)))
        draws = sign * drawn.of(list(range(2 * count)))[place]
        low, _ = interval(differences[0], draws[:, count:] - draws[:, :count], seed=int(rng.integers(2**32)))
        seen += int(low > 0)
    return seen


def predicted(setting: Setting, metric: Metric, effect: float) -> float:
    """The power that raysat predicts where it knows how the two arms behave."""
    return power_by(behaviour(setting, (MANY,) * len(SIZES), MANY_SEEDS, 1), setting, metric, effect)


def behaviour(setting: Setting, sizes: tuple[int, ...], seeds: int, seed: int) -> Behaviour:
    """What two equally good arms do on so many patches and seeds."""
    trials = study(np.random.default_rng(seed), replace(setting, seeds=seeds), np.array([RECALLS, RECALLS]), sizes)
    measured = behaviour_in(trials, [[(seeds + k, k) for k in range(seeds)]])
    if seeds < MANY_SEEDS:
        return measured
    scale = norm.pdf(norm.ppf(RECALLS))  # what seeds do is known, too: twelve of them would tell it badly
    return replace(
        measured,
        recall=tuple(RECALLS),
        seed_sd=tuple(np.sqrt(2) * setting.by_seed / setting.spread * scale),
        seeds_on={},
    )


def power_by(of: Behaviour, setting: Setting, metric: Metric, effect: float) -> float:
    pair = paired_recalls(metric, effect, of, TestPatches(sizes=setting.sizes))
    return drawn_power(pair, setting.seeds, setting.arms - 1, studies=PREDICTED)


def by_pilots(setting: Setting, metric: Metric, effect: float) -> np.ndarray:
    """Quartiles of the power that pilots predict."""
    told = []
    for seed in range(PILOTS):
        measured = behaviour(setting, setting.sizes, PILOT_SEEDS, 100 + seed)
        told.append(power_by(measured, setting, metric, effect))
    return np.quantile(told, [0.25, 0.5, 0.75])


if __name__ == "__main__":
    main()

"""What a finished run says of the study that is to follow: how its arms differ, patch by patch and seed by seed.

Of each arm and the baseline, x (seeds S, patches n of a class) is +1, 0 or -1 (``patch_variance.py``). Its variance has
three crossed parts, by the mean squares of a two-way layout with one value a cell (Cornfield & Tukey 1956):

    rest      = MS_rest                           what a seed does to a patch
    patches   = (MS_patches - MS_rest) / S        what a patch does with every seed
    seeds     = (MS_seeds - MS_rest) / n          what a seed does to all patches

pooled over the arms, weighted by their S - 1 degrees of freedom. What seeds do to a whole metric is the variance of its
difference over seeds, less what the patches' rest explains of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from raysat.errors import UsageError
from raysat.files import AnyPath
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL
from raysat.reporting.analysis.analyze import default_baseline
from raysat.reporting.analysis.bootstrap import observed, resampled_metrics
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.factors import design
from raysat.reporting.analysis.patch_variance import Behaviour, TestPatches, spread_of
from raysat.reporting.analysis.predictions import TrialPredictions, read_predictions
from raysat.storage.ledger import Ledger

Pairs: TypeAlias = Sequence[tuple[int, int]]  # rows of an arm's trial and the baseline's, a pair a seed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pilot:
    """A run, as far as it tells what the next can see."""

    study: str
    classes: tuple[str, ...]
    sizes: tuple[int, ...]  # test patches of each class
    fingerprint: str | None  # of its data
    labels: npt.NDArray[np.uint8]  # (N,) of the test patches
    positions: npt.NDArray[np.int64]  # (N,) in their store
    means: Floats  # (comparisons, N): x of each patch, on average over seeds
    behaviour: Behaviour  # its correlation is 0: see ``correlation_in``
    arms: int
    seeds: int  # of the arm that has most
    degrees: int  # of freedom of what is known of seeds
    images: int  # of a trial, on average
    rate: float | None  # images a second


def read_pilot(folder: AnyPath) -> Pilot:
    """Read a run, and measure how its arms differ from its baseline.

    Raises:
        StorageError: it is no run, or its files are missing or damaged.
        UsageError: nothing has finished, or no arm has two seeds in common with the baseline.
    """
    board = collect(Ledger.open(folder))
    predictions = read_predictions(board)
    baseline = default_baseline(board.ranked, design(board.arms))
    pairs = _pairs(predictions.rows, baseline)
    if not pairs:
        raise UsageError(
            f"{board.study} has no arm with two seeds in common with its baseline, {baseline!r}",
            hint="a pilot is two arms with two seeds or more; finish it, or leave {--pilot} out",
        )
    sizes = tuple(np.bincount(predictions.labels, minlength=predictions.classes).tolist())
    images, seconds = (sum(getattr(record, key) for record in predictions.records) for key in ("images", "seconds"))
    return Pilot(
        study=board.study,
        classes=board.classes,
        sizes=sizes,
        fingerprint=board.fingerprint,
        labels=predictions.labels,
        positions=predictions.positions,
        means=np.array([_right(predictions, pair).mean(axis=0) for pair in pairs]),
        behaviour=behaviour_in(predictions, pairs),
        arms=len(board.arms),
        seeds=max(arm.n for arm in board.ranked),
        degrees=sum(len(pair) - 1 for pair in pairs),
        images=round(images / len(predictions.records)),
        rate=images / seconds if seconds else None,
    )


def behaviour_in(predictions: TrialPredictions, pairs: Sequence[Pairs]) -> Behaviour:
    """Return what arms do on patches, pooled over comparisons with one baseline.

    Half a patch that is right in one arm alone is added to every class, so that none is taken to be beyond doubt.

    Args:
        predictions: of all trials.
        pairs: of each comparison its trials by seed, two seeds or more.
    """
    labels, classes = predictions.labels, predictions.classes
    differences = [_right(predictions, pair) for pair in pairs]
    bases = sorted({base for pair in pairs for _, base in pair})
    parts = [_parts([each[:, labels == k] for each in differences]) for k in range(classes)]
    right = predictions.predicted[bases] == labels
    measured = Behaviour(
        recall=tuple(float(right[:, labels == k].mean()) if (labels == k).any() else 0.0 for k in range(classes)),
        discordance=tuple(part.discordance for part in parts),
        persistence=tuple(part.persistence for part in parts),
        seed_sd=tuple(part.seed_sd for part in parts),
    )
    sizes = np.bincount(labels, minlength=classes)
    values, metrics = observed(predictions), resampled_metrics(classes)
    known = [BALANCED_ACCURACY, ICV, *(RECALL.of_class(k) for k in range(classes) if sizes[k])]
    quiet = replace(measured, seed_sd=(0.0,) * classes)
    seeds_on = {}
    for metric in known:
        of_metric = values[metrics.index(metric)]
        squares = [float(np.var([of_metric[arm] - of_metric[base] for arm, base in pair], ddof=1)) for pair in pairs]
        total = float(np.average(squares, weights=[len(pair) - 1 for pair in pairs]))
        by_patches = spread_of(metric, 0.0, quiet, TestPatches(sizes=tuple(sizes.tolist()))).seeds ** 2
        seeds_on[metric] = math.sqrt(max(0.0, total - by_patches))
    return replace(measured, seeds_on=seeds_on)


def correlation_in(pilot: Pilot, groups: npt.NDArray[np.int64]) -> float:
    """Return the correlation of what patches of a class in one group do to a difference, from 0 to 1.

    It is the part of the variance that is between groups (one-way analysis of variance; Donner 1986), pooled over
    classes and comparisons; 0 where no group has two patches of a class.

    Args:
        pilot: the run.
        groups: (N,) of its test patches.
    """
    between = total = 0.0
    for k in range(len(pilot.classes)):
        chosen = pilot.labels == k
        _, group, counts = np.unique(groups[chosen], return_inverse=True, return_counts=True)
        n, number = int(counts.sum()), len(counts)
        if not 1 < number < n:
            continue
        typical = (n - np.square(counts).sum() / n) / (number - 1)
        for x in pilot.means[:, chosen]:
            means = np.bincount(group, x) / counts
            within = float(np.square(x - means[group]).sum()) / (n - number)
            among = float((counts * np.square(means - x.mean())).sum()) / (number - 1)
            between += n * (among - within) / typical
            total += n * ((among - within) / typical + within)
    return min(1.0, max(0.0, between / total)) if total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Parts:
    discordance: float
    persistence: float
    seed_sd: float


def _parts(differences: Sequence[Floats]) -> _Parts:
    """The parts of the variance of x of one class, (S, n) of each comparison."""
    n = differences[0].shape[1]
    if n < 2:  # nothing is known of how its patches differ
        return _Parts(0.5, 0.5, 0.0)
    rest = patches = seeds = squares = degrees = 0.0
    for x in differences:
        free = len(x) - 1
        by_seed, by_patch = x.mean(axis=1, keepdims=True), x.mean(axis=0)
        left = float(np.square(x - by_seed - by_patch + x.mean()).sum()) / (free * (n - 1))
        rest += free * left
        patches += free * (len(x) * float(by_patch.var(ddof=1)) - left) / len(x)
        seeds += free * (n * float(by_seed.var(ddof=1)) - left) / n
        squares += free * float(np.square(x).mean())
        degrees += free
    own = max(0.0, patches)
    return _Parts(
        discordance=(n * squares / degrees + 0.5) / (n + 1),
        persistence=own / (own + rest) if own + rest > 0 else 0.5,
        seed_sd=math.sqrt(max(0.0, seeds / degrees)),
    )


def _right(predictions: TrialPredictions, pair: Pairs) -> Floats:
    """The x of a comparison, (S, N): 1 where only the arm is right, -1 where only the baseline is."""
    arm, base = (predictions.predicted[list(rows)] == predictions.labels for rows in zip(*pair, strict=True))
    return np.asarray(arm.astype(np.float64) - base)


def _pairs(rows: Mapping[str, Mapping[int, int]], baseline: str) -> list[Pairs]:
    """Trials of each other arm and the baseline by seed, where they have two seeds or more in common."""
    base = rows.get(baseline, {})
    found = [[(row, base[seed]) for seed, row in of.items() if seed in base] for of in _others(rows, baseline)]
    return [pair for pair in found if len(pair) > 1]


def _others(rows: Mapping[str, Mapping[int, int]], baseline: str) -> list[Mapping[int, int]]:
    return [of for arm, of in rows.items() if arm != baseline]

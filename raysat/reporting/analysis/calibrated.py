"""What a temperature does to each arm, how well it knows its errors, and what its conformal sets cover.

All is of patches that nothing was fitted to. Intervals are of means over seeds with these patches, or their groups,
resampled (``bootstrap.py``); temperatures and sets stay as they were fitted to val. Patches are ranked by their
confidence after the temperature: of a model that is too sure, as with LDAM, saved probabilities before it round to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.catalog import ACCURACY, RECALL
from raysat.metrics.conformal import prediction_sets, thresholds
from raysat.metrics.probabilistic import BINS, Reliability, confidence_bins, patch_nll, reliability
from raysat.metrics.selective import aurc, risk_coverage, weighted_aurc
from raysat.metrics.temperature import RANGE
from raysat.reporting.analysis.bootstrap import class_weights
from raysat.reporting.analysis.clusters import Clusters, clusters_of
from raysat.reporting.analysis.estimate import Estimate, Floats, interval
from raysat.reporting.analysis.evaluations import Evaluated, check_same_patches
from raysat.reporting.analysis.predictions import groups_at
from raysat.storage.evaluations import VALIDATION, Temperature
from raysat.storage.places import KeptPlaces
from raysat.storage.predictions import Predictions

COVERAGE: Final = 0.9  # of conformal sets, in every class
POINTS: Final = 50  # of a risk-coverage curve
_N_RESAMPLES: Final = 500

Clean = Mapping[tuple[str, int], Callable[[], Predictions]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedArm:
    """An arm's models before and after a temperature was fitted, over its evaluated seeds."""

    seeds: tuple[int, ...]
    temperatures: tuple[float, ...]  # by seed
    at_bound: bool  # whether one is as low or as high as was tried
    ece: tuple[Estimate, Estimate]  # before, after
    nll: tuple[Estimate, Estimate]
    aurc: Estimate  # after
    coverage: tuple[Estimate | None, ...]  # of the sets, by class; None of a class without test patches
    size: Estimate  # classes in a set
    before: Reliability  # pooled over seeds
    after: Reliability
    risk: Floats  # (POINTS,) after, at equally spaced coverages up to 1, mean over seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """All arms to which a temperature was fitted."""

    arms: Mapping[str, CalibratedArm]
    fitted_to: int  # patches
    patches: int  # evaluated on
    halved: bool  # both are halves of one split
    always: tuple[int, ...]  # classes that are in every set of some arm, having too few patches to calibrate on


def calibrated(
    evaluated: Sequence[Evaluated],
    clean: Clean,
    progress: Callable[[int, int], None] | None = None,
    *,
    places: KeptPlaces | None = None,
) -> Calibrated | None:
    """Describe what calibration does; None where no temperature was fitted.

    Args:
        evaluated: evaluations of any kind.
        clean: predictions of the patches as they are, by arm and seed.
        progress: called with models done, and all.
        places: of the patches.

    Returns:
        All arms that have one.

    Raises:
        StorageError: predictions that are damaged, or of different patches.
    """
    mine = [each for each in evaluated if isinstance(each.record.subject, Temperature)]
    if not mine:
        return None
    arms: dict[str, list[_Model]] = {}
    always: set[int] = set()
    first = mine[0].predictions()
    groups, classes = groups_at(places, first.indices), first.probabilities.shape[1]
    weights = class_weights(first.labels, classes, _N_RESAMPLES, groups=groups)
    clusters = clusters_of(first.labels, groups, classes)
    for done, each in enumerate(mine, start=1):
        after, validation = each.predictions(), each.predictions(VALIDATION)
        check_same_patches(first, after, each.arm, each.seed)
        most = thresholds(validation.labels, validation.probabilities, COVERAGE)
        always |= set(np.flatnonzero(np.isinf(most)).tolist())
        before = _at(clean[each.arm, each.seed](), after.indices)
        arms.setdefault(each.arm, []).append(_model(each, before, after, most, weights))
        if progress:
            progress(done, len(mine))
    subject = mine[0].record.subject
    assert isinstance(subject, Temperature)  # noqa: S101  (as all of them)
    return Calibrated(
        arms={arm: _arm(models, weights, clusters) for arm, models in arms.items()},
        fitted_to=subject.fitted_to,
        patches=mine[0].record.n,
        halved=subject.halved,
        always=tuple(sorted(always)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """What is kept of a model: numbers by patch, whose means, or sums by bin, are what is reported."""

    seed: int
    temperature: float
    labels: npt.NDArray[np.uint8]
    nll: tuple[Floats, Floats]  # (N,) before, after
    gaps: tuple[Floats, Floats]  # (N, BINS) right or not minus confidence, in the bin of the confidence
    hit: npt.NDArray[np.bool_]  # (N,) whether its set holds the true class
    size: npt.NDArray[np.int64]  # (N,) of its set
    known: int  # classes
    before: Reliability
    after: Reliability
    aurc: float
    resampled_aurc: Floats  # (B,)
    risk: Floats


def _model(
    each: Evaluated,
    before: Predictions,
    after: Predictions,
    most: Floats,
    weights: npt.NDArray[np.float32],
) -> _Model:
    subject = each.record.subject
    assert isinstance(subject, Temperature)  # noqa: S101  (whoever calls has looked)
    rows = np.arange(len(after.labels))
    sets = prediction_sets(after.probabilities, most)
    correct, confidence = after.labels == after.predicted, after.probabilities[rows, after.predicted]
    risk = risk_coverage(correct, confidence)
    ends = np.ceil(np.arange(1, POINTS + 1) / POINTS * len(risk)).astype(int) - 1
    return _Model(
        seed=each.seed,
        temperature=subject.temperature,
        labels=after.labels,
        nll=(patch_nll(before.labels, before.probabilities), patch_nll(after.labels, after.probabilities)),
        gaps=(_gaps(before), _gaps(after)),
        hit=sets[rows, after.labels],
        size=sets.sum(axis=1),
        known=sets.shape[1],
        before=reliability(before.labels, before.predicted, before.probabilities),
        after=reliability(after.labels, after.predicted, after.probabilities),
        aurc=aurc(correct, confidence),
        resampled_aurc=weighted_aurc(correct, confidence, weights),
        risk=risk[ends],
    )


def _arm(models: Sequence[_Model], weights: npt.NDArray[np.float32], clusters: Clusters | None) -> CalibratedArm:
    classes = range(int(max(model.labels.max() for model in models)) + 1)
    labels, n = models[0].labels, len(models[0].labels)
    of_all = 1.0 if clusters is None else clusters.stretch(ACCURACY)

    def mean(
        values: Sequence[npt.NDArray[Any]],
        most: float,
        rows: npt.NDArray[np.bool_] | slice = slice(None),
        stretch: float = of_all,
    ) -> Estimate:
        of = weights[:, rows]
        total = of.sum(axis=1)
        resampled = [of @ value[rows].astype(np.float32) / total for value in values]
        return _estimate([float(value[rows].mean()) for value in values], resampled, most=most, stretch=stretch)

    def ece(which: int) -> Estimate:
        observed = [float(np.abs(model.gaps[which].sum(axis=0)).sum() / n) for model in models]
        resampled = [
            np.abs(weights @ model.gaps[which].astype(np.float32)).sum(axis=1) / weights.sum(axis=1) for model in models
        ]
        return _estimate(observed, resampled, most=1.0, bias=True, stretch=of_all)

    def covered(k: int) -> Estimate:
        return mean(hits, 1.0, labels == k, 1.0 if clusters is None else clusters.stretch(RECALL.of_class(k)))

    areas = [model.aurc for model in models], [model.resampled_aurc for model in models]
    before, after = ([model.nll[which] for model in models] for which in (0, 1))
    hits = [model.hit for model in models]
    return CalibratedArm(
        seeds=tuple(model.seed for model in models),
        temperatures=tuple(model.temperature for model in models),
        at_bound=any(not 1.01 * RANGE[0] < model.temperature < 0.99 * RANGE[1] for model in models),
        ece=(ece(0), ece(1)),
        nll=(mean(before, math.inf), mean(after, math.inf)),
        aurc=_estimate(*areas, most=1.0, bias=True, stretch=of_all),
        coverage=tuple(covered(k) if (labels == k).any() else None for k in classes),
        size=mean([model.size for model in models], models[0].known),
        before=reduce(add, (model.before for model in models)),
        after=reduce(add, (model.after for model in models)),
        risk=np.mean([model.risk for model in models], axis=0),
    )


def _estimate(
    observed: Sequence[float],
    resampled: Sequence[npt.NDArray[Any]],
    *,
    most: float,
    bias: bool = False,
    stretch: float = 1.0,
) -> Estimate:
    """Return a mean over seeds with its interval, within 0 and ``most``.

    Args:
        observed: (S,) on the patches as they are.
        resampled: S times (B,) on each resample.
        most: that the statistic can be.
        bias: whether resamples are moved so that their mean is what is observed, as of what is no mean over patches: a
            sum of absolute values is larger on resamples, whose noise it adds, and an area of ranks is another.
        stretch: by what resamples lie farther from what is observed than as drawn (``clusters.py``).
    """
    values, blocks = np.array(observed), np.stack(resampled, axis=-1).astype(np.float64)
    if bias:
        blocks += values - blocks.mean(axis=0)
    if stretch != 1:
        blocks = values + stretch * (blocks - values)
    low, high = interval(values, blocks)
    known = len(values) > 1 and low != high
    return Estimate(
        value=float(values.mean()),
        low=max(0.0, float(low)) if known else None,
        high=min(most, float(high)) if known else None,
        n=len(values),
        p=None,
    )


def _gaps(predictions: Predictions) -> Floats:
    rows = np.arange(len(predictions.labels))
    confidence = predictions.probabilities[rows, predictions.predicted].astype(np.float64)
    gaps = np.zeros((len(rows), BINS))
    gaps[rows, confidence_bins(confidence)] = (predictions.labels == predictions.predicted) - confidence
    return gaps


def _at(predictions: Predictions, indices: npt.NDArray[np.int64]) -> Predictions:
    """The predictions for some of the patches; both in the order of their position."""
    rows = np.flatnonzero(np.isin(predictions.indices, indices))
    return Predictions(
        labels=predictions.labels[rows],
        predicted=predictions.predicted[rows],
        probabilities=predictions.probabilities[rows],
        indices=predictions.indices[rows],
    )

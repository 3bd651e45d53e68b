"""Resamples of whole groups of test patches (scenes, fields, blocks), whose patches are no independent samples.

Groups are drawn with replacement (Davison & Hinkley 1997, section 3.8; Field & Welsh 2007: of nested samples the outer
level alone), within strata: all groups with the class that the fewest groups hold are the first stratum, of the others
those with the next such class the second, and so on. So a class that few groups hold keeps them in number, as patches
by class do in ``bootstrap.py``, which this comes to where every patch is a group of its own. Of m groups m - 1 are
drawn, counted m / (m - 1) times: the variance is that of an unbiased estimate (Rao & Wu 1988). A metric is one of the
patches drawn: a ratio, as the patches of a class are no longer of one number. A stratum of one group joins the next
one; where no other group holds its class, its patches are drawn within their class, as if they were independent.

A handful of groups tells little of how groups vary, and percentiles are as narrow as those of a known variance
(Cameron, Gelbach & Miller 2008). So resamples are stretched about what was observed by the quantile of Student's t over
that of the normal (Hesterberg 2015: expanded percentiles), with the effective number of groups less one as degrees of
freedom: of a class (sum n)^2 / sum n^2 over its patches n in each group (Kish 1965; Carter, Schnepel & Steigerwald
2017). Of metrics over classes they are the fewer of two: those of all patches, each class counting alike, as where a
group is hard or easy in all its classes; and by Satterthwaite 1946 those of classes that vary by themselves. And
residuals vary less than what they are left of (Bell & McCaffrey 2002), the more so where groups are of unequal size:
resamples are stretched by what they lack where patches of a group have an effect in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.groups import Groups
from raysat.metrics.catalog import ACCURACY, Metric
from raysat.metrics.power import LEVEL

Float32 = npt.NDArray[np.float32]

FEW: Final = 10  # groups: fewer say little of how groups vary
_TRIES: Final = 100  # to draw resamples in which no class is lost
_LEAST: Final = 0.25  # share of the variance that is trusted to be left in resamples


@dataclass(frozen=True, kw_only=True, eq=False)  # without slots: what is computed is kept
class Clusters:
    """N test patches in groups, to be drawn as these: U units, each a group or, of a lone one, a patch."""

    labels: npt.NDArray[np.uint8]  # (N,)
    groups: Groups
    classes: int

    @cached_property
    def held(self) -> npt.NDArray[np.int64]:
        """Patches of each class in each group, (G, K)."""
        return _table(self.groups.codes, self.labels, len(self.groups), self.classes)

    @cached_property
    def lone(self) -> tuple[int, ...]:
        """Classes that have patches in one group alone."""
        return tuple(np.flatnonzero((self.held > 0).sum(axis=0) == 1).tolist())

    @cached_property
    def _strata(self) -> tuple[npt.NDArray[np.int64], ...]:
        """The groups of each stratum."""
        holders = (self.held > 0).sum(axis=0)
        order = sorted(np.flatnonzero(holders).tolist(), key=lambda k: (holders[k], self.held[:, k].sum(), k))
        left, strata, waiting = np.ones(len(self.groups), bool), [], np.zeros(0, np.int64)
        for k in order:
            mine = np.flatnonzero(left & (self.held[:, k] > 0))
            left[mine] = False
            if holders[k] == 1 and len(mine):
                strata.append(mine)
                continue
            waiting = np.concatenate([waiting, mine])
            if len(waiting) > 1:
                strata.append(waiting)
                waiting = np.zeros(0, np.int64)
        if len(waiting):  # the last one alone joins the one before it that has several
            several = [place for place, stratum in enumerate(strata) if len(stratum) > 1]
            if several:
                strata[several[-1]] = np.concatenate([strata[several[-1]], waiting])
            else:
                strata.append(waiting)
        return tuple(strata)

    @cached_property
    def _units(self) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
        """The unit of each patch, (N,), numbered stratum by stratum; and how many units each stratum has."""
        units, sizes = np.full(len(self.labels), -1), []
        first = 0
        for stratum in self._strata:
            if len(stratum) > 1:
                number = np.full(len(self.groups), -1)
                number[stratum] = np.arange(first, first + len(stratum))
                rows = np.flatnonzero(number[self.groups.codes] >= 0)
                units[rows] = number[self.groups.codes[rows]]
                sizes.append(len(stratum))
                first += len(stratum)
                continue
            for k in range(self.classes):  # a lone group: patches within their class
                rows = np.flatnonzero((self.groups.codes == stratum[0]) & (self.labels == k))
                if len(rows):
                    units[rows] = np.arange(first, first + len(rows))
                    sizes.append(len(rows))
                    first += len(rows)
        return units, tuple(sizes)

    @property
    def number(self) -> int:
        """Units U."""
        return sum(self._units[1])

    @cached_property
    def support(self) -> npt.NDArray[np.int64]:
        """Patches of each class in each unit, (U, K)."""
        return _table(self._units[0], self.labels, self.number, self.classes)

    def tables(self, predicted: npt.NDArray[np.uint8]) -> tuple[Float32, Float32]:
        """Patches of each class that trials found, and that they predicted as it, in each unit: (U, T, K) each.

        Args:
            predicted: (T, N).
        """
        units, _ = self._units
        right = self.labels == predicted
        hits, taken = (np.empty((self.number, len(predicted), self.classes), np.float32) for _ in range(2))
        for trial, row in enumerate(predicted):
            taken[:, trial] = _table(units, row, self.number, self.classes)
            hits[:, trial] = _table(units[right[trial]], row[right[trial]], self.number, self.classes)
        return hits, taken

    def draw(self, rng: np.random.Generator, size: int) -> Float32:
        """How often each unit is drawn in each of ``size`` resamples, (size, U); in none is a class lost."""
        present = self.support.sum(axis=0) > 0
        held = (self.support[:, present] > 0).astype(np.float32)
        times = self._draw(rng, size)
        for _ in range(_TRIES):
            if not len(lost := np.flatnonzero(((times @ held) == 0).any(axis=1))):
                return times
            times[lost] = self._draw(rng, len(lost))
        times[((times @ held) == 0).any(axis=1)] = 1
        return times

    def _draw(self, rng: np.random.Generator, size: int) -> Float32:
        drawn = []
        for units in self._units[1]:
            fewer = max(1, units - 1)
            chosen = rng.integers(0, units, (size, fewer)) + np.arange(size)[:, None] * units
            drawn.append(np.bincount(chosen.ravel(), minlength=size * units).reshape(size, units))
        return np.concatenate(drawn, axis=1).astype(np.float32)

    def total(self, times: Float32, tables: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Sums of counts over drawn units, (B, ...), stratum by stratum: exact in float32, whatever the order.

        Args:
            times: (B, U), of ``draw``.
            tables: (U, ...) whole numbers.
        """
        flat = tables.reshape(len(tables), -1).astype(np.float32)
        found = np.zeros((len(times), flat.shape[1]))
        first = 0
        for units in self._units[1]:
            rows = slice(first, first + units)
            found += (times[:, rows] @ flat[rows]) * (units / max(1, units - 1))
            first += units
        return found.reshape(len(times), *tables.shape[1:])

    def by_patch(self, times: Float32) -> Float32:
        """What each patch counts in each resample, (B, N)."""
        factors = np.concatenate([np.full(units, units / max(1, units - 1), np.float32) for units in self._units[1]])
        weights: Float32 = (times * factors)[:, self._units[0]]
        return weights

    @cached_property
    def effective(self) -> npt.NDArray[np.float64]:
        """The effective number of units of each class, (K,); 0 without patches."""
        squares = np.square(self.support, dtype=np.float64).sum(axis=0)
        found: npt.NDArray[np.float64] = np.square(self.support.sum(axis=0), dtype=np.float64) / np.maximum(squares, 1)
        return found

    def degrees(self, metric: Metric) -> float:
        """Degrees of freedom of a metric's variance between units."""
        if metric.class_index is not None:
            return max(1.0, float(self.effective[metric.class_index]) - 1)
        together = 1 / float(np.square(self._shares(metric)).sum()) - 1
        if metric == ACCURACY:
            return max(1.0, together)
        known = self.effective[self.effective > 0]
        variances = 1 / known
        apart = variances.sum() ** 2 / (variances**2 / np.maximum(known - 1, 1)).sum()
        return max(1.0, min(together, float(apart)))

    def left(self, metric: Metric) -> float:
        """The share of the variance between units that resamples of a metric have on average; 1 of equal units."""
        together = self._left_of(self._shares(metric))
        if metric.class_index is not None or metric == ACCURACY:
            return together
        known = np.flatnonzero(self.effective > 0)
        found = [self._left_of(self.support[:, k] / self.support[:, k].sum()) for k in known]
        return min(together, float(np.average(found, weights=1 / self.effective[known])))

    def _shares(self, metric: Metric) -> npt.NDArray[np.float64]:
        """What each unit counts in a metric, (U,), adding up to 1: in one over classes each class counts alike."""
        if metric.class_index is not None:
            of_class = self.support[:, metric.class_index].astype(np.float64)
            return np.asarray(of_class / max(1.0, of_class.sum()))
        if metric == ACCURACY:
            return np.asarray(self.support.sum(axis=1) / len(self.labels))
        known = self.support[:, self.effective > 0]
        return np.asarray((known / known.sum(axis=0)).mean(axis=1))

    def _left_of(self, part: npt.NDArray[np.float64]) -> float:
        """The same of what units count (U,), adding up to 1 or, without patches, 0: each has an effect of its own."""
        squares = float(np.square(part).sum())
        found, first = 0.0, 0
        for units in self._units[1]:
            w = part[first : first + units]
            first += units
            own = float((w**2 * (1 - 2 * w + squares)).sum())
            joint = float((w**2).sum()) * (1 - 2 * float(w.sum())) + squares * float(w.sum()) ** 2
            found += (own - joint / units) * units / max(1, units - 1)
        return max(_LEAST, min(1.0, found / squares)) if squares else 1.0

    def stretch(self, metric: Metric) -> float:
        """By what resamples of a metric lie farther from what was observed than as drawn."""
        from scipy.special import ndtri, stdtrit  # noqa: PLC0415  (a fifth of a second, that most do without)

        quantile = float(stdtrit(self.degrees(metric), 1 - LEVEL / 2) / ndtri(1 - LEVEL / 2))
        return quantile / float(np.sqrt(self.left(metric)))


def _table(
    places: npt.NDArray[np.int64], labels: npt.NDArray[np.uint8], number: int, classes: int
) -> npt.NDArray[np.int64]:
    """How often each label comes at each place, (number, classes)."""
    counts = np.bincount(places * classes + labels, minlength=number * classes)
    return counts.reshape(number, classes).astype(np.int64)


def clusters_of(labels: npt.NDArray[np.uint8], groups: Groups | None, classes: int) -> Clusters | None:
    """Return how patches are drawn by group; None where no groups are known, or all patches are of one.

    Args:
        labels: (N,) of the patches.
        groups: theirs.
        classes: K.
    """
    return None if groups is None or len(groups) < 2 else Clusters(labels=labels, groups=groups, classes=classes)

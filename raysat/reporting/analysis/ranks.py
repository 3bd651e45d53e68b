"""Arms by their ranks on several data sets: whether they differ at all, and which mean ranks lie too far apart.

Friedman's test in the form of Iman and Davenport (1980), and Nemenyi's critical difference of mean ranks, as Demsar
(JMLR 7, 2006) compares classifiers over data sets. Both count data sets alone: how large a difference is plays no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raysat.metrics.power import LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRanks:
    """The mean rank of each arm, the best first."""

    arms: tuple[str, ...]
    ranks: tuple[float, ...]  # 1 is the best
    p: float | None  # of Friedman's test; None with one data set or two arms
    critical: float | None  # mean ranks that lie less apart are not told apart at 5 %; None likewise
    n: int  # data sets

    def alike(self) -> tuple[tuple[str, ...], ...]:
        """Groups of neighbours, as large as can be, that lie less than the critical difference apart."""
        if self.critical is None:
            return ()
        groups: list[tuple[int, int]] = []
        for first in range(len(self.arms)):
            last = first
            while last + 1 < len(self.arms) and self.ranks[last + 1] - self.ranks[first] < self.critical:
                last += 1
            if last > first and (not groups or last > groups[-1][1]):
                groups.append((first, last))
        return tuple(self.arms[first : last + 1] for first, last in groups)


def mean_ranks(arms: Sequence[str], values: npt.ArrayLike, *, lower_is_better: bool = False) -> MeanRanks:
    """Rank arms on each data set; ties share the mean of their ranks.

    Args:
        arms: A of them.
        values: (K, A) of each arm on each data set, all finite.
        lower_is_better: whether the smallest value has rank 1.

    Returns:
        Their mean ranks over the K data sets.
    """
    from scipy.stats import f, rankdata, studentized_range  # noqa: PLC0415  (half a second, that most commands do without)

    table = np.asarray(values, np.float64)
    n, k = table.shape
    ranks = rankdata(table if lower_is_better else -table, axis=1)
    means = ranks.mean(axis=0)
    order = np.argsort(means, kind="stable")
    p = critical = None
    if n > 1 and k > 2:
        critical = float(studentized_range.ppf(1 - LEVEL, k, np.inf)) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n))
        # With ties, the ranks' own variance in place of that of 1 to k.
        between, within = n * np.square(means - (k + 1) / 2).sum(), np.square(ranks - (k + 1) / 2).sum() / (n * (k - 1))
        chi2 = float(between / within) if within > 0 else 0.0
        rest = n * (k - 1) - chi2
        p = 0.0 if rest <= 0 else float(f.sf((n - 1) * chi2 / rest, k - 1, (k - 1) * (n - 1)))
    return MeanRanks(
        arms=tuple(arms[i] for i in order),
        ranks=tuple(float(means[i]) for i in order),
        p=p,
        critical=None if critical is None else float(critical),
        n=n,
    )

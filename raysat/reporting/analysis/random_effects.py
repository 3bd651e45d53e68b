"""The mean of an effect over data sets that differ: random effects, as a meta-analysis combines studies.

Data set k has an effect d_k with standard error s_k. Effects of data sets spread around their mean with variance tau2:

    w_k = 1 / (s_k^2 + tau2),  mean = sum w_k d_k / sum w_k

tau2 is where sum w_k (d_k - mean)^2 = K - 1, or 0 where that is below at 0 (Paule & Mandel 1982). The interval is
Student's with K - 1 degrees of freedom around the mean, its standard error from how effects spread (Hartung & Knapp
2001; Sidik & Jonkman 2002), and never smaller than what s_k and tau2 alone would give (as Roever et al. 2015 advise,
for few data sets that agree by chance). A further data set's own effect lies in the prediction interval (IntHout et al.
2016), which covers too rarely where few data sets hardly differ (Partlett & Riley 2017; the tests simulate it). I2 is
the share of the spread of effects that is not chance within data sets (Higgins & Thompson 2002).

Where two arms do the same on all seeds and patches of a data set, as two that learned nothing there, s_k is 0 and says
nothing of how sure that is: the data set would alone decide the mean. It counts as the least sure of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.power import LEVEL

_LEAST_ERROR: Final = 1e-6  # of an effect; below it nothing varied
_HALVINGS: Final = 200  # of the range in which tau2 is looked for

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """An effect over K data sets; intervals are of 95 %."""

    value: float
    low: float | None  # None with one data set
    high: float | None
    p: float | None  # two-sided, of Hartung and Knapp's t; None with one data set
    predicted: tuple[float, float] | None  # where the effect on a further data set lies; None with fewer than three
    tau: float  # standard deviation of effects between data sets
    i2: float  # in [0, 1]
    q_p: float | None  # Cochran's test that all data sets have one effect; None with one data set
    n: int  # data sets

    @property
    def excludes_zero(self) -> bool:
        """Whether its interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def pool(effects: Sequence[float], errors: Sequence[float]) -> Pooled:
    """Combine the effects of data sets.

    Args:
        effects: (K,) of each data set.
        errors: (K,) their standard errors, all finite.

    Returns:
        Their mean, how they spread, and how surely.

    Raises:
        ValueError: there is no data set, or as many errors as effects.
    """
    from scipy.stats import chi2, t  # noqa: PLC0415  (half a second, that most commands do without)

    d, s = np.asarray(effects, np.float64), np.maximum(np.asarray(errors, np.float64), _LEAST_ERROR)
    variances = np.square(np.where(s > _LEAST_ERROR, s, s.max(initial=_LEAST_ERROR)))
    k = len(d)
    if not k or variances.shape != d.shape:
        raise ValueError("give a standard error for each effect, of one data set at least")
    if k == 1:
        return Pooled(value=float(d[0]), low=None, high=None, p=None, predicted=None, tau=0.0, i2=0.0, q_p=None, n=1)
    q = _q(d, variances, 0.0)
    tau2 = paule_mandel(d, variances)
    weights = 1 / (variances + tau2)
    mean = float(weights @ d / weights.sum())
    spread = max(1.0, float(weights @ np.square(d - mean)) / (k - 1))
    error = float(np.sqrt(spread / weights.sum()))
    reach = float(t.ppf(1 - LEVEL / 2, k - 1)) * error
    predicted = None
    if k > 2:
        further = float(t.ppf(1 - LEVEL / 2, k - 1)) * float(np.sqrt(tau2 + error**2))
        predicted = (mean - further, mean + further)
    return Pooled(
        value=mean,
        low=mean - reach,
        high=mean + reach,
        p=float(2 * t.sf(abs(mean) / error, k - 1)),
        predicted=predicted,
        tau=float(np.sqrt(tau2)),
        i2=max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0,
        q_p=float(chi2.sf(q, k - 1)),
        n=k,
    )


def paule_mandel(effects: Floats, variances: Floats) -> float:
    """The variance of effects between data sets, of effects (K,) with variances (K,): at least 0."""
    degrees = len(effects) - 1
    if _q(effects, variances, 0.0) <= degrees:
        return 0.0
    low, high = 0.0, float(np.square(effects - effects.mean()).sum())  # at the sum of squares Q is below K - 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _q(effects, variances, middle) > degrees:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _q(effects: Floats, variances: Floats, tau2: float) -> float:
    """Cochran's Q, with this variance between data sets; it falls as that grows."""
    weights = 1 / (variances + tau2)
    return float(weights @ np.square(effects - weights @ effects / weights.sum()))

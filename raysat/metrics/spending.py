"""How strictly each of several looks at growing data tests, so that all of them together err in at most 5 %.

Alpha spending (Lan & DeMets 1983): by the time that n of at most N seeds are there, a function of n / N says how much
of the level may be spent; what a look adds to that is the chance, without an effect, to cross its boundary first there.
When to look is laid down before anything is seen (``look_sizes``), by numbers of seeds alone.

Boundaries of normal statistics would let some 5.3 % through, as the standard deviation of few seeds is estimated: these
are of Student's t itself. Let r_n = sum / sqrt(n * sum of squares) of n paired differences, which is t by another name:
t = r sqrt((n - 1) / (1 - r^2)). Without an effect r is independent of the sum of squares (Basu 1955), so the r of
successive looks are a Markov chain, whatever the standard deviation. b seeds more make of it

    r' = r sqrt(n / n') sqrt(1 - G) cos(a) + sqrt(b / n') sin(a),    n' = n + b,
    G ~ Beta((b - 1) / 2, n / 2),   a with density proportional to cos(a)^(n' - 2), independent of G

since n' normal numbers have a direction that is uniform on the sphere. The chain is followed on a grid, as Armitage,
McPherson & Rowe 1969 follow the normal one, which is its limit for many seeds; exact for normal differences. Where test
patches have a part in the standard error, which further seeds do not lessen, looks are more alike than these, so that
the boundaries are on the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.power import LEVEL

Floats = npt.NDArray[np.floating[Any]]
Spending = Callable[[float, float], float]  # level and share of the seeds -> level spent by then

QUADRATIC_IN_WORDS: Final = "alpha spending by the square of the share of seeds, of Student's t"
MOST_LOOKS: Final = 20
LEAST_BLOCK: Final = 2  # seeds: one difference has no spread
_CELLS: Final = 160  # of the grid, over |z| from 0 to _FAR
_FAR: Final = 8.0  # beyond it is a two-sided p of 1e-15
_NODES: Final = 48  # of the quadrature over the angle
_LEAST_P: Final = 1e-14  # a level below it is none


def quadratic(level: float, share: float) -> float:
    """Return the level spent by a share of the seeds: level * share^2 (Kim & DeMets 1987), between the other two.

    It leaves most of the level to the last looks, where most seeds are, and still lets large effects end early.
    """
    return level * share**2


def obrien_fleming(level: float, share: float) -> float:
    """Spend nearly nothing early: 4 - 4 Phi(z_(level/4) / sqrt(share)), two-sided (Lan & DeMets 1983)."""
    from scipy.special import ndtr, ndtri  # noqa: PLC0415  (a fifth of a second that most commands do without)

    return float(4 * ndtr(ndtri(level / 4) / math.sqrt(share)))


def pocock(level: float, share: float) -> float:
    """Spend as for equal boundaries: level * ln(1 + (e - 1) * share) (Lan & DeMets 1983)."""
    return level * math.log1p((math.e - 1) * share)


def look_sizes(block: int, most: int) -> tuple[int, ...]:
    """Return the seeds at each look: multiples of a block, the last with what is left over beside it.

    Args:
        block: seeds that the study has; at least two are added at a time, and no more than ``MOST_LOOKS`` times.
        most: seeds at the last look.

    Returns:
        Ascending numbers of seeds; none where ``most`` is less than a block.
    """
    step = max(block, LEAST_BLOCK, math.ceil(most / MOST_LOOKS))
    looks = most // step
    return (*(step * k for k in range(1, looks)), most) if looks else ()


class Schedule:
    """Looks at growing numbers of seeds, and how strictly each tests."""

    def __init__(self, sizes: Sequence[int], spending: Spending = quadratic) -> None:
        """Lay the looks down.

        Args:
            sizes: seeds at each look, ascending, two or more at the first and from one to the next.
            spending: how much of a level is spent by a share of the seeds.
        """
        self.sizes = tuple(sizes)
        self._spending = spending
        self._edges = np.linspace(0, _FAR, _CELLS + 1)

    def levels(self, level: float = LEVEL) -> Floats:
        """Return how small the two-sided p of t must be at each look, (K,), to err in ``level`` over all of them."""
        from scipy.special import ndtr  # noqa: PLC0415  (as above)

        spent = [self._spending(level, size / self.sizes[-1]) for size in self.sizes]
        wanted = np.diff([0.0, *spent])
        z = np.full(len(self.sizes), np.inf)
        mass = self._first
        for k, share in enumerate(wanted):
            beyond = self._beyond[0] if k == 0 else mass @ self._beyond[k]  # (C + 1,) chance to be further out
            seen = beyond > _LEAST_P
            if seen.any() and share > max(_LEAST_P, beyond[seen][-1]):
                z[k] = np.interp(-math.log(share), -np.log(beyond[seen]), self._edges[seen])
            mass = _cut(-np.diff(beyond), self._edges, z[k])
        return np.asarray(2 * ndtr(-z))

    def sequential_p(self, p: Sequence[float]) -> float:
        """Return the level at which the looks so far end the test: a p-value that holds whenever one stops.

        Liu & Anderson 2008: the smallest level at whose boundaries a look has crossed. It never grows from look to
        look, and without an effect is at most x with a chance of at most x, over all looks. So Holm's correction of
        several such holds, too.

        Args:
            p: two-sided, of t at each look so far.
        """

        def crossed(log_level: float) -> bool:
            return bool((np.asarray(p) <= self.levels(math.exp(log_level))[: len(p)]).any())

        low, high = math.log(_LEAST_P), 0.0
        if not len(p) or not crossed(high):
            return 1.0
        if crossed(low):
            return _LEAST_P
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (low, middle) if crossed(middle) else (middle, high)
        return math.exp(high)

    @cached_property
    def _first(self) -> Floats:
        """The chance of each cell at the first look, whatever the number of seeds: cells are of z."""
        return np.asarray(-np.diff(self._beyond[0]))

    @cached_property
    def _beyond(self) -> list[Floats]:
        """The chance to be further out than each edge: at the first look (C + 1,), then by the cell before, too."""
        from scipy.special import ndtr  # noqa: PLC0415  (as above)

        first: Floats = 2 * ndtr(-self._edges)
        return [first, *(_transition(*step) for step in pairwise(self.sizes))]


def _cut(mass: Floats, edges: Floats, z: float) -> Floats:
    """The mass (C,) of cells within a boundary; of the cell that it cuts, what lies inside, around the same mean."""
    if z >= edges[-1]:
        return mass
    cut = int(np.searchsorted(edges, z, side="right")) - 1
    kept = np.where(np.arange(len(mass)) < cut, mass, 0.0)
    width = edges[1] - edges[0]
    inside = (z - edges[cut]) / width
    outer = mass[cut] * inside
    shift = (1 - inside) / 2  # cells by which the mean of what is inside lies nearer to 0 than the cell's
    kept[cut] += outer * (1 - shift)
    kept[max(0, cut - 1)] += outer * shift
    return kept


@lru_cache(maxsize=64)
def _transition(n: int, more: int) -> Floats:
    """The chance, from the middle of each cell at n seeds, to be beyond each edge at ``more``, (C, C + 1).

    Over the angle a, of the chance that G leaves r' beyond the edge, on either side; nodes are close at the ends of the
    angles that can, where that chance begins like a root.
    """
    from scipy.special import betainc, gammaln  # noqa: PLC0415  (as above)

    b = more - n
    edges = np.linspace(0, _FAR, _CELLS + 1)
    inward = _r((edges[1:] + edges[:-1]) / 2, n)[:, None] * math.sqrt(n / more)  # (C, 1): a factor of cos(a)
    along = math.sqrt(b / more)  # a factor of sin(a)
    limit = _r(edges, more)  # (C + 1,)
    most = np.hypot(inward, along)
    can = limit < most
    width, peak = np.arccos(np.minimum(1, limit / most)), np.arctan2(along, inward)
    far = float(np.arcsin(_r(np.array(_FAR + 1), more)))
    low, high = np.clip(peak - width, -far, far), np.clip(peak + width, -far, far)
    scale = gammaln(more / 2) - gammaln((more - 1) / 2) - math.log(math.pi) / 2
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    beyond = np.zeros((_CELLS, _CELLS + 1))
    for node, weight in zip(nodes, weights, strict=True):
        half = (high - low) / 2
        a = (high + low) / 2 + half * math.sin(math.pi / 2 * node)
        short = limit - along * np.sin(a)  # what r must bring
        cosine = np.maximum(np.cos(a), 1e-300)
        chance = betainc((b - 1) / 2, n / 2, np.clip(1 - (short / (inward * cosine)) ** 2, 0, 1))
        chance = np.where(short < 0, 2 - chance, chance)  # from -r, too
        density = np.exp(scale + (more - 2) * np.log(cosine))
        beyond += weight * half * math.pi / 2 * math.cos(math.pi / 2 * node) * chance * density
    return np.where(can, beyond, 0.0)


def _r(z: Floats, n: int) -> Floats:
    """The r of n differences whose t has the two-sided p of a normal z."""
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415  (as above)

    t = -stdtrit(n - 1, ndtr(-z))
    return np.asarray(t / np.sqrt(t**2 + (n - 1)))

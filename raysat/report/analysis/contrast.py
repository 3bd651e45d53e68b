"""Contrasts: weighted sums of arms, such as one minus another, or the mean of some minus that of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raysat.report.analysis.significance import EPSILON


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of arms; those whose weight is zero take no part."""

    weights: Mapping[str, float]  # arm -> weight

    @classmethod
    def mean(cls, arms: Sequence[str]) -> Contrast:
        """The mean of some arms; of one arm, itself."""
        return cls(dict.fromkeys(arms, 1.0 / len(arms)))

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that take part."""
        return tuple(self.weights)

    def __add__(self, other: Contrast) -> Contrast:
        """The sum of both; where nothing is left of it, one arm by the weight 0."""
        total = dict(self.weights)
        for arm, weight in other.weights.items():
            total[arm] = total.get(arm, 0.0) + weight
        left = {arm: weight for arm, weight in total.items() if abs(weight) > EPSILON}
        return Contrast(left or {next(iter(total)): 0.0})

    def __sub__(self, other: Contrast) -> Contrast:
        """The difference of both."""
        return self + other * -1

    def __mul__(self, factor: float) -> Contrast:
        """The contrast with every weight multiplied."""
        return Contrast({arm: factor * weight for arm, weight in self.weights.items()})

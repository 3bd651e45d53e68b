"""What a study can see before anything is trained: power, seeds needed and cost for each metric and difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL, Metric
from raysat.metrics.power import seeds_needed
from raysat.reporting.analysis.patch_variance import Behaviour, TestPatches, largest_effect, spread_of
from raysat.reporting.analysis.sample_size import POWER, Spread, power, seeds_to_show

if TYPE_CHECKING:
    from raysat.reporting.analysis.pilot import Pilot

EFFECTS: Final = (0.02, 0.05, 0.1)  # differences worth knowing of, where none are asked for
COMMON_RECALL: Final = 0.85  # assumed of the class with most patches
RARE_RECALL: Final = 0.5  # and of that with fewest; others lie between, by the logarithm of their patches
DISCORDANCE: Final = 0.2  # assumed share of a class's patches that only one of two arms gets right
PERSISTENCE: Final = 0.3  # assumed share of its variance that comes again with every seed
SEED_SD: Final = 0.03  # assumed of a difference of recalls over seeds, on patches without end
_STEPS: Final = 40  # of bisection
_MORE_SEEDS: Final = 30  # that the figure reaches to, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A study that is to be planned."""

    classes: tuple[str, ...]
    patches: TestPatches
    groups: int | None = None  # that the patches lie in; None where they are taken as independent
    seeds: int
    arms: int
    images: int | None = None  # that one trial passes through a model; None where that is not known
    rate: float | None = None  # images a second
    other_data: bool = False  # whether arms are known from other data than the patches'

    @property
    def comparisons(self) -> int:
        """With the baseline."""
        return self.arms - 1

    @property
    def rarest(self) -> int:
        """The class with the fewest test patches, of those that have any; the last of equal ones."""
        present = [k for k, size in enumerate(self.patches.sizes) if size]
        return min(reversed(present), key=lambda k: self.patches.sizes[k])

    def cost(self, seeds: int) -> int | None:
        """Images that all trials pass, each trained alone."""
        return None if self.images is None else self.images * self.arms * seeds

    def hours(self, seeds: int) -> float | None:
        """What that takes, one trial at a time."""
        cost = self.cost(seeds)
        return None if cost is None or self.rate is None else cost / self.rate / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """One difference in one metric."""

    effect: float
    possible: bool  # whether there is room for so large an improvement
    power: float  # with the design's seeds
    seeds: int | None  # for the wanted power; None where no number, or too large a one, is enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """What can be seen in one metric."""

    metric: Metric
    spread: Spread  # of a difference that is not there
    baseline: float  # its value at the recalls that are assumed or measured
    smallest: float | None  # that is seen with the wanted power; None where there is no room for it
    endless: float | None  # the same with seeds without end: the limit that these patches set
    chances: tuple[Chance, ...]


@dataclass(frozen=True, kw_only=True)  # without slots: what is computed is kept
class StudyPower:
    """What a design can see, at what arms are assumed or known to do."""

    design: Design
    behaviour: Behaviour
    effects: tuple[float, ...]
    wanted: float = POWER
    pilot: Pilot | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those that are planned for."""
        return BALANCED_ACCURACY, ICV, RECALL.of_class(self.design.rarest)

    def power(self, metric: Metric, effect: float, seeds: int) -> float:
        """Return the chance that the report sees an improvement; 0 of one that there is no room for.

        Args:
            metric: one of ``metrics``.
            effect: the improvement.
            seeds: of every arm.
        """
        if effect > largest_effect(metric, self.behaviour, self.design.patches):
            return 0.0
        return power(effect, self._spread(metric, effect), seeds, self.design.comparisons)

    @cached_property
    def visible(self) -> tuple[Visible, ...]:
        """What can be seen in each metric."""
        return tuple(map(self._visible, self.metrics))

    @cached_property
    def seed_axis(self) -> tuple[int, ...]:
        """Numbers of seeds that a figure shows: twice the design's, or some more."""
        return tuple(range(2, max(_MORE_SEEDS, 2 * self.design.seeds) + 1))

    def _spread(self, metric: Metric, effect: float) -> Spread:
        return spread_of(metric, effect, self.behaviour, self.design.patches)

    def _visible(self, metric: Metric) -> Visible:
        largest = largest_effect(metric, self.behaviour, self.design.patches)
        if metric == ICV:
            baseline = largest
        elif metric == BALANCED_ACCURACY:
            present = np.asarray(self.design.patches.sizes) > 0
            baseline = float(np.asarray(self.behaviour.recall)[present].mean())
        else:
            baseline = self.behaviour.recall[self.design.rarest]
        return Visible(
            metric=metric,
            spread=self._spread(metric, 0.0),
            baseline=baseline,
            smallest=self._smallest(metric, largest, self.design.seeds),
            endless=self._smallest(metric, largest, None),
            chances=tuple(self._chance(metric, effect, largest) for effect in self.effects),
        )

    def _chance(self, metric: Metric, effect: float, largest: float) -> Chance:
        if effect > largest:
            return Chance(effect=effect, possible=False, power=0.0, seeds=None)
        spread, comparisons = self._spread(metric, effect), self.design.comparisons
        return Chance(
            effect=effect,
            possible=True,
            power=power(effect, spread, self.design.seeds, comparisons),
            seeds=seeds_to_show(effect, spread, comparisons, wanted=self.wanted),
        )

    def _smallest(self, metric: Metric, largest: float, seeds: int | None) -> float | None:
        """The smallest improvement that is seen with so many seeds, or without end; None where there is no room."""

        def seen(effect: float) -> float:
            spread = self._spread(metric, effect)
            if seeds is None:
                spread, n = replace(spread, seeds=0.0), seeds_needed(self.design.comparisons)
            else:
                n = seeds
            return power(effect, spread, n, self.design.comparisons)

        low, high = 0.0, largest
        if high <= 0 or seen(high) < self.wanted:
            return None
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if seen(middle) >= self.wanted else (middle, high)
        return high


def assumed(sizes: Sequence[int], *, recall: Sequence[float] = (), **given: float) -> Behaviour:
    """Return what arms are taken to do where nothing is known of them.

    Args:
        sizes: test patches of each class.
        recall: of the baseline: by class, or one for all; by default the more, the more patches a class has.
        given: ``discordance``, ``persistence``, ``seed_sd`` and ``correlation`` in place of the usual ones.
    """
    k = len(sizes)
    if recall:
        recalls = tuple(recall) * (k if len(recall) == 1 else 1)
    else:
        present = [size for size in sizes if size]
        low, high = math.log(min(present)), math.log(max(present))
        part = [(math.log(max(size, 1)) - low) / (high - low) if high > low else 1.0 for size in sizes]
        recalls = tuple(RARE_RECALL + (COMMON_RECALL - RARE_RECALL) * min(1.0, max(0.0, each)) for each in part)
    return Behaviour(
        recall=recalls,
        discordance=(given.get("discordance", DISCORDANCE),) * k,
        persistence=(given.get("persistence", PERSISTENCE),) * k,
        seed_sd=(given.get("seed_sd", SEED_SD),) * k,
        correlation=given.get("correlation", 0.0),
    )

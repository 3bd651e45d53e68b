"""What a study can see before anything is trained: power, seeds needed and cost for each metric and difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL, Metric
from raysat.metrics.power import seeds_needed
from raysat.reporting.analysis.drawn_studies import STUDIES, drawn_power
from raysat.reporting.analysis.patch_variance import Behaviour, TestPatches, largest_effect, paired_recalls, spread_of
from raysat.reporting.analysis.sample_size import MOST_SEEDS, POWER, Spread, power, seeds_to_show

if TYPE_CHECKING:
    from raysat.reporting.analysis.pilot import Pilot

EFFECTS: Final = (0.02, 0.05, 0.1)  # differences worth knowing of, where none are asked for
COMMON_RECALL: Final = 0.85  # assumed of the class with most patches
RARE_RECALL: Final = 0.5  # and of that with fewest; others lie between, by the logarithm of their patches
DISCORDANCE: Final = 0.2  # assumed share of a class's patches that only one of two arms gets right
PERSISTENCE: Final = 0.3  # assumed share of its variance that comes again with every seed
SEED_SD: Final = 0.03  # assumed of a difference of recalls over seeds, on patches without end
_CLOSELY: Final = 16_000  # studies drawn for a power that is told
_STEPS: Final = 5  # of bisection, from a first guess: to within 1 %
_MORE_SEEDS: Final = 30  # that the figure reaches to, at least
_ALL_SEEDS: Final = 12  # up to which the figure has each number: the test's steps make power jump


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
        return self._seen(metric, effect, seeds)

    @cached_property
    def smallest(self) -> tuple[float | None, ...]:
        """The smallest improvement of each metric that is seen with the wanted power; None where there is no room."""
        largest = (largest_effect(metric, self.behaviour, self.design.patches) for metric in self.metrics)
        return tuple(
            self._smallest(metric, most, self.design.seeds) for metric, most in zip(self.metrics, largest, strict=True)
        )

    @cached_property
    def visible(self) -> tuple[Visible, ...]:
        """What can be seen in each metric."""
        return tuple(map(self._visible, self.metrics))

    @cached_property
    def seed_axis(self) -> tuple[int, ...]:
        """Numbers of seeds that a figure shows, up to twice the design's or some more."""
        end = max(_MORE_SEEDS, 2 * self.design.seeds)
        more = np.linspace(_ALL_SEEDS, end, 8).round().astype(int).tolist()
        return tuple(sorted({*range(2, _ALL_SEEDS + 1), *more, self.design.seeds} - {1}))

    def _seen(self, metric: Metric, effect: float, seeds: int | None, studies: int = STUDIES) -> float:
        """The chance to see an effect that there is room for; of seeds without end where they are None."""
        pair = paired_recalls(metric, effect, self.behaviour, self.design.patches)
        return drawn_power(pair, seeds, self.design.comparisons, studies=studies)

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
            baseline=baseline,
            smallest=self.smallest[self.metrics.index(metric)],
            endless=self._smallest(metric, largest, None),
            chances=tuple(self._chance(metric, effect, largest) for effect in self.effects),
        )

    def _chance(self, metric: Metric, effect: float, largest: float) -> Chance:
        if effect > largest:
            return Chance(effect=effect, possible=False, power=0.0, seeds=None)
        return Chance(
            effect=effect,
            possible=True,
            power=self._seen(metric, effect, self.design.seeds, _CLOSELY),
            seeds=self._seeds(metric, effect),
        )

    def _seeds(self, metric: Metric, effect: float) -> int | None:
        """The fewest seeds with the wanted power; None for too many, or where no number is enough."""
        if self._seen(metric, effect, None) <= self.wanted:
            return None
        spread, comparisons = spread_of(metric, effect, self.behaviour, self.design.patches), self.design.comparisons
        least = max(2, seeds_needed(comparisons))
        high = seeds_to_show(effect, spread, comparisons, wanted=self.wanted) or 2 * least
        low = least - 1  # too few
        while self._seen(metric, effect, high) < self.wanted:
            low, high = high, high + max(1, high // 4)
            if high > MOST_SEEDS:
                return None
        step = max(1, high // 8)
        while high - low > 1:
            middle = max(low + 1, high - step)
            if self._seen(metric, effect, middle) >= self.wanted:
                high, step = middle, 2 * step
            else:
                low, step = middle, max(1, (high - middle) // 2)
        return high

    def _smallest(self, metric: Metric, largest: float, seeds: int | None) -> float | None:
        """The smallest improvement that is seen with so many seeds, or without end; None where there is no room."""

        def seen(effect: float) -> bool:
            return self._seen(metric, effect, seeds) >= self.wanted

        if largest <= 0 or not seen(largest):
            return None
        low, high = 0.0, largest
        guess = self._guess(metric, largest, seeds)
        for factor in (1.0, 0.8, 1.25, 0.5, 2.0):  # narrows what is left to search
            effect = factor * guess
            if low < effect < high:
                low, high = (low, effect) if seen(effect) else (effect, high)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if seen(middle) else (middle, high)
        return high

    def _guess(self, metric: Metric, largest: float, seeds: int | None) -> float:
        """About the same, with one spread for all studies."""
        low, high = 0.0, largest
        for _ in range(3 * _STEPS):
            middle = (low + high) / 2
            spread = spread_of(metric, middle, self.behaviour, self.design.patches)
            if seeds is None:
                found = power(middle, Spread(0.0, spread.patches), MOST_SEEDS)
            else:
                found = power(middle, spread, seeds, self.design.comparisons)
            low, high = (low, middle) if found >= self.wanted else (middle, high)
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

"""Draws candidates with Optuna, through Ray Tune's OptunaSearch, one axis after the other.

Candidate n is drawn by a sampler of its own, seeded with the search's seed and n: a search that was interrupted goes on
as if it had not been, and a random candidate does not depend on how many run at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, assert_never

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search.optuna import OptunaSearch

from raysat.search.load import Random, Search, Tpe
from raysat.search.log import Candidate
from raysat.search.space import Axis, Choice, Drawn, Uniform, Whole

_METRIC: Final = "objective"
_STUDY: Final = "search"
_PATIENCE: Final = 10  # attempts of a sampler that learns: over choices alone it may propose the same ever again
_LISTED_FROM: Final = 30  # attempts, some random, after which the configurations of a finite space are gone through
_MOST: Final = 1000  # attempts in a space that cannot be gone through
_CELLS: Final = 10_000  # configurations of a space that is still gone through


class _Numbered(BaseSampler):
    """A sampler that is made anew for every candidate."""

    def __init__(self, rule: Tpe | Random) -> None:
        self._rule = rule
        self.begin(0, 0)

    def begin(self, number: int, attempt: int) -> None:
        """Be the sampler of an attempt at a candidate from now on."""
        seed = int(np.random.SeedSequence([self._rule.seed, number, attempt]).generate_state(1)[0])
        match self._rule:
            case Tpe(startup=startup) if attempt < _PATIENCE:
                # Each axis on its own: the joint estimate cannot leave axes out that do not apply.
                self._sampler: BaseSampler = TPESampler(seed=seed, n_startup_trials=startup, multivariate=False)
            case Tpe() | Random():
                self._sampler = RandomSampler(seed=seed)
            case _:
                assert_never(self._rule)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._sampler.after_trial(study, trial, state, values)


class Drawer:
    """Draws candidates, and learns what became of them."""

    def __init__(self, search: Search) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._search = search
        self._sampler = _Numbered(search.rules.sampler)
        storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(storage=storage, study_name=_STUDY, direction="maximize")
        self._optuna = OptunaSearch(
            self._define, metric=_METRIC, mode="max", sampler=self._sampler, storage=storage, study_name=_STUDY
        )
        self._open: dict[int, str] = {}  # candidates that are drawn and have not ended: their ids in OptunaSearch
        self._cells = _cells(search)
        self._old: set[int] = set()  # positions of cells that are known to be tried

    def draw(self, number: int, attempt: int = 0) -> dict[str, Drawn]:
        """Draw a candidate; another ``attempt`` forgets the one before and draws another."""
        if number in self._open:
            self._optuna.on_trial_complete(self._open[number], error=True)
        self._sampler.begin(number, attempt)
        self._open[number] = f"{number}.{attempt}"
        drawn: dict[str, Drawn] = self._optuna.suggest(self._open[number])
        return drawn

    def draw_new(self, number: int, is_new: Callable[[Mapping[str, Drawn]], bool]) -> dict[str, Drawn] | None:
        """Draw a candidate that is new; None where there is none any more.

        First as the sampler has it, then at random; a finite space is gone through at last, so that it counts as
        exhausted only where all of it was tried.
        """
        for attempt in range(_MOST if self._cells is None else _LISTED_FROM):
            drawn = self.draw(number, attempt)
            if is_new(drawn):
                return drawn
        self.forget(number)
        order = np.random.default_rng([self._search.rules.sampler.seed, number]).permutation(len(self._cells or ()))
        for position in map(int, order):
            cell = (self._cells or ())[position]
            if position not in self._old and is_new(cell):
                return self._fixed(number, cell, attempt=_MOST)
            self._old.add(position)
        return None

    def take(self, candidate: Candidate) -> None:
        """Take a candidate as if it had been drawn: the base, or one that was drawn before an interruption."""
        if candidate.drawn is not None:
            self._fixed(candidate.number, candidate.drawn)

    def forget(self, number: int) -> None:
        """A drawn candidate is not used."""
        self._optuna.on_trial_complete(self._open.pop(number), error=True)

    def learn(self, candidate: Candidate) -> None:
        """Learn what became of a candidate; one that failed counts as worse than any that was stopped."""
        value = candidate.val.balanced_accuracy if candidate.val else None
        curve = dict(enumerate(candidate.curve, start=1)) if candidate.state == "stopped" else {}
        drawn = self._open.pop(candidate.number, None)
        if drawn is not None:
            for epoch, score in curve.items():
                self._optuna.on_trial_result(drawn, {_METRIC: score, "training_iteration": epoch})
            self._optuna.on_trial_complete(drawn, None if value is None else {_METRIC: value})
        elif candidate.drawn is not None:  # of an earlier run
            params: dict[str, Any] = dict(candidate.drawn)
            self._study.add_trial(
                optuna.trial.create_trial(
                    state=TrialState.PRUNED if value is None else TrialState.COMPLETE,
                    value=value,
                    params=params,
                    distributions={axis.name: _distribution(axis) for axis in self._search.axes if axis.name in params},
                    intermediate_values={epoch: float(score) for epoch, score in curve.items()},
                )
            )

    def _fixed(self, number: int, drawn: Mapping[str, Drawn], *, attempt: int = 0) -> dict[str, Drawn]:
        self._study.enqueue_trial(dict(drawn))
        return self.draw(number, attempt)

    def _define(self, trial: optuna.Trial) -> None:
        """Draw each axis that applies; OptunaSearch keeps what is suggested."""
        drawn: dict[str, Drawn] = {}
        while axis := self._search.drawing(drawn):
            drawn[axis.name] = _suggest(trial, axis)


def _cells(search: Search) -> tuple[dict[str, Drawn], ...] | None:
    """All that can be drawn; None where that is without end, or more than is worth listing."""
    if any(isinstance(axis.distribution, Uniform) for axis in search.axes):
        return None
    cells = tuple(itertools.islice(_below(search, {}), _CELLS + 1))
    return cells if len(cells) <= _CELLS else None


def _below(search: Search, drawn: dict[str, Drawn]) -> Iterator[dict[str, Drawn]]:
    axis = search.drawing(drawn)
    if axis is None:
        yield drawn
        return
    first, *_, last = axis.ends()  # of a range; or all positions of a choice
    for value in range(int(first), int(last) + 1):
        yield from _below(search, drawn | {axis.name: value})


def _suggest(trial: optuna.Trial, axis: Axis) -> Drawn:
    match axis.distribution:
        case Uniform(low=low, high=high, log=log):
            return trial.suggest_float(axis.name, low, high, log=log)
        case Whole(low=low, high=high):
            return trial.suggest_int(axis.name, low, high)
        case Choice(values=values):
            return int(trial.suggest_categorical(axis.name, range(len(values))))
        case _:
            assert_never(axis.distribution)


def _distribution(axis: Axis) -> BaseDistribution:
    """What ``_suggest`` draws from, as Optuna writes it down."""
    match axis.distribution:
        case Uniform(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)
        case Whole(low=low, high=high):
            return IntDistribution(low, high)
        case Choice(values=values):
            return CategoricalDistribution(range(len(values)))
        case _:
            assert_never(axis.distribution)

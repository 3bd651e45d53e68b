"""Suggests candidates with Optuna (ask / tell): a pure function of what the log of a search holds.

Candidate n is suggested by a sampler of its own, seeded with the search's seed and n, from a study made of the log: a
search that was interrupted continues as if it had not been, and a random candidate does not depend on how many run at
once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from raysat.search.load import Search
from raysat.search.log import Candidate
from raysat.search.options import Random, Tpe
from raysat.study.distribution import Choice, ParamValue, Range
from raysat.study.parameter import Parameter

_TPE_ATTEMPTS: Final = 10  # over choices alone TPE may propose the same ever again: then at random
_FINITE_ATTEMPTS: Final = 30  # in all, after which a finite space is enumerated
_ENDLESS_ATTEMPTS: Final = 1000  # in all, in a space that cannot be enumerated
_ENUMERABLE: Final = 10_000  # points of a space that is still enumerated: some seconds


class Sampler:
    """Suggests params for a search's candidates; it keeps nothing but the points of a finite space."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._points = _enumerate(search)  # None for a space that is endless or too large

    def suggest(self, candidates: Sequence[Candidate], number: int) -> Iterator[dict[str, ParamValue]]:
        """Yield params for a candidate, to be taken until they make a new one; it ends with a finite space.

        First as the sampler has it, then at random; at last every point of a finite space, so that it counts as
        exhausted only where all of it was tried.

        Args:
            candidates: all candidates before it; those that run count as bad ones until they end.
            number: the candidate's number.
        """
        options = self._search.options.sampler
        study = study_of(self._search, candidates)
        for attempt in range(_ENDLESS_ATTEMPTS if self._points is None else _FINITE_ATTEMPTS):
            study.sampler = optuna_sampler(options, number, attempt)
            trial = study.ask()
            params: dict[str, ParamValue] = {}
            while parameter := self._search.next_parameter(params):
                params[parameter.name] = suggest(trial, parameter)
            study.tell(trial, state=TrialState.FAIL)  # where it is taken, the log will say so
            yield params
        points = self._points or ()
        for position in np.random.default_rng([options.seed, number]).permutation(len(points)):
            yield points[position]


def study_of(search: Search, candidates: Sequence[Candidate]) -> optuna.Study:
    """Optuna's view of the candidates; one that failed counts as worse than any that was stopped early.

    Making it takes some 0.2 ms a candidate, and so suggesting anew 0.2 s after a thousand.
    """
    study = new_study()
    distributions = {parameter.name: _distribution(parameter) for parameter in search.parameters}
    for candidate in candidates:
        if candidate.params is None:  # a base outside the space
            continue
        ended = TrialState.COMPLETE if candidate.val else TrialState.PRUNED
        stopped_at = candidate.curve if candidate.state == "stopped" else ()
        study.add_trial(
            optuna.create_trial(
                state=TrialState.RUNNING if candidate.state == "running" else ended,
                value=candidate.val.balanced_accuracy if candidate.val else None,
                params=dict(candidate.params),
                distributions={name: distributions[name] for name in candidate.params},
                intermediate_values={epoch: float(score) for epoch, score in enumerate(stopped_at, start=1)},
            )
        )
    return study


def optuna_sampler(options: Tpe | Random, number: int, attempt: int) -> BaseSampler:
    """Return Optuna's sampler of one candidate.

    Args:
        options: of the search.
        number: the candidate's.
        attempt: how often one was suggested for it before.
    """
    seed = int(np.random.SeedSequence([options.seed, number, attempt]).generate_state(1)[0])
    if isinstance(options, Tpe) and attempt < _TPE_ATTEMPTS:
        # Univariate: the joint estimate cannot leave out parameters that do not apply. The liar is Optuna's default
        # since 5.0; it keeps candidates that run at once apart.
        startup = options.n_startup_trials
        return TPESampler(seed=seed, n_startup_trials=startup, multivariate=False, constant_liar=True)
    return RandomSampler(seed=seed)


def new_study() -> optuna.Study:
    """An empty study of Optuna's that maximises."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a study that is created is no news
    study = optuna.create_study(direction="maximize")
    optuna.logging.set_verbosity(verbosity)
    return study


def suggest(trial: optuna.Trial, parameter: Parameter) -> ParamValue:
    """Have Optuna suggest a value of a parameter."""
    match parameter.distribution:
        case Choice(values=values):
            return int(trial.suggest_categorical(parameter.name, range(len(values))))
        case Range(kind="int", low=low, high=high):
            return trial.suggest_int(parameter.name, int(low), int(high))
        case Range(kind=kind, low=low, high=high):
            return trial.suggest_float(parameter.name, low, high, log=kind == "log_uniform")


def _distribution(parameter: Parameter) -> BaseDistribution:
    match parameter.distribution:
        case Choice(values=values):
            return CategoricalDistribution(range(len(values)))
        case Range(kind="int", low=low, high=high):
            return IntDistribution(int(low), int(high))
        case Range(kind=kind, low=low, high=high):
            return FloatDistribution(low, high, log=kind == "log_uniform")


def _enumerate(search: Search) -> tuple[dict[str, ParamValue], ...] | None:
    """All points of a space; None where they are endless, or more than are worth listing."""
    if any(isinstance(p.distribution, Range) and p.distribution.kind != "int" for p in search.parameters):
        return None
    points = tuple(itertools.islice(_extend(search, {}), _ENUMERABLE + 1))
    return points if len(points) <= _ENUMERABLE else None


def _extend(search: Search, params: dict[str, ParamValue]) -> Iterator[dict[str, ParamValue]]:
    parameter = search.next_parameter(params)
    if parameter is None:
        yield params
        return
    first, *_, last = parameter.distribution.boundary()  # of a range; or all positions of a choice
    for value in range(int(first), int(last) + 1):
        yield from _extend(search, params | {parameter.name: value})

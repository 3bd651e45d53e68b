"""From a search file to what is searched: the base to beat, parameters around it, and how to proceed.

``keys.py`` says what each key of the file is. A candidate is base with suggested values laid over it, as an arm is an
override of base. Settings of the command line win: a parameter that they set is none any more.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from raysat.config import limits
from raysat.config.diff import flatten
from raysat.config.families.synthetic import NoSynthetic
from raysat.config.merge import DEFAULT_KINDS, override
from raysat.config.schema import Config
from raysat.config.validate import validate, validate_config
from raysat.config.yaml_source import YamlValue
from raysat.search.keys import SEARCH_KEYS
from raysat.search.options import Asha, SearchOptions
from raysat.search.parameters import boundary_points, count_boundary_points, read_parameters
from raysat.study.arm import Arm
from raysat.study.distribution import ParamValue
from raysat.study.load import NO_OVERRIDES, Study, settings_tree, study_name, study_seeds
from raysat.study.parameter import Parameter, Params
from raysat.study.plugins import use_named_plugins
from raysat.study.rates import check_rate
from raysat.study.source import Source, read_source

_OF_STUDIES: Final = ("arms", "grid", "zip", "exclude", "reference")
_OPTION_KINDS: Final = YamlValue({"sampler": {"kind": "tpe"}, "stop": {"kind": "none"}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search: the base, the parameters around it, and how it proceeds."""

    name: str
    base: Config
    parameters: tuple[Parameter, ...]  # those that select kinds first
    seed: int  # trains every candidate
    options: SearchOptions
    text: str
    tree: YamlValue  # base as written
    settings: YamlValue  # what the command line sets
    plugins: tuple[str, ...] = ()  # of installed packages

    def config(self, params: Params) -> Config:
        """The configuration that params make; without any it is the base."""
        tree = self.tree
        for parameter in self.parameters:
            if parameter.name in params:
                tree = override(tree, parameter.setting(params[parameter.name]))
        name = ", ".join(f"{key}={text}" for key, text in self.labels(params).items()) or "base"
        return validate_config(override(tree, self.settings), arm=name)

    def next_parameter(self, params: Params) -> Parameter | None:
        """The next parameter to suggest a value of, given those before; None where a candidate is complete."""
        return next((p for p in self.parameters if p.name not in params and p.applies(params, self.parameters)), None)

    def base_params(self) -> dict[str, ParamValue] | None:
        """The params that make the base, so that samplers learn from it; None where it lies outside the space."""
        settings = flatten(self.base)
        params: dict[str, ParamValue] = {}
        while parameter := self.next_parameter(params):
            if len(parameter.path) > 1:
                param = parameter.distribution.find(settings.get(parameter.name))
            else:
                options = parameter.distribution.boundary()
                param = next((n for n in options if self.config({**params, parameter.name: n}) == self.base), None)
            if param is None:
                return None
            params[parameter.name] = param
        return params

    def holds(self, params: Params) -> bool:
        """Whether these are the params of a candidate: of each parameter that applies one that it may have."""
        known: dict[str, ParamValue] = {}
        while parameter := self.next_parameter(known):
            if parameter.name not in params or not parameter.distribution.holds(params[parameter.name]):
                return False
            known[parameter.name] = params[parameter.name]
        return len(known) == len(params)

    def labels(self, params: Params) -> dict[str, str]:
        """How params read, by parameter."""
        return {p.name: p.label(params[p.name]) for p in self.parameters if p.name in params}


def load_search(
    source: Source,
    *,
    overrides: Mapping[str, Any] = NO_OVERRIDES,
    epochs: int | None = None,
    seed: int | None = None,
    trials: int | None = None,
    hours: float | None = None,
) -> Search:
    """Return the search of a file, checked as far as it can be without data: every boundary point is valid.

    Args:
        source: a YAML file, the name of a search that ships with raysat, or a mapping with the keys of a file.
        overrides: values by dotted key that win in every candidate.
        epochs: epochs of every candidate.
        seed: trains every candidate, in place of the file's.
        trials: candidates in all, in place of the file's.
        hours: what the search may take, in place of the file's.

    Raises:
        StudyError: anything wrong in the file or in a setting; the message begins with its place.
        PluginError: an installed plugin that the search names cannot be used.
    """
    given = read_source(source)
    document = given.tree
    _check_keys(document)
    plugins = use_named_plugins(document)
    settings = settings_tree(overrides, epochs)
    tree = override(DEFAULT_KINDS, document.mapping("base").expand())
    whole = override(tree, settings)
    base = validate_config(whole, arm="base")
    if not isinstance(base.synthetic, NoSynthetic):
        message = "synthetic: a search trains on real patches, since generators would have to be trained first"
        raise whole.error(message, "synthetic", hint="add it to the study that the search writes")
    parameters = read_parameters(document.mapping("search").expand(), whole, settings)
    if not parameters:
        message = "there is nothing to search" + (": {--set} fixes every parameter" if document.value["search"] else "")
        raise document.error(message, "search", hint="name a parameter: optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}")
    seeds = study_seeds(given, None)
    if len(seeds) > 1:
        message = f"a search trains every candidate with one seed, got {len(seeds)}"
        raise document.error(message, "seeds", hint="keep one; confirm.seeds says how many confirm the best")
    search = Search(
        name=study_name(given),
        base=base,
        parameters=parameters,
        seed=seeds[0] if seed is None else seed,
        options=_options(document, trials, hours),
        text=given.text,
        tree=tree,
        settings=settings,
        plugins=plugins,
    )
    _check_size(search, document)
    _check_rates(search)
    _check_pruner(search, document)
    return search


def boundary_study(search: Search) -> Study:
    """A study of the base and all boundary points, never run: where its arms can train, all that lies between can."""
    arms = {"base": search.base}
    for params in boundary_points(search.parameters):
        text = ", ".join(f"{key}={value}" for key, value in search.labels(params).items())
        names = (f"{text} ({n})" if n > 1 else text for n in itertools.count(1))  # [6, 5] and 6-5 read alike
        arms[next(name for name in names if name not in arms)] = search.config(params)
    named = tuple(Arm(name=name, config=config) for name, config in arms.items())
    return Study(name=search.name, arms=named, seeds=(search.seed,), reference=None, text=search.text)


def _check_size(search: Search, document: YamlValue) -> None:
    """Refuse a space whose boundary points are more than can be checked: each of them is planned as an arm is."""
    number = count_boundary_points(search.parameters)
    epochs = (number + 1) * search.base.epochs
    if number > limits.CELLS:
        message = f"search: the choices and ends of the parameters make {number:,} combinations, "
        message += f"more than {limits.CELLS:,}"
        raise document.error(message, "search", hint="leave out parameters, or give ranges in place of choices")
    if epochs > limits.ALL_EPOCHS:
        message = f"search: {number:,} combinations of choices and ends, of {search.base.epochs:,} epochs each, "
        message += f"are {epochs:,} epochs to check, more than {limits.ALL_EPOCHS:,}"
        raise document.error(message, "search", hint="leave out parameters, or lower optim.epochs")


def _check_rates(search: Search) -> None:
    """Refuse a search of the optimiser's rate where every schedule brings its own; validate every boundary point."""
    points = [(params, search.config(params)) for params in boundary_points(search.parameters)]
    selector = next((p.name for p in search.parameters if p.section == "schedule" and p.selects_kind), None)
    schedules = [config.schedule.kind for params, config in points if selector is None or selector in params]
    for parameter in search.parameters:
        for param in parameter.distribution.boundary():
            check_rate(parameter.setting(param), schedules)


def _check_pruner(search: Search, document: YamlValue) -> None:
    """Refuse an early stopping that comes too late to stop anything, or that would compare unlike epochs."""
    pruner, epochs = search.options.pruner, search.base.optim.epochs
    has_stages = search.base.second_stage.epochs or any(each.section == "second_stage" for each in search.parameters)
    if isinstance(pruner, Asha) and has_stages:
        message = "stop: asha compares candidates at equal epochs of one training, and a second stage begins another"
        raise document.error(message, "stop", hint="leave stop out, or second_stage")
    if isinstance(pruner, Asha) and pruner.grace_epochs(epochs) >= epochs:
        message = f"stop: asha stops nothing: at a grace of {pruner.grace_period:g}, its first look is after the last "
        message += f"epoch of {epochs}" if epochs > 1 else "epoch, which is the only one"
        hint = "lower stop.grace, train for more epochs, or leave stop out"
        raise document.error(message, "stop", hint=hint)


def _check_keys(document: YamlValue) -> None:
    if not isinstance(document.value, dict):
        raise document.error("a search is a mapping of keys", hint=f"its keys are {', '.join(SEARCH_KEYS)}")
    if "search" not in document.value:
        hint = "run it with {raysat ablate}"
        raise document.error("there is no key 'search', so this is a study of arms", hint=hint)
    for key in document.value:
        if key in _OF_STUDIES:
            raise document.error(f"a search has no {key!r}", key, hint="its result is a study; or run {raysat ablate}")
    document.check_keys(list(SEARCH_KEYS))


def _options(document: YamlValue, trials: int | None, hours: float | None) -> SearchOptions:
    tree = _OPTION_KINDS
    for key in SearchOptions.by_key():
        if key in document.value:
            tree = tree.merge(document.mapping(key).nested_under(key))
    for option, key, value in (("{--trials}", "trials", trials), ("{--hours}", "hours", hours)):
        if value is not None:
            tree = tree.merge(YamlValue(value, {}, option).nested_under("budget", key))
    return validate(SearchOptions, tree)

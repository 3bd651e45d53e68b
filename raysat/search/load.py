"""From a search file to what is searched: the base to beat, axes around it, how to draw, when to stop, what to spend.

    study      its name, which names the folder of its run
    base       the configuration to beat; it is the first candidate
    seeds      the one that trains every candidate
    search     the axes (see ``search/space.py``)
    sampler    {kind: tpe} learns from what it has seen after ``startup`` candidates; {kind: random} does not
    stop       {kind: asha} ends candidates that lag behind others at the same epoch; {kind: none} ends none
    budget     {trials: 30}, candidates in all, the base among them; {hours: 2}, after which none is begun
    confirm    {best: 3, seeds: 5}: how many arms and seeds the study has that confirms the best

A candidate is base with drawn values laid over it, as an arm is an override of base. Settings of the command line win:
an axis that they set is no axis any more.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import OpenFraction, Positive, Spec
from raysat.config.families.images import NoSynthetic
from raysat.config.merge import DEFAULT_KINDS, override
from raysat.config.schema import Config
from raysat.config.validate import validate, validate_config
from raysat.config.yaml_source import YamlValue, read_yaml
from raysat.errors import StudyError
from raysat.search.corners import corners, count_corners
from raysat.search.space import Axis, Drawn, applies, read_axes
from raysat.study.load import Arm, Study, settings_tree, study_name, study_seeds

_KEYS: Final = ("study", "base", "seeds", "search", "sampler", "stop", "budget", "confirm")
_OF_STUDIES: Final = ("arms", "grid", "zip", "exclude", "reference")
_RULE_KINDS: Final = YamlValue({"sampler": {"kind": "tpe"}, "stop": {"kind": "none"}})


class Tpe(Spec):
    """Tree-structured Parzen estimator (Bergstra et al. 2011), by Optuna: the first ``startup`` draws are random."""

    kind: Literal["tpe"] = "tpe"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    startup: Annotated[int, Field(ge=1, le=limits.CANDIDATES)] = 10


class Random(Spec):
    """Every draw independent of what came before."""

    kind: Literal["random"] = "random"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class NoStop(Spec):
    """Every candidate trains to its end."""

    kind: Literal["none"] = "none"


class Asha(Spec):
    """Asynchronous successive halving (Li et al. 2020).

    From ``grace`` (a fraction of training) on, and again each ``reduction`` times as many epochs later, a candidate
    goes on where it is among the best 1 / ``reduction`` of those that came as far. It is judged by the weights as they
    are then, not by an average of them.
    """

    kind: Literal["asha"] = "asha"
    grace: OpenFraction = 0.25
    reduction: Annotated[float, Field(gt=1)] = 3.0

    def grace_epochs(self, epochs: int) -> int:
        """Epochs that every candidate gets: the nearest number, half up, at least one."""
        return max(1, math.floor(self.grace * epochs + 0.5))


class Budget(Spec):
    """What a search may spend, in all its runs together; the sooner of the two ends it."""

    trials: Annotated[int, Field(ge=2, le=limits.CANDIDATES)] | None = None
    hours: Positive | None = None

    @model_validator(mode="after")
    def _some(self) -> Budget:
        if self.trials is None and self.hours is None:
            raise ValueError("give trials, hours or both")
        return self


class Confirm(Spec):
    """The study that confirms the result: base and the ``best`` candidates, with so many ``seeds``."""

    best: Annotated[int, Field(ge=1, le=limits.BEST)] = 3
    seeds: Annotated[int, Field(ge=1, le=limits.SEEDS)] = 5


class Rules(Spec):
    """How a search goes."""

    sampler: Annotated[Tpe | Random, Field(discriminator="kind")] = Tpe()
    stop: Annotated[NoStop | Asha, Field(discriminator="kind")] = NoStop()
    budget: Budget = Budget(trials=20)
    confirm: Confirm = Confirm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search: the base, the axes around it, and how it goes."""

    name: str
    base: Config
    axes: tuple[Axis, ...]  # those that switch kinds first
    seed: int  # trains every candidate
    rules: Rules
    text: str
    tree: YamlValue  # base as written
    settings: YamlValue  # what the command line sets

    def config(self, drawn: Mapping[str, Drawn]) -> Config:
        """The configuration that drawn values make; without any it is the base."""
        tree = self.tree
        for axis in self.axes:
            if axis.name in drawn:
                tree = override(tree, axis.setting(drawn[axis.name]))
        name = ", ".join(f"{axis}={text}" for axis, text in self.labels(drawn).items()) or "base"
        return validate_config(override(tree, self.settings), arm=name)

    def drawing(self, drawn: Mapping[str, Drawn]) -> Axis | None:
        """The next axis to draw, given what is drawn already; None where a candidate is whole."""
        return next((a for a in self.axes if a.name not in drawn and applies(a, drawn, self.axes)), None)

    def drawn_for_base(self) -> dict[str, Drawn] | None:
        """What would have to be drawn for the base, so that samplers learn from it; None where it lies outside."""
        dumped = self.base.model_dump(mode="json")
        drawn: dict[str, Drawn] = {}
        while axis := self.drawing(drawn):
            if len(axis.path) > 1:
                found = axis.drawn(dumped[axis.section].get(axis.path[1]))
            else:
                found = next((n for n in axis.ends() if self.config({**drawn, axis.name: n}) == self.base), None)
            if found is None:
                return None
            drawn[axis.name] = found
        return drawn

    def labels(self, drawn: Mapping[str, Drawn]) -> dict[str, str]:
        """How drawn values read, by axis."""
        return {axis.name: axis.label(drawn[axis.name]) for axis in self.axes if axis.name in drawn}

    def identity(self) -> dict[str, Any]:
        """All that decides which candidates are drawn and what they are worth; what is spent may change."""
        axes = {axis.name: axis.tree.value for axis in self.axes}
        rules = self.rules.model_dump(mode="json", include={"sampler", "stop"})
        return {"base": self.base.model_dump(mode="json"), "seed": self.seed, "search": axes} | rules


def load_search(
    path: Path,
    *,
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    seed: int | None = None,
    trials: int | None = None,
    hours: float | None = None,
) -> Search:
    """Read a search file; every corner of its space is a valid configuration.

    Args:
        path: the YAML file.
        overrides: ``key=value`` settings that win in every candidate.
        epochs: epochs of every candidate.
        seed: trains every candidate, in place of the file's.
        trials: candidates in all, in place of the file's.
        hours: what the search may take, in place of the file's.

    Raises:
        StudyError: anything wrong in the file or in a setting; the message begins with its place.
    """
    document, text = read_yaml(path)
    _check_keys(document, path)
    settings = settings_tree(overrides, epochs)
    tree = override(DEFAULT_KINDS, document.mapping("base").expand())
    whole = override(tree, settings)
    base = validate_config(whole, arm="base")
    if not isinstance(base.synthetic, NoSynthetic):
        message = "synthetic: a search trains on real patches, since generators would have to be trained first"
        raise StudyError(
            f"{whole.location(('synthetic',))}: {message}", hint="add it to the study that the search writes"
        )
    axes = read_axes(document.mapping("search").expand(), whole, settings)
    if not axes:
        message = "there is nothing to search" + (": {--set} fixes every axis" if document.value["search"] else "")
        raise document.error(message, "search", hint="name an axis: optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}")
    seeds = study_seeds(document, path, None)
    if len(seeds) > 1:
        message = f"a search trains every candidate with one seed, got {len(seeds)}"
        raise document.error(message, "seeds", hint="keep one; confirm.seeds says how many confirm the best")
    search = Search(
        name=study_name(document, path),
        base=base,
        axes=axes,
        seed=seeds[0] if seed is None else seed,
        rules=_rules(document, trials, hours),
        text=text,
        tree=tree,
        settings=settings,
    )
    _check_size(search, document)
    _check_rates(search, [(corner, search.config(corner)) for corner in corners(search.axes)])
    _check_stop(search, document)
    return search


def corner_study(search: Search) -> Study:
    """A study of the base and all corners, never run: where its arms can train, all that lies between can."""
    arms = {"base": search.base}
    for corner in corners(search.axes):
        name = text = ", ".join(f"{key}={text}" for key, text in search.labels(corner).items())
        for again in itertools.count(2):  # choices can read alike: [6, 5] and 6-5
            if name not in arms:
                break
            name = f"{text} ({again})"
        arms[name] = search.config(corner)
    named = tuple(Arm(name=name, config=config) for name, config in arms.items())
    return Study(name=search.name, arms=named, seeds=(search.seed,), reference=None, text=search.text)


def _check_size(search: Search, document: YamlValue) -> None:
    """Refuse a space whose corners are more than can be checked: each of them is planned as an arm is."""
    number = count_corners(search.axes)
    epochs = (number + 1) * search.base.optim.epochs
    if number > limits.CELLS:
        message = f"search: the choices and ends of the axes make {number:,} combinations, more than {limits.CELLS:,}"
        raise document.error(message, "search", hint="leave out axes, or give ranges in place of choices")
    if epochs > limits.ALL_EPOCHS:
        message = f"search: {number:,} combinations of choices and ends, of {search.base.optim.epochs:,} epochs each, "
        message += f"are {epochs:,} epochs to check, more than {limits.ALL_EPOCHS:,}"
        raise document.error(message, "search", hint="leave out axes, or lower optim.epochs")


def _check_rates(search: Search, at_corners: Iterable[tuple[dict[str, Drawn], Config]]) -> None:
    """Refuse a search of the optimiser's rate where every schedule brings its own."""
    switch = next((axis.name for axis in search.axes if axis.section == "schedule" and axis.switches), None)
    schedules = [config.schedule for drawn, config in at_corners if switch is None or switch in drawn]
    if not all(schedule.sets_own_lr for schedule in schedules):
        return
    kinds = " or ".join(dict.fromkeys(schedule.kind for schedule in schedules))
    for axis in search.axes:
        if axis.name == "optim.lr" or (axis.name == "optim" and any("lr" in axis.value(n) for n in axis.ends())):
            message = f"optim.lr does nothing: schedule is {kinds} here, which brings its own rates"
            raise axis.tree.error(message, hint="search schedule.max_lr instead, or choose another schedule")


def _check_stop(search: Search, document: YamlValue) -> None:
    """Refuse an early stopping that comes too late to stop anything."""
    rule, epochs = search.rules.stop, search.base.optim.epochs
    if isinstance(rule, Asha) and rule.grace_epochs(epochs) >= epochs:
        message = f"stop: asha stops nothing: at a grace of {rule.grace:g}, its first look is after the last epoch"
        message += f" of {epochs}" if epochs > 1 else ", which is the only one"
        hint = "lower stop.grace, train for more epochs, or leave stop out"
        raise document.error(message, "stop", hint=hint)


def _check_keys(document: YamlValue, path: Path) -> None:
    if not isinstance(document.value, dict):
        raise document.error("a search is a mapping of keys", hint=f"its keys are {', '.join(_KEYS)}")
    if "search" not in document.value:
        hint = f"run it with: raysat ablate --space {path}"
        raise document.error("there is no key 'search', so this is a study of arms", hint=hint)
    for key in document.value:
        if key in _OF_STUDIES:
            raise document.error(f"a search has no {key!r}", key, hint="its result is a study; or run raysat ablate")
    document.check_keys(_KEYS)


def _rules(document: YamlValue, trials: int | None, hours: float | None) -> Rules:
    tree = _RULE_KINDS
    for key in Rules.model_fields:
        if key in document.value:
            tree = tree.merge(document.mapping(key).nested_under(key))
    for option, key, value in (("{--trials}", "trials", trials), ("{--hours}", "hours", hours)):
        if value is not None:
            tree = tree.merge(YamlValue(value, {}, option).nested_under("budget", key))
    return validate(Rules, tree)

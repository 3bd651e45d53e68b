"""What a study tunes for each arm before it compares them: ``tune`` in its file, and what came of it.

    tune:
      per_arm: 20                        trials of each arm, the first with its settings as they are written
      over:                              settings, each with its values as in a search
        optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}
        loss.max_margin: {uniform: [0.1, 0.9]}          of the arms that have it
      rounds: 3                          where it is given: trials are stopped early, see ``rounds.py``

An arm is its methods, so kinds are not tuned. Each arm is tuned over those of the settings that act in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from raysat.config import limits
from raysat.config.diff import acting
from raysat.config.schema import Config, variants
from raysat.config.yaml_source import YamlValue
from raysat.errors import suggest
from raysat.formatting import echo, one_line
from raysat.study.arm import Arm
from raysat.study.distribution import DISTRIBUTIONS, read_distribution
from raysat.study.parameter import Parameter
from raysat.study.rounds import MOST, check_rounds, epochs_by_round, trials_by_round

KEYS: Final = ("per_arm", "over", "rounds", "seed", "draws")
DEFAULT_SEED: Final = 1_000_000  # of the trials that tune: none that a study would list
_HINT: Final = "such as tune: {per_arm: 20, over: {optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How the arms of a study are tuned, on val, before they are compared over other seeds."""

    per_arm: int  # trials of each arm, the first as it is written
    over: tuple[Parameter, ...]
    seed: int = DEFAULT_SEED  # trains all of them
    draws: int = 0  # seeds the values that are drawn
    rounds: int = 1  # after each but the last the better half of an arm's trials goes on; 1: all train to their end
    place: str = field(default="", compare=False, repr=False)  # where that is written

    @property
    def trials(self) -> tuple[int, ...]:
        """Of each arm, by round, at most."""
        return trials_by_round(self.per_arm, self.rounds)

    def epochs(self, config: Config) -> tuple[int, ...]:
        """Of an arm's trials, by round."""
        return epochs_by_round(config.optim.epochs, self.rounds)

    def of(self, config: Config) -> tuple[Parameter, ...]:
        """The settings that act in an arm."""
        settings = acting(config)
        return tuple(parameter for parameter in self.over if parameter.name in settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedArm:
    """What tuning chose for an arm."""

    written: Arm  # as the study has it, named so
    tried: int  # different trials, the one as written included
    failed: int  # of them
    stopped: int = 0  # of them, before the last round
    chosen: int  # the number of the best one; 0: as it is written
    settings: tuple[str, ...]  # that it sets: ``optim.lr 0.003``
    val: float  # its balanced accuracy on val
    written_val: float | None  # of the one as written; None where that failed


def read_tuning(
    document: YamlValue, configs: Mapping[str, Config], settings: YamlValue, seeds: Iterable[int]
) -> Tuning | None:
    """Return how a study tunes its arms; None where it does not.

    Args:
        document: the study file.
        configs: its arms.
        settings: what the command line sets in every arm, which is not tuned any more.
        seeds: that compare the arms.

    Raises:
        StudyError: a mistake in ``tune``, a setting that no arm has, an arm with nothing to tune, or a seed that is one
            of those that compare: what is chosen for it looks too good there.
    """
    if "tune" not in document.value:
        return None
    written = document.mapping("tune", hint=_HINT)
    written.check_keys(list(KEYS))
    for key in ("per_arm", "over"):
        if key not in written.value:
            raise document.error(f"tune needs {key}", "tune", hint=_HINT)
    number = _whole(written, "per_arm", 2, limits.CANDIDATES, hint=_HINT)
    rounds = _whole(written, "rounds", 1, MOST, 1, hint="without rounds every trial trains to its end")
    check_rounds(written, rounds, number, configs)
    if (trials := sum(trials_by_round(number, rounds))) * len(configs) > limits.TRIALS:
        message = f"tune: {trials:,} trials for each of {len(configs):,} arms are more than {limits.TRIALS:,}"
        raise written.error(message, "per_arm", hint="tune each arm by fewer")
    over = written.mapping("over", hint=_HINT).expand()
    parameters = [each for each in _parameters(over, configs) if not _is_set(each, settings)]
    if not parameters:
        message = "tune: there is nothing to tune" + (": {--set} fixes every setting" if over.value else "")
        raise written.error(message, "over", hint=_HINT)
    tuning = Tuning(
        per_arm=number,
        over=tuple(parameters),
        seed=_whole(written, "seed", 0, 2**32 - 1, DEFAULT_SEED),
        draws=_whole(written, "draws", 0, 2**32 - 1, 0),
        rounds=rounds,
        place=written.location(("rounds",)),
    )
    for name, config in configs.items():
        if not tuning.of(config):
            names = ", ".join(each.name for each in parameters)
            message = f"tune: arm {echo(name)} has none of {names} to tune"
            hint = "add a setting that it has, such as optim.weight_decay: each arm is to be tuned as hard"
            raise written.error(message, "over", hint=hint)
    if tuning.seed in seeds:
        message = f"tune: {tuning.seed} is one of the study's seeds, for which the settings would be chosen"
        raise written.error(message, "seed", hint="give tune.seed a number that is not among the seeds")
    return tuning


def _whole(
    written: YamlValue, key: str, low: int, high: int, default: int | None = None, *, hint: str | None = None
) -> int:
    value: Any = written.value.get(key, default)
    if type(value) is not int or not low <= value <= high:
        message = f"tune.{key} must be a whole number from {low:,} to {high:,}, got {_as_yaml(value)}"
        raise written.error(message, key, hint=hint or f"leave it out for {default}")
    return int(value)


def _as_yaml(value: Any) -> str:
    """A value as an error shows it; one that YAML has another word for than Python in that of YAML."""
    return json.dumps(value) if value is None or isinstance(value, bool) else echo(value)


def _parameters(over: YamlValue, configs: Mapping[str, Config]) -> Iterable[Parameter]:
    for section, content in over.value.items():
        tree = over.child(section)
        if section not in Config.model_fields:
            raise tree.error(f"unknown key {section!r}", hint=suggest(section, Config.model_fields))
        if not isinstance(content, dict) or set(content) & set(DISTRIBUTIONS):
            hint = f"name a key of it, such as {section}.…: what kind it is, an arm says"
            raise tree.error(f"tune: {section} is a section, and an arm is its methods", hint=hint)
        for key in content:
            yield _parameter(tree.child(key), section, key, configs)


def _parameter(tree: YamlValue, section: str, key: str, configs: Mapping[str, Config]) -> Parameter:
    name = f"{section}.{key}"
    if key == "kind":
        raise tree.error(f"tune: {name} is not tuned: an arm is its methods", hint="compare kinds as arms")
    parameter = Parameter(path=(section, key), distribution=read_distribution(tree, (section, key)), tree=tree)
    if any(name in acting(config) for config in configs.values()):
        return parameter
    known = sorted({each for member in variants(section).values() for each in member.model_fields})
    if key not in known:
        raise tree.error(f"tune: unknown key {one_line(name)!r}", hint=suggest(key, known))
    raise tree.error(f"tune: {name} acts in no arm", hint="leave it out, or add an arm that has it")


def _is_set(parameter: Parameter, settings: YamlValue) -> bool:
    fixed = settings.value.get(parameter.section, {})
    return isinstance(fixed, dict) and parameter.path[1] in fixed

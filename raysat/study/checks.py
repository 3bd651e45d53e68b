"""What a study may not ask for: more trials or epochs than can be planned, a learning rate that nothing trains with.

A schedule with rates of its own (cyclic, one-cycle) takes the place of ``optim.lr``. Laying such a schedule over a base
that has a rate is fine, since other arms train with that; so is a grid of rates and schedules. An error is a rate that
acts in none of the arms that it reaches:

    base            beside such a schedule, unless an arm goes back to another schedule
    an arm          beside such a schedule or over one, unless the arm itself names another schedule
    an axis         where every combination of the grid has such a schedule
    the command     where every arm has such a schedule
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from raysat.config import limits
from raysat.config.schema import Config, variants
from raysat.config.yaml_source import YamlValue
from raysat.formatting import plural

_OWN_RATES: Final = frozenset(
    kind for kind, member in variants("schedule").items() if getattr(member, "sets_own_lr", False)
)


def check_trials(document: YamlValue, arms: int, seeds: int) -> None:
    """Refuse more trials than can be planned, before any arm is made.

    Args:
        document: the study, for the error's place.
        arms: how many there will be.
        seeds: how many each of them runs.

    Raises:
        StudyError: too many.
    """
    if (trials := arms * seeds) > limits.TRIALS:
        product = f"{plural(arms, 'arm')} x {plural(seeds, 'seed')}"
        message = f"seeds: {product} are {trials:,} trials, more than {limits.TRIALS:,}"
        raise document.error(message, "seeds", hint="give fewer seeds, or split the study")


def check_epochs(document: YamlValue, configs: Iterable[Config], seeds: int) -> None:
    """Refuse more epochs than can be planned.

    Args:
        document: the study, for the error's place.
        configs: those of all arms.
        seeds: how many each of them runs.

    Raises:
        StudyError: too many.
    """
    if (epochs := seeds * sum(config.optim.epochs for config in configs)) > limits.ALL_EPOCHS:
        message = f"seeds: the trials would train {epochs:,} epochs in all, more than {limits.ALL_EPOCHS:,}"
        raise document.error(message, "seeds", hint="lower optim.epochs, give fewer seeds, or split the study")


def check_rate(setting: YamlValue, schedules: Iterable[str]) -> None:
    """Refuse an ``optim.lr`` that no arm trains with.

    Args:
        setting: what may set it, such as an arm's override, dotted keys written out.
        schedules: the kinds of schedule in the arms that the setting is part of.

    Raises:
        StudyError: it is set, and the schedule of every arm brings its own rates.
    """
    optim = setting.value.get("optim")
    if not isinstance(optim, dict) or "lr" not in optim:
        return
    kinds = dict.fromkeys(schedules)
    if kinds and _OWN_RATES.issuperset(kinds):
        message = f"optim.lr does nothing: schedule is {' or '.join(kinds)} here, which brings its own rates"
        hint = "leave optim.lr out and set schedule.max_lr, or choose another schedule"
        raise setting.error(message, "optim", "lr", hint=hint)


def schedule_of(arm: YamlValue) -> str:
    """Return the kind of an arm's schedule; empty where it is no valid one."""
    section = arm.value.get("schedule")
    return str(section.get("kind")) if isinstance(section, dict) else ""

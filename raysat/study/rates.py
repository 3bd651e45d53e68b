"""Refuses a learning rate that nothing trains with.

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

from raysat.config.schema import variants
from raysat.config.yaml_source import YamlValue


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
    own = {kind for kind, member in variants("schedule").items() if getattr(member, "sets_own_lr", False)}
    if kinds and own.issuperset(kinds):
        message = f"optim.lr does nothing: schedule is {' or '.join(kinds)} here, which brings its own rates"
        hint = "leave optim.lr out and set schedule.max_lr, or choose another schedule"
        raise setting.error(message, "optim", "lr", hint=hint)


def schedule_of(arm: YamlValue) -> str:
    """Return the kind of an arm's schedule; empty where it is no valid one."""
    section = arm.value.get("schedule")
    return str(section.get("kind")) if isinstance(section, dict) else ""

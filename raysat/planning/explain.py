"""One arm of a study in full: every setting with its value, what sets it and where, and whether it can act."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from raysat.config.arguments import checked
from raysat.config.describe import as_yaml
from raysat.config.schema import Config
from raysat.errors import UsageError, suggest
from raysat.planning.idle_settings import idle_settings, overruled_settings
from raysat.study.arm import Arm, Layer
from raysat.study.load import Study

_NUMBER: Final = re.compile(r"#([1-9]\d{0,8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSetting:
    """One setting of an arm."""

    key: str  # dotted
    value: str  # as a file has it
    source: Layer | Literal["default"]
    place: str  # file:line or the option; empty for a default
    no_effect: str  # why it does nothing, as far as can be known without data; mostly empty


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedArm:
    """An arm with all its settings, in the order of a configuration, each section's kind first."""

    study: str
    name: str
    settings: tuple[ExplainedSetting, ...]


@checked
def explain(study: Study, arm: str) -> ExplainedArm:
    """Explain an arm of a study.

    Args:
        study: as it was loaded, with the options that shall count.
        arm: its name, or its number in ``raysat plan``, such as ``#3``.

    Returns:
        The arm with all its settings.

    Raises:
        UsageError: the study has no such arm; the hint names the nearest.
    """
    found = _find(study, arm)
    idle = {setting.key: setting.sentence for setting in overruled_settings(found.config)}
    idle |= {setting.key: setting.sentence for setting in idle_settings(found.config, None)}
    settings = []
    for section in Config.model_fields:
        values = getattr(found.config, section).model_dump(mode="json")
        for name in sorted(values, key=lambda name: name != "kind"):
            key = f"{section}.{name}"
            origin = found.origins.get(key)
            settings.append(
                ExplainedSetting(
                    key=key,
                    value=as_yaml(values[name]),
                    source=origin.layer if origin else "default",
                    place=origin.place if origin else "",
                    no_effect=idle.get(key, ""),
                )
            )
    return ExplainedArm(study=study.name, name=found.name, settings=tuple(settings))


def _find(study: Study, name: str) -> Arm:
    arms = {arm.name: arm for arm in study.arms}
    if name in arms:
        return arms[name]
    number = _NUMBER.fullmatch(name)
    if number and int(number[1]) <= len(study.arms):
        return study.arms[int(number[1]) - 1]
    hint = suggest(name, arms, f"its {len(arms)} arms are #1 to #{len(arms)}: {{raysat plan}} lists them")
    raise UsageError(f"study {study.name!r} has no arm {name!r}", hint=hint)

"""What the arms of a plan set, and what they differ in, as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from raysat.config.diff import changes, flatten, label, with_model_kinds
from raysat.config.schema import Config

_DEFAULTS: Final = flatten(Config())
_ELSEWHERE: Final = ("data.bands", "data.drop", "optim.epochs")  # have words or a column of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """A setting that arms differ in, and its values in the order of the arms."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What the arms of a plan differ in."""

    varied: tuple[Varied, ...]
    of: Mapping[str, tuple[str, ...]]  # arm -> its values of these, such as ``loss=ldam``; what it lacks left out
    every_combination: bool  # of the values of several settings is an arm


def differences(configs: Mapping[str, Config], bands: Sequence[str]) -> Differences:
    """Find what resolved configurations differ in; ``bands`` are the store's."""
    described = {arm: describe(config, bands) for arm, config in configs.items()}
    names = dict.fromkeys(text.partition("=")[0] for texts in described.values() for text in texts)
    flat = with_model_kinds({arm: flatten(config) for arm, config in configs.items()})
    if any("model.kind" in settings for settings in flat.values()):
        names = dict.fromkeys("model" if name == "model.name" else name for name in names)
    values = {arm: _values(config, flat[arm], [*names, "epochs"], bands) for arm, config in configs.items()}
    varied = []
    for name in [*names, "epochs"]:
        met = [values[arm].get(name) for arm in configs]
        if len(set(met)) > 1:
            varied.append(Varied(name=name, values=tuple(dict.fromkeys(value for value in met if value is not None))))
    kept = [each.name for each in varied]
    of = {arm: tuple(f"{name}={own[name]}" for name in kept if name in own) for arm, own in values.items()}
    whole = all(len(texts) == len(kept) for texts in of.values())
    product = math.prod(len(each.values) for each in varied)
    every = len(kept) > 1 and whole and len(set(of.values())) == product == len(configs)
    return Differences(varied=tuple(varied), of=of, every_combination=every)


def describe(config: Config, bands: Sequence[str]) -> list[str]:
    """List what a configuration sets apart from the defaults: ``loss=ldam``, ``bands=B6-B5-B2``, ``optim.lr=0.01``."""
    kinds = {key: kind for key, kind in flatten(config).items() if key.endswith(".kind")}
    plain = Config.model_validate({key.removesuffix(".kind"): {"kind": kind} for key, kind in kinds.items()})
    changed = {key: kind for key, kind in kinds.items() if kind != _DEFAULTS.get(key)} | changes(config, plain)
    settings = [f"bands={_bands(config, bands)}"]
    for section in Config.model_fields:
        keys = [key for key in changed if key.startswith(f"{section}.") and key not in _ELSEWHERE]
        keys.sort(key=lambda key: not key.endswith(".kind"))
        settings += [f"{key.removesuffix('.kind')}={label(changed[key])}" for key in keys]
    return settings


def _values(config: Config, flat: dict[str, Any], names: Sequence[str], bands: Sequence[str]) -> dict[str, str]:
    """The values that a configuration, flattened, has of some settings, defaults included."""
    if config.schedule.sets_own_lr:
        del flat["optim.lr"]  # replaced by the schedule's
    own = {"bands": _bands(config, bands), "epochs": str(config.optim.epochs)}
    for name in names:
        key = name if name in flat else f"{name}.kind"
        if key in flat:
            own[name] = label(flat[key])
    return own


def _bands(config: Config, bands: Sequence[str]) -> str:
    return "all" if list(config.data.bands) == list(bands) else label(config.data.bands)

"""What configurations differ in: their settings by dotted key, and how a value reads wherever one is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raysat.config.schema import Config
from raysat.formatting import echo


def flatten(config: Config | Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a configuration by dotted key, in its order: ``{"data.bands": "all", ...}``."""
    tree = config.model_dump(mode="json") if isinstance(config, Config) else config
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        inner = {f"{key}.{rest}": item for rest, item in flatten(value).items()} if isinstance(value, Mapping) else {}
        flat |= inner or {key: value}
    return flat


def changes(config: Config, base: Config) -> dict[str, Any]:
    """Return the settings that make ``config`` of ``base``, by key; of a section of another kind all of them."""
    ours, theirs = acting(config), acting(base)
    other_kind = {key.removesuffix("kind") for key in ours if key.endswith(".kind") and ours[key] != theirs.get(key)}
    return {
        key: value
        for key, value in ours.items()
        if key not in theirs or theirs[key] != value or f"{key.partition('.')[0]}." in other_kind
    }


def acting(config: Config) -> dict[str, Any]:
    """Return the settings of a configuration by dotted key, without those that do nothing beside others.

    These are a learning rate that its schedule replaces, the decay over layers where the classifier alone is trained,
    the scale of weights where there are none (a study that tunes it would be refused there), and the hash of weights,
    which says once more what they are.
    """
    settings = flatten(config)
    if config.schedule.sets_own_lr:
        del settings["optim.lr"]
    settings.pop("model.weights_hash", None)
    if config.model.trains == "head":
        settings.pop("model.layer_decay", None)
    if config.model.weights is None:
        settings.pop("model.weights_scale", None)
    return settings


def with_model_kinds(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Call timm's models by their names as kinds, where others of the settings have the kinds of plugins' models.

    Args:
        settings: by dotted key, of each of several configurations.

    Returns:
        The same, comparable; unchanged where all models are of timm.
    """
    keys = {"model.name": "model.kind"} if any("model.kind" in flat for flat in settings.values()) else {}
    return {
        name: {key if "model.kind" in flat else keys.get(key, key): value for key, value in flat.items()}
        for name, flat in settings.items()
    }


def label(value: Any) -> str:
    """How a value reads: ``0.001``, ``6-5-2`` (``none`` for an empty list), ``triangular(max_lr=0.001)``."""
    if isinstance(value, Mapping):
        rest = ", ".join(f"{key}={label(item)}" for key, item in value.items() if key != "kind")
        kind = str(value.get("kind", ""))
        return f"{kind}({rest})" if rest else kind
    if isinstance(value, list | tuple):
        return "-".join(map(label, value)) or "none"
    return echo(value) if isinstance(value, int) else str(value)

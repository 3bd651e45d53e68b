"""Lets studies name the methods of plugins, and calls these; one is used because a user named it, and else never."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from raysat.config.plugins.faults import line_of, located, plugin_faults
from raysat.config.plugins.load import LoadedPlugin, load
from raysat.config.plugins.settings import METHODS, SECTIONS, Method, PluginSettings, kind_of, source_of
from raysat.config.plugins.source import PluginSource
from raysat.config.schema import Config, variants
from raysat.errors import PluginError


def use_plugin(source: PluginSource) -> LoadedPlugin:
    """Load a plugin, and let studies name its methods, in place of those of the same file as it was before.

    Raises:
        PluginError: it cannot be run, registers what is wrong, or a kind that there is already.
    """
    plugin = load(source)
    METHODS.forget(source.place)
    for number, settings in enumerate(plugin.settings):
        kind, section = kind_of(settings), settings.section
        if kind in [kind_of(other) for other in plugin.settings[:number] if other.section == section]:
            raise located(source, None, f"it registers {section}: {kind} twice", "give each kind a name of its own")
        other = variants(section).get(kind)
        whose = source_of(other) if other is not None and issubclass(other, PluginSettings) else None
        if other is not None and (whose is None or whose.digest != source.digest):
            name = whose.place if whose else "raysat"
            raise located(source, None, f"{section}: {kind} is one of {name} already", "call it by another kind")
    for settings in plugin.settings:
        METHODS.name(settings)
    return plugin


def sources_of(configs: Iterable[Config]) -> tuple[PluginSource, ...]:
    """The plugins whose methods configurations use, each once."""
    found = {}
    for config in configs:
        for section in Config.model_fields:
            settings = getattr(config, section)
            if isinstance(settings, PluginSettings) and settings.plugin:
                found[settings.plugin] = source_of(type(settings))
    return tuple(found.values())


def changed_plugins() -> tuple[str, ...]:
    """Say of each plugin that studies may name whose file is another now: what was read is what ran."""
    return tuple(
        f"{source.name} has changed since it was read: {source.digest} ran; the same command again trains the new one"
        for source in named_plugins()
        if source.has_changed
    )


def named_plugins() -> tuple[PluginSource, ...]:
    """The plugins whose methods studies of this process may name."""
    settings = (each for section in SECTIONS for each in METHODS.of(section).values())
    return tuple(dict.fromkeys(map(source_of, settings)))


def without_plugins(config: Config, *, but: Collection[str] = ()) -> Config:
    """Return a configuration whose methods of plugins are the default ones, for what cannot load plugins.

    Args:
        config: that may have some.
        but: sections that stay as they are.
    """
    plain = {name: field.default for name, field in Config.model_fields.items() if name not in but}
    own = [name for name in plain if isinstance(getattr(config, name), PluginSettings)]
    return config.model_copy(update={name: plain[name] for name in own}) if own else config


def method_of(settings: PluginSettings) -> Method:
    """What a plugin registered with these settings."""
    if settings.plugin_method is None:
        raise RuntimeError(f"{type(settings).__name__} has no method: only those of a plugin that was loaded have")
    return settings.plugin_method


def call(settings: PluginSettings, *given: Any, function: Callable[..., Any] | None = None, **named: Any) -> Any:
    """Call a method's function, or another one of its plugin, with its settings and what is given.

    Raises:
        PluginError: it raised something.
    """
    method = method_of(settings)
    with plugin_faults(method.source, f"{method.section}: {settings.kind}"):
        return (function or method.function)(settings, *given, **named)


def wrong_result(
    settings: PluginSettings, message: str, *, hint: str = "{raysat check-plugin} tries it"
) -> PluginError:
    """Make the error of a function that returned what it must not.

    Args:
        settings: of the method.
        message: what of it is wrong.
        hint: what to do.

    Returns:
        The error.
    """
    method = method_of(settings)
    source = method.source or PluginSource(name="plugin", place="the plugin", text="")
    where = f"{method.section}: {settings.kind}"
    return located(source, line_of(method.function), f"{where} {message}", hint)

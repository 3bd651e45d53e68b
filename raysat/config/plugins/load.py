"""Loads a plugin: runs its text as a module that is called by its hash, and checks what it registers.

A process does so once for a text, whoever asks: the command line that names its file, or a worker that gets settings
of it, which bring the text along. Nothing is written, and nothing is looked for beside the file.
"""

from __future__ import annotations

import inspect
import linecache
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from threading import RLock
from types import ModuleType
from typing import Any, Final, Literal, cast, get_args, get_origin

from pydantic import Field, ValidationError, create_model

from raysat.config.plugins.faults import line_of, located, plugin_faults
from raysat.config.plugins.settings import SECTIONS, Method, PluginSettings, kind_of
from raysat.config.plugins.source import PluginSource
from raysat.errors import PluginError

_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HELP: Final = "docs/extend.md has an example"
_LOCK: Final = RLock()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPlugin:
    """A plugin whose code ran in this process."""

    source: PluginSource
    settings: tuple[type[PluginSettings], ...]  # of its methods, in its order


_loaded: dict[PluginSource, LoadedPlugin] = {}
_registering: ContextVar[list[Method] | None] = ContextVar("_registering", default=None)


def register(settings: type[PluginSettings], function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Take what a plugin's decorator says, while its module runs; without effect where no plugin is being loaded.

    Args:
        settings: of the method.
        function: that does what they say.
        options: what else the decorator takes.
    """
    section = getattr(settings, "section", "")
    if (found := _registering.get()) is not None:
        found.append(Method(section=section, settings=settings, function=function, options=options))


def load(source: PluginSource) -> LoadedPlugin:
    """Run a plugin, unless this process has. Raises PluginError where it fails, or registers what is wrong."""
    with _LOCK:
        if source not in _loaded:
            methods = _run(source)
            _loaded[source] = LoadedPlugin(
                source=source, settings=tuple(_bound(replace(method, source=source)) for method in methods)
            )
        return _loaded[source]


def revived(source: PluginSource, section: str, kind: str, values: Mapping[str, Any]) -> PluginSettings:
    """Return settings that came from another process, as pickle asks for them; loads their plugin.

    Args:
        source: of the plugin.
        section: of the method.
        kind: of the method.
        values: of its settings.

    Returns:
        The settings.
    """
    settings = next(each for each in load(source).settings if (each.section, kind_of(each)) == (section, kind))
    return settings.model_validate(values, by_alias=True, by_name=True)


def _run(source: PluginSource) -> list[Method]:
    """Run a plugin's text as a module; return what it registers."""
    name = f"raysat_plugin_{source.digest}"
    module = ModuleType(name)
    module.__file__ = source.place
    methods: list[Method] = []
    token = _registering.set(methods)
    sys.modules[name] = module  # where pydantic looks up what annotations name
    linecache.cache[source.place] = (len(source.text), None, source.text.splitlines(keepends=True), source.place)
    try:
        with plugin_faults(source, "it cannot be run"):
            exec(compile(source.text, source.place, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        if not methods:
            raise located(source, None, "it registers no method", _HELP)
    except PluginError:
        del sys.modules[name]
        raise
    finally:
        _registering.reset(token)
    return methods


def _bound(method: Method) -> type[PluginSettings]:
    """Check a method's settings, and return them bound to the plugin: with its hash, and the function."""
    settings, source = method.settings, method.source
    if source is None:
        raise RuntimeError("a method is bound to the plugin that was loaded")

    def fault(message: str) -> PluginError:
        name = getattr(settings, "__name__", "settings")
        return located(source, line_of(settings) or line_of(method.function), f"{name}: {message}", _HELP)

    if not isinstance(settings, type) or not issubclass(settings, tuple(SECTIONS.values())):
        raise fault(f"settings derive from {', '.join(each.__name__ for each in SECTIONS.values())}")
    if not callable(method.function):
        raise fault("what its decorator is given is no function")
    kind = settings.model_fields["kind"]
    is_literal = get_origin(kind.annotation) is Literal and get_args(kind.annotation) == (kind.default,)
    if not is_literal and not (kind.annotation is str and isinstance(kind.default, str)):
        raise fault('it needs its name as a field: kind: Literal["my_loss"] = "my_loss"')
    if not _KIND.fullmatch(str(kind.default)):
        raise fault(f"kind {kind.default!r} is not of small letters, digits, _ and -, at most 40")
    if not (settings.__dict__.get("__doc__") or "").strip():
        raise fault("it has no docstring, whose first line says what it does")
    if taken := _taken(settings):
        raise fault(f"the field {taken} is raysat's own")
    for key, field in settings.model_fields.items():
        if field.is_required():
            raise fault(f"the setting {key} has no default")
        if key != "kind" and not field.description:
            raise fault(f"the setting {key} has no description: {key}: float = Field(default=..., description=...)")
    plugin = Field(source.digest, description=settings.model_fields["plugin"].description)
    fields: dict[str, Any] = {"kind": (Literal[kind.default], kind), "plugin": (Literal[source.digest], plugin)}
    made: Any = create_model(
        settings.__name__, __base__=settings, __doc__=settings.__doc__, __module__=settings.__module__, **fields
    )
    bound = cast("type[PluginSettings]", made)
    bound.plugin_method = replace(method, settings=bound)
    try:
        hash(made())
    except ValidationError as error:
        raise fault(f"its defaults are not valid: {error.errors()[0]['msg']}") from error
    except TypeError as error:
        raise fault("a setting cannot be hashed: use tuples in place of lists") from error
    return bound


def _taken(settings: type[PluginSettings]) -> str | None:
    """A setting by a name that raysat has for something else; None where there is none."""
    mine = (each for each in settings.__mro__ if each not in PluginSettings.__mro__)
    if any("plugin" in inspect.get_annotations(each) for each in mine):
        return "plugin"
    return next((key for key in settings.model_fields if key in vars(SECTIONS[settings.section])), None)

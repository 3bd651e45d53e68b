"""Loads a plugin: runs its text as a module that is called by its hash, and checks what it registers.

A process does so once for a text, whoever asks: the command line that names its file, or a worker that gets settings
of it, which bring the text along. Nothing is written, and nothing is looked for beside the file.
"""

from __future__ import annotations

import inspect
import linecache
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from threading import RLock
from types import ModuleType
from typing import Any, Final, Literal, cast, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, create_model

from raysat.config.plugins.faults import line_of, located, plugin_faults
from raysat.config.plugins.settings import SECTIONS, Method, PluginSettings, kind_of
from raysat.config.plugins.signatures import unfit
from raysat.config.plugins.source import PluginSource
from raysat.errors import PluginError
from raysat.formatting import echo

_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HELP: Final = "docs/extend.md has an example"
_SHADOWS: Final = 'Field name ".*" in ".*" shadows an attribute'  # of pydantic: what it means is refused in a line
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
        with plugin_faults(source, "it cannot be run"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", _SHADOWS, UserWarning)
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
    _check_signatures(method, source)
    if wrong := _wrong_kind(settings) or _wrong_setting(settings):
        raise fault(wrong)
    kind = settings.model_fields["kind"]
    plugin = Field(source.digest, description=settings.model_fields["plugin"].description)
    fields: dict[str, Any] = {"kind": (Literal[kind.default], kind), "plugin": (Literal[source.digest], plugin)}
    made: Any = create_model(
        settings.__name__, __base__=settings, __doc__=settings.__doc__, __module__=settings.__module__, **fields
    )
    bound = cast("type[PluginSettings]", made)
    bound.plugin_method = replace(method, settings=bound)
    if wrong := _wrong_default(bound, source):
        raise fault(wrong)
    return bound


def _check_signatures(method: Method, source: PluginSource) -> None:
    """Raise PluginError for a function that cannot be called as raysat does."""
    functions = {method.section: method.function, "posterior": method.options.get("posterior")}
    for section, function in functions.items():
        if function is not None and (wrong := unfit(section, function)):
            raise located(source, line_of(function) or line_of(method.settings), wrong, _HELP)


def _wrong_kind(settings: type[PluginSettings]) -> str | None:
    """What is wrong with how a method is called and described."""
    kind = settings.model_fields["kind"]
    is_literal = get_origin(kind.annotation) is Literal and get_args(kind.annotation) == (kind.default,)
    if not is_literal and not (kind.annotation is str and isinstance(kind.default, str)):
        return 'it needs its name as a field: kind: Literal["my_loss"] = "my_loss"'
    if not _KIND.fullmatch(str(kind.default)):
        return f"kind {kind.default!r} is not of small letters, digits, _ and -, at most 40"
    if not (settings.__dict__.get("__doc__") or "").strip():
        return "it has no docstring, whose first line says what it does"
    return None


def _wrong_setting(settings: type[PluginSettings]) -> str | None:
    """What is wrong with the fields of settings, by themselves."""
    if taken := _taken(settings):
        return f"the field {taken} is raysat's own"
    for key, field in settings.model_fields.items():
        if field.is_required():
            return f"the setting {key} has no default"
        if key != "kind" and not field.description:
            return f"the setting {key} has no description: {key}: float = Field(default=..., description=...)"
    return None


def _wrong_default(settings: type[PluginSettings], source: PluginSource) -> str | None:
    """What is wrong with the defaults of settings. Raises PluginError where code of the plugin fails on them."""
    try:
        with plugin_faults(source, f"{settings.__name__}: its defaults"):
            values = settings.model_validate({})
            settings.model_validate(dict(values), by_alias=True, by_name=True)  # pydantic trusts what is not given
    except PluginError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise
        first = error.__cause__.errors()[0]
        said = first["msg"][:1].lower() + first["msg"][1:]
        if not first["loc"]:
            return f"its defaults are not valid: {said}"
        return f"the default of {first['loc'][0]}, {echo(first['input'])}, is not valid: {said}"
    try:
        hash(values)
    except TypeError:
        return "a setting cannot be hashed: use tuples in place of lists"
    return None


def _taken(settings: type[PluginSettings]) -> str | None:
    """A setting by a name that raysat has for something else; None where there is none."""
    mine = (each for each in settings.__mro__ if each not in PluginSettings.__mro__)
    if any("plugin" in inspect.get_annotations(each) for each in mine):
        return "plugin"
    raysats = {
        key for each in SECTIONS[settings.section].__mro__ if each not in BaseModel.__mro__ for key in vars(each)
    }
    return next((key for key in settings.model_fields if key in raysats), None)

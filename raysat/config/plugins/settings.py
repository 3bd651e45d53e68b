"""Settings of a plugin's methods: the families' open ends, by section, and how a family finds the one that is meant.

A family is a closed union of raysat's own members and one open class, such as ``LossSettings``, that plugins derive
from. A method of a plugin is known by its section and kind once the plugin was named; its ``plugin`` field, a hash of
the plugin's content, then is part of whatever is hashed or written of a configuration.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    WrapSerializer,
    WrapValidator,
)

from raysat.config.families.base import Spec
from raysat.config.plugins.source import PluginSource
from raysat.files import NeedsError
from raysat.formatting import echo


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a plugin registers: settings, and the function that does what they say."""

    section: str
    settings: type[PluginSettings]
    function: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)  # what else the section's decorator takes
    source: PluginSource | None = None  # None before the plugin is loaded as one


class PluginSettings(Spec):
    """Settings of a method that a plugin adds to a family; its own fields need defaults and descriptions."""

    section: ClassVar[str]
    plugin_method: ClassVar[Method | None] = None

    kind: str
    plugin: str = Field(default="", description="Hash of the plugin's content, which names the trials that use it.")

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Take the plugin's text along to other processes, and load it there."""
        method = self.plugin_method
        if method is None or method.source is None:
            return super().__reduce__()
        from raysat.config.plugins.load import revived  # noqa: PLC0415  (which needs this module)

        return revived, (method.source, method.section, self.kind, self.model_dump())


class LossSettings(PluginSettings):
    """Settings of a loss."""

    section: ClassVar[str] = "loss"


class SamplerSettings(PluginSettings):
    """Settings of a sampler."""

    section: ClassVar[str] = "sampler"


class AugmentSettings(PluginSettings):
    """Settings of an augmentation."""

    section: ClassVar[str] = "augment"

    @property
    def forward_passes(self) -> int:
        """Images that pass through the model for each patch of a batch."""
        return 1


class ScheduleSettings(PluginSettings):
    """Settings of a schedule; ``sets_own_lr`` says that its rates take the place of ``optim.lr``."""

    section: ClassVar[str] = "schedule"
    sets_own_lr: ClassVar[bool] = False


class AverageSettings(PluginSettings):
    """Settings of an average of the weights after some epochs."""

    section: ClassVar[str] = "average"


class ModelSettings(PluginSettings):
    """Settings of a model; what else is known of it is told in the words of one of timm."""

    section: ClassVar[str] = "model"
    pretrained: ClassVar[bool] = False
    weights: ClassVar[None] = None
    trains: ClassVar[Literal["all"]] = "all"  # what of it that is, its own ``requires_grad`` says
    layer_decay: ClassVar[float] = 1.0
    stem: ClassVar[Literal["native"]] = "native"  # any number of bands is its own affair
    classifier: ClassVar[Literal["linear"]] = "linear"  # its scores are logits

    @property
    def name(self) -> str:
        """What it is called."""
        return self.kind

    @property
    def cited(self) -> str:
        """Where it is from: the paper that its docstring names, or else its plugin."""
        from raysat.config.describe import read_docstring  # noqa: PLC0415  (which needs this module)

        paper = read_docstring(type(self))[2].get("Paper", "").rstrip(".")
        return paper or f"A plugin of raysat ({self.plugin})"


SECTIONS: Final[Mapping[str, type[PluginSettings]]] = {
    open_.section: open_
    for open_ in (LossSettings, SamplerSettings, AugmentSettings, ScheduleSettings, AverageSettings, ModelSettings)
}


class PluginMethods:
    """The methods of plugins that this process may name, by section and kind."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, str], type[PluginSettings]] = {}

    def of(self, section: str) -> dict[str, type[PluginSettings]]:
        """Those of a section, by kind."""
        return {kind: settings for (of, kind), settings in self._named.items() if of == section}

    def name(self, settings: type[PluginSettings]) -> None:
        """Let studies name one."""
        self._named[settings.section, kind_of(settings)] = settings

    def forget(self, place: str | None = None) -> None:
        """Let studies no longer name those of the plugin that was read at a place, or any."""
        for key, settings in list(self._named.items()):
            if place is None or source_of(settings).place == place:
                del self._named[key]


METHODS: Final = PluginMethods()


def kind_of(settings: type[Spec]) -> str:
    """The kind of a method's settings."""
    return str(settings.model_fields["kind"].default)


def source_of(settings: type[PluginSettings]) -> PluginSource:
    """The plugin that loaded settings are of."""
    if settings.plugin_method is None or settings.plugin_method.source is None:
        raise RuntimeError(f"{settings.__name__} is of no plugin that was loaded")
    return settings.plugin_method.source


class UnknownKindError(ValueError):
    """A kind in a section whose own member has none."""


class Family:
    """Makes a union of members, told apart by ``kind``, take the methods of plugins too: those of a section.

    A single member of raysat's own may have no ``kind``: then whatever has one is of a plugin.
    """

    def __init__(self, section: str) -> None:
        self._section, self._kinds = section, frozenset[str]()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        own = [member for member in get_args(source) if not issubclass(member, PluginSettings)]
        self._kinds = frozenset(kind_of(member) for member in own if "kind" in member.model_fields)
        union: Any = reduce(operator.or_, own)
        known: Any = Annotated[union, Field(discriminator="kind")] if self._kinds else union
        return handler.generate_schema(Annotated[known, WrapValidator(self._validated), WrapSerializer(_dumped)])

    def _validated(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, PluginSettings) and value.section == self._section:
            return value
        if not isinstance(value, dict):
            return handler(value)
        kind, wanted = value.get("kind"), value.get("plugin")
        settings = METHODS.of(self._section).get(kind) if isinstance(kind, str) else None
        if settings is not None:
            if wanted not in (None, "", has := source_of(settings).digest):
                hint = "name the file of that content by {--plugin}, or leave the hash out"
                raise NeedsError(f"{kind} is of the plugin {wanted}, not of {source_of(settings).name} ({has})", hint)
            return settings.model_validate(value, by_alias=True, by_name=True)
        if isinstance(kind, str) and isinstance(wanted, str) and kind not in self._kinds:
            raise NeedsError(f"{kind} is a method of the plugin {wanted}", "name its file by {--plugin}")
        if not self._kinds and "kind" in value:
            raise UnknownKindError(f"no plugin that is named has a {self._section} of kind {echo(kind)}")
        return handler(value)


def _dumped(value: Any, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
    if isinstance(value, PluginSettings):
        return value.model_dump(mode=info.mode)  # its own fields, whichever members the union lists
    return handler(value)

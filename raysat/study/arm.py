"""One arm of a study, and what sets each part of its configuration: base, the arm itself or an option, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from raysat.config.schema import Config
from raysat.config.yaml_source import YamlValue
from raysat.errors import UsageError
from raysat.formatting import echo

_SETTING: Final = re.compile(r"[a-z]+\.[a-z_0-9]+")  # with which the message of an error about one begins


Layer = Literal["base", "arm", "option"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What sets a section or a setting of an arm, and its place: ``file:line``, or the option."""

    layer: Layer
    place: str


def find_origins(tree: YamlValue, layers: Iterable[tuple[Layer, YamlValue]]) -> dict[str, Origin]:
    """Return what sets each section and each setting of an arm, by dotted key; a default is set by nothing.

    Args:
        tree: the arm's configuration as written, its layers merged.
        layers: these, the one that wins first.
    """
    layers = list(layers)
    origins: dict[str, Origin] = {}
    for section, content in tree.value.items():
        for key in [(section,), *((section, name) for name in (content if isinstance(content, dict) else ()))]:
            layer = next(((name, layer) for name, layer in layers if _has(layer.value, key)), None)
            if layer is not None:
                origins[".".join(map(str, key))] = Origin(layer[0], layer[1].location(key))
    return origins


def _has(tree: object, key: tuple[str, ...]) -> bool:
    for part in key:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One configuration, to be run with every seed."""

    name: str
    config: Config
    in_grid: bool = False  # a combination of the grid, not a named row
    place: str = field(default="", compare=False, repr=False)  # where it is written: file:line
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)  # of what is no default
    tree: YamlValue = field(default=YamlValue({}), compare=False, repr=False)  # its configuration as written

    @contextmanager
    def located(self) -> Iterator[None]:
        """Name the arm in an error that is raised within, and the place of the setting with which its message begins.

        What is wrong on a store alone, such as a band that it does not have, is found long after the file is read.
        """
        try:
            yield
        except UsageError as error:
            key = _SETTING.match(error.template)
            origin = key and (self.origins.get(key[0]) or self.origins.get(key[0].partition(".")[0]))
            place = origin.place if origin else self.place
            arm = f"arm {echo(self.name)}"
            told = f"{place}: {error.template} ({arm})" if place else f"{arm}: {error.template}"
            raise type(error)(told, hint=error.hint_template) from None

"""One parameter of a search, or setting that a study tunes: what may vary, and over which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raysat.config.diff import label
from raysat.config.yaml_source import YamlValue
from raysat.study.distribution import Distribution, ParamValue

Params = Mapping[str, ParamValue]  # what is suggested for a candidate, by parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a search: a section of the configuration, or a key in it."""

    path: tuple[str, ...]
    distribution: Distribution
    tree: YamlValue  # the distribution as written
    condition: frozenset[int] | None = None  # choices of its section under which it applies; None for all

    @property
    def name(self) -> str:
        """Its key as people write it: ``optim.lr``."""
        return ".".join(self.path)

    @property
    def section(self) -> str:
        """The section that it varies."""
        return self.path[0]

    @property
    def selects_kind(self) -> bool:
        """Whether it can change which keys its section has."""
        return len(self.path) == 1 or self.path[1] == "kind"

    def setting(self, param: ParamValue) -> YamlValue:
        """A configuration tree with this parameter's value alone."""
        value = YamlValue(self.distribution.value(param), {}, self.tree.location())
        tree = value.nested_under(*self.path)
        return tree.expand() if isinstance(value.value, dict) else tree

    def choices(self) -> list[dict[str, Any]]:
        """What each value of one that selects a kind sets in its section."""
        return [self.setting(n).value[self.section] for n in self.distribution.boundary()]

    def label(self, param: ParamValue) -> str:
        """How a value reads: ``ldam``, ``0.001``."""
        return label(self.distribution.value(param))

    def applies(self, params: Params, parameters: tuple[Parameter, ...]) -> bool:
        """Whether it is suggested, given the params that select kinds."""
        if self.condition is None:
            return True
        return any(params[p.name] in self.condition for p in parameters if p.selects_kind and p.section == self.section)

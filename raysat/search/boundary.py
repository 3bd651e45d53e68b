"""Boundary points of a search's space, section by section: sections are validated apart, so these are all there are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from raysat.search.distribution import ParamValue
from raysat.search.parameters import Parameter


def boundary_points(parameters: tuple[Parameter, ...]) -> Iterator[dict[str, ParamValue]]:
    """Yield the params of every boundary point: both ends of a range, every choice."""
    for selected, others in _by_kind(parameters):
        yield from (selected | point for point in _product(others))


def count_boundary_points(parameters: tuple[Parameter, ...]) -> int:
    """Count them without making any."""
    return sum(math.prod(len(p.distribution.boundary()) for p in others) for _, others in _by_kind(parameters))


def _by_kind(parameters: tuple[Parameter, ...]) -> Iterator[tuple[dict[str, ParamValue], list[Parameter]]]:
    """Yield the params that select a section's kind, and which other parameters of the section apply then."""
    for section in dict.fromkeys(parameter.section for parameter in parameters):
        inside = [parameter for parameter in parameters if parameter.section == section]
        for selected in _product([parameter for parameter in inside if parameter.selects_kind]):
            yield selected, [p for p in inside if not p.selects_kind and p.applies(selected, parameters)]


def _product(parameters: list[Parameter]) -> Iterator[dict[str, ParamValue]]:
    """Yield every combination of these parameters' boundary values."""
    names = [parameter.name for parameter in parameters]
    for values in itertools.product(*(parameter.distribution.boundary() for parameter in parameters)):
        yield dict(zip(names, values, strict=True))

"""The corners of a search's space, section by section: sections are validated apart, so these are all there are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from raysat.search.space import Axis, Drawn, applies


def corners(axes: tuple[Axis, ...]) -> Iterator[dict[str, Drawn]]:
    """Yield drawn values at every corner: both ends of a range, every choice."""
    for drawn, rest in _by_kind(axes):
        for ends in itertools.product(*(axis.ends() for axis in rest)):
            yield drawn | {axis.name: end for axis, end in zip(rest, ends, strict=True)}


def count_corners(axes: tuple[Axis, ...]) -> int:
    """Count them without making any."""
    return sum(math.prod(len(axis.ends()) for axis in rest) for _, rest in _by_kind(axes))


def _by_kind(axes: tuple[Axis, ...]) -> Iterator[tuple[dict[str, Drawn], list[Axis]]]:
    """Yield what the axes that switch kinds draw, and which other axes of their section apply then."""
    for section in dict.fromkeys(axis.section for axis in axes):
        own = [axis for axis in axes if axis.section == section]
        switches = [axis for axis in own if axis.switches]
        for start in itertools.product(*(axis.ends() for axis in switches)):
            drawn: dict[str, Drawn] = {axis.name: end for axis, end in zip(switches, start, strict=True)}
            yield drawn, [axis for axis in own if not axis.switches and applies(axis, drawn, axes)]

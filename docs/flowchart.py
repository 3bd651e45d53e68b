"""A Mermaid flow chart of plain arrows (``a --> b``) as SVG, so that a page needs no script to show it.

Layers from the longest way to each box, as in Sugiyama, Tagawa & Toda 1981; an arrow over several layers goes through a
place of its own in each of them, and boxes move towards the mean of what they are joined to.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import Final

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 104, 30, 16, 44, 8
THROUGH: Final = 14  # what an arrow takes in a layer that it passes
SWEEPS: Final = 24

Edge = tuple[str, str]


def to_svg(chart: str) -> str:
    """Draw ``flowchart TD``; raises ValueError for a line that is no arrow."""
    lines = [line.strip() for line in chart.splitlines() if line.strip()]
    edges: list[Edge] = []
    for line in lines[1:]:
        found = re.fullmatch(r"(\w+) --> (\w+)", line)
        if not found:
            raise ValueError(f"no arrow: {line!r}")
        edges.append((found[1], found[2]))
    layer = _layers(edges)
    steps, ways = _with_places(edges, layer)
    rows = _ordered(steps, layer)
    return _drawn(ways, _placed(rows))


def _layers(edges: list[Edge]) -> dict[str, int]:
    """The layer of each box: below all that point to it."""
    layer = dict.fromkeys((box for edge in edges for box in edge), 0)
    for _ in layer:
        for above, below in edges:
            layer[below] = max(layer[below], layer[above] + 1)
    last = max(layer.values(), default=0)
    for box in sorted(layer, key=lambda box: -layer[box]):  # as low as what it points to allows
        layer[box] = min((layer[below] - 1 for above, below in edges if above == box), default=min(layer[box], last))
    return layer


def _with_places(edges: list[Edge], layer: dict[str, int]) -> tuple[list[Edge], list[list[str]]]:
    """Arrows from layer to layer, and the way of each whole arrow; places between get layers of their own."""
    steps: list[Edge] = []
    ways: list[list[str]] = []
    for above, below in edges:
        between = [f"{above}>{below}>{level}" for level in range(layer[above] + 1, layer[below])]
        layer.update({name: layer[above] + 1 + index for index, name in enumerate(between)})
        way = [above, *between, below]
        ways.append(way)
        steps += pairwise(way)
    return steps, ways


def _ordered(steps: list[Edge], layer: dict[str, int]) -> list[list[str]]:
    """The boxes and places of each layer from left to right, with few crossings."""
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in sorted(layer):
        rows[layer[name]].append(name)
    near: dict[str, list[str]] = defaultdict(list)
    for above, below in steps:
        near[above].append(below)
        near[below].append(above)
    at = {name: index / len(row) for row in rows for index, name in enumerate(row)}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            row.sort(key=lambda name: (sum(at[other] for other in near[name]) / max(1, len(near[name])), name))
            at |= {name: (index + 0.5) / len(row) for index, name in enumerate(row)}
    return rows


def _placed(rows: list[list[str]]) -> dict[str, tuple[float, float]]:
    """The middle of each box and place, rows centred."""
    widths = [sum(_width(name) + GAP_X for name in row) - GAP_X for row in rows]
    middles = {}
    for number, (row, width) in enumerate(zip(rows, widths, strict=True)):
        left = MARGIN + (max(widths) - width) / 2
        for name in row:
            middles[name] = (left + _width(name) / 2, MARGIN + HEIGHT / 2 + number * (HEIGHT + GAP_Y))
            left += _width(name) + GAP_X
    return middles


def _width(name: str) -> float:
    return THROUGH if ">" in name else WIDTH


def _drawn(ways: list[list[str]], middles: dict[str, tuple[float, float]]) -> str:
    right = max(x for x, _ in middles.values()) + WIDTH / 2 + MARGIN
    bottom = max(y for _, y in middles.values()) + HEIGHT / 2 + MARGIN
    lines = [
        f'<svg class="flowchart" viewBox="0 0 {right:g} {bottom:g}" width="{right:g}" role="img" '
        'aria-label="Which package uses which" xmlns="http://www.w3.org/2000/svg">',
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker>',
    ]
    for way in ways:
        points = [middles[name] for name in way]
        points[0] = (points[0][0], points[0][1] + HEIGHT / 2)
        points[-1] = (points[-1][0], points[-1][1] - HEIGHT / 2)
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (x0, y0), (x1, y1) in pairwise(points):
            path += f"C{x0:.1f} {(y0 + y1) / 2:.1f} {x1:.1f} {(y0 + y1) / 2:.1f} {x1:.1f} {y1:.1f}"
        lines.append(f'<path d="{path}" fill="none" stroke="currentColor" opacity=".55" marker-end="url(#tip)"/>')
    for name, (x, y) in middles.items():
        if ">" not in name:
            left, top = x - WIDTH / 2, y - HEIGHT / 2
            lines.append(f'<rect x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="4"/>')
            lines.append(f'<text x="{x:g}" y="{y + 5:g}" text-anchor="middle">{name}</text>')
    return "\n".join([*lines, "</svg>"])

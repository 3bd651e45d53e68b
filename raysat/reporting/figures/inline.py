"""A figure's SVG as part of a page: ids of its own, the page's colours, as wide as there is room."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from raysat.reporting.figures.colours import COLOURS
from raysat.reporting.figures.style import FONTS, RenderedFigure

_NAMES: Final = {light: name for name, (light, _) in COLOURS.items()}
_COLOUR: Final = re.compile("|".join(map(re.escape, _NAMES)), re.IGNORECASE)
_DROPPED: Final = ("metadata", "style", "title")  # matplotlib's style would apply to the whole page


def inline(rendered: RenderedFigure) -> str:
    """Return the SVG element of a figure for an HTML page; several can stand in one page."""
    root = ET.fromstring(rendered.svg)  # noqa: S314  (our own)
    for element in root.iter():
        for child in [child for child in element if _local(child.tag) in _DROPPED]:
            element.remove(child)
    for figure in [group for group in root if group.get("id") == "figure_1"]:
        for ground in [group for group in figure if group.get("id") == "patch_1"]:
            figure.remove(ground)  # the page has its own
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {
            _local(key): _value(_local(key), value, rendered.name) for key, value in element.attrib.items()
        }
        if element.text is not None and not element.text.strip():
            element.text = None
        element.tail = None
    box = root.attrib["viewBox"]
    width = float(box.split()[2])
    root.attrib = {
        "viewBox": box,
        "role": "img",
        "aria-label": f"{rendered.title}. {rendered.alt}",
        "style": f"max-width: {width / 72:g}in; stroke-linejoin: round; stroke-linecap: butt",
    }
    return ET.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _value(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return f"{prefix}-{value}"
    if key == "href":
        return value.replace("#", f"#{prefix}-", 1)
    value = value.replace("url(#", f"url(#{prefix}-")
    if key in ("style", "fill"):
        value = _COLOUR.sub(lambda match: f"var(--{_NAMES[match[0].lower()]})", value).replace(FONTS, "var(--sans)")
    return value

"""The page itself: HTML from a template, one style in the report's colours, and a script in a few modules."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from raysat import __version__
from raysat.reporting.figures.colours import COLOURS

_SCRIPT: Final = "text/javascript; charset=utf-8"
ASSETS: Final = {  # by name: what it is
    "board.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    **dict.fromkeys(
        (
            "board.js",
            "chart.js",
            "curves.js",
            "feed.js",
            "head.js",
            "keys.js",
            "leaders.js",
            "lists.js",
            "pager.js",
            "plan.js",
            "search.js",
            "strip.js",
            "text.js",
        ),
        _SCRIPT,
    ),
}


@cache
def page() -> bytes:
    """The page, the same for all runs: what it shows it asks for."""
    environment = Environment(
        loader=PackageLoader("raysat.board", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("board.html.j2").render(version=__version__).encode()


@cache
def style() -> bytes:
    """The style, with the report's colours for a light and a dark screen before it."""
    light, dark = (" ".join(f"--{name}: {pair[theme]};" for name, pair in COLOURS.items()) for theme in (0, 1))
    colours = f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return colours.encode() + (files("raysat.board.page") / "board.css").read_bytes()

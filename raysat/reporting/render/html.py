"""A page as HTML that needs nothing else: no network, no other file, and JavaScript for sorting alone."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from raysat import __version__
from raysat.reporting.figures.colours import COLOURS
from raysat.reporting.figures.inline import inline
from raysat.reporting.figures.style import RenderedFigure
from raysat.reporting.format.document import Document

_PACKAGE: Final = "raysat.reporting.render"
_PRINTED_ROWS: Final = 20  # of each table on paper; style.css hides the others


def to_html(document: Document, drawings: Sequence[RenderedFigure]) -> str:
    """Write a page, self-contained; every text is escaped, and figures that were not drawn are left out."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode()
    page = environment.get_template("report.html.j2").render(
        document=document.with_figures({drawing.name for drawing in drawings}),
        figures={drawing.name: (drawing, Markup(inline(drawing))) for drawing in drawings},  # noqa: S704  (escaped as XML)
        colours=[{name: pair[theme] for name, pair in COLOURS.items()} for theme in (0, 1)],
        style=_asset("style.css"),
        script=_asset("table.js"),
        version=__version__,
        printed_rows=_PRINTED_ROWS,
    )
    return page + "\n"


def _asset(name: str) -> Markup:
    """A file of ours that stands in the page as it is."""
    return Markup((files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704

"""How every figure looks: colours, fonts, and a rendered figure's bytes, the same whenever it is drawn again."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.colours import COLOURS
from raysat.reporting.figures.page import SCREEN, Page, drawing_for, page
from raysat.reporting.figures.pdf import to_pdf

DPI: Final = 160  # of PNG
FONTS: Final = "'DejaVu Sans', Verdana, Arial, Helvetica, sans-serif"  # about as wide as the first

INK, MUTED, GRID, SURFACE, ACCENT, WARN, *SERIES = (light for light, _ in COLOURS.values())
DASHES: Final = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (5, 1.5, 1.5, 1.5)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS: Final = ("o", "s", "^", "D", "v", "P")

_RC: Final[Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": SURFACE,
    "savefig.facecolor": SURFACE,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.parse_math": False,  # names of arms and classes are no formulas
    "text.usetex": False,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "svg.hashsalt": "raysat",  # the same ids whenever drawn
    "pdf.fonttype": 42,  # TrueType: journals take no Type 3
    "path.simplify": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFigure:
    """A figure in its forms, and what it is called."""

    name: str  # safe in file names and ids
    title: str
    caption: Caption
    alt: str  # for those who cannot see it
    svg: str = ""  # of one for a screen
    png: bytes = b""  # of one for a screen
    pdf: bytes = b""  # of one for a paper


@contextmanager
def style(target: Page = SCREEN) -> Iterator[None]:
    """Draw in the style of reports, for a page; glyphs that the font lacks are no reason to warn."""
    with rc_context(_RC), drawing_for(target), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing.*")
        yield


def render(figure: Figure, name: str, *, title: str, caption: Caption, alt: str) -> RenderedFigure:
    """Return a figure as SVG and PNG, or as PDF for a paper, with nothing in them that differs from run to run.

    Args:
        figure: what to write.
        name: safe in file names and ids.
        title: for pages.
        caption: what stands below it.
        alt: for those who cannot see it.
    """
    if page().millimetres is not None:
        return RenderedFigure(name=name, title=title, caption=caption, alt=alt, pdf=to_pdf(figure, page(), title))
    svg, png = io.BytesIO(), io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(svg, format="svg", metadata={**nothing, "Title": title})
    figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    text = svg.getvalue().decode().replace("'DejaVu Sans'", FONTS)
    return RenderedFigure(name=name, title=title, caption=caption, alt=alt, svg=text, png=png.getvalue())


def line_looks(names: Sequence[str], baseline: str) -> dict[str, dict[str, Any]]:
    """Return how the line of each arm looks, the same in every figure: the baseline's in ink, the others' by rank.

    Args:
        names: of arms, best first; at most one more than there are colours.
        baseline: what they are compared with.
    """
    others = [name for name in names if name != baseline]
    looks: dict[str, dict[str, Any]] = {
        name: {"color": color, "linestyle": dash, "linewidth": 1.5}
        for name, color, dash in zip(others, SERIES, DASHES, strict=False)
    }
    return looks | {baseline: {"color": INK, "linestyle": "-", "linewidth": 2.2}}


def new_figure(height: float, width: float | None = None) -> Figure:
    """Return an empty figure whose parts make room for each other; sizes in inches, by default as wide as the page."""
    return Figure(figsize=(page().width if width is None else width, height), layout="constrained")


def turned(*, upright: bool) -> dict[str, Any]:
    """How names stand below a narrow axis: slanted or, where that is too wide, upright."""
    side = {"rotation": 90, "va": "center"} if upright else {"rotation": 50, "va": "top"}
    return {**side, "ha": "right", "rotation_mode": "anchor"}


def hide_axis_ticks(axes: Axes, *, left: bool = True) -> None:
    """Take the ticks from an axis of names and, without ``left``, its line."""
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(left)

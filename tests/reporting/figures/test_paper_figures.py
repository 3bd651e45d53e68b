"""Figures as a paper has them: as wide as a column, nothing cut off, letters embedded and of a readable size."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.figures import RenderedFigure, draw
from raysat.reporting.figures.calibration import calibration
from raysat.reporting.figures.page import DOUBLE, PAPER, SCREEN, SINGLE, Page, page
from raysat.reporting.figures.pdf import to_pdf
from raysat.reporting.figures.style import style
from raysat.reporting.figures.tradeoff import tradeoff
from tests.helpers.report import GRID, GRID_CONFIGS

MakeRun = Callable[..., object]
_ROUNDING = 0.03  # inches: of letters that reach beyond their width, and of lines half outside


@pytest.fixture(scope="module", name="grid")
def _grid(make_shared_run: MakeRun) -> Analysis:
    run = make_shared_run(GRID, seeds=range(4), configs=GRID_CONFIGS, grid=True)
    return analyze([Path(run.root)], combinations=["loss=ldam,average=swa"])  # type: ignore[attr-defined]


@pytest.fixture(scope="module", name="many")
def _many(make_shared_run: MakeRun) -> Analysis:
    """More arms than a page has rows, with long names, and ten classes."""
    arms = {
        f"arm {k} with a name that goes on and on {'x' * k}": (0.9, 0.5 + 0.005 * k, 0.6, 0.4) * 2 for k in range(30)
    }
    classes = tuple(f"class number {k}" for k in range(8))
    run = make_shared_run(arms, seeds=(0, 1), classes=classes, study="many")
    return analyze([Path(run.root)])  # type: ignore[attr-defined]


def media_box(pdf: bytes) -> tuple[float, float]:
    """Width and height of the page, in millimetres."""
    (found,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", pdf)
    return float(found[0]) / 72 * 25.4, float(found[1]) / 72 * 25.4


@pytest.fixture(name="drawn")
def _drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Figure, Page]]]:
    """Keep every figure that becomes a PDF."""
    kept: list[tuple[Figure, Page]] = []

    def keep(figure: Figure, target: Page, title: str) -> bytes:
        kept.append((figure, target))
        return to_pdf(figure, target, title)

    monkeypatch.setattr(import_module("raysat.reporting.figures.style"), "to_pdf", keep)
    return kept


@pytest.mark.slow
@pytest.mark.parametrize("target", PAPER, ids=lambda target: target.name)
@pytest.mark.parametrize("of", ["grid", "many"])
def test_each_is_as_wide_as_its_column_and_nothing_is_cut_off(
    of: str, target: Page, drawn: list[tuple[Figure, Page]], request: pytest.FixtureRequest
) -> None:
    figures = draw(request.getfixturevalue(of), target)
    assert len(figures) == len(drawn) > 4
    for rendered, (figure, _) in zip(figures, drawn, strict=True):
        wide, high = media_box(rendered.pdf)
        assert wide == pytest.approx(target.millimetres, abs=0.01)
        assert high < 247, f"{rendered.name} is {high:.0f} mm high: more than a page"
        assert (rendered.svg, rendered.png) == ("", b"")
        letters_are_embedded_as_truetype_and_nothing_tells_the_day(rendered)
        box = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
        size = figure.get_size_inches()
        assert box.x0 > -_ROUNDING, rendered.name
        assert box.y0 > -_ROUNDING, rendered.name
        assert box.x1 < size[0] + _ROUNDING, rendered.name
        assert box.y1 < size[1] + _ROUNDING, rendered.name
        scale = min(target.scale, target.millimetres / 25.4 / size[0])
        shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        smallest = min(text.get_fontsize() for text in shown) * scale
        assert 7.0 <= round(smallest, 1) <= 9, f"{rendered.name}: {smallest:.1f} pt"


def letters_are_embedded_as_truetype_and_nothing_tells_the_day(rendered: RenderedFigure) -> None:
    assert b"/Type3" not in rendered.pdf, rendered.name
    assert re.search(rb"/Subtype /CIDFontType2|/Subtype /TrueType", rendered.pdf)
    assert b"/FontFile2" in rendered.pdf
    assert b"Date" not in rendered.pdf
    assert b"/Title" in rendered.pdf


@pytest.mark.slow
def test_the_same_findings_are_the_same_bytes(grid: Analysis) -> None:
    def drawn() -> list[bytes]:
        with style(DOUBLE):
            return [tradeoff(grid).pdf, calibration(grid).pdf]

    assert drawn() == drawn()
    assert page() is SCREEN


def test_what_is_drawn_is_scaled_to_the_page() -> None:
    figure = Figure(figsize=(SINGLE.width, 2.0))
    figure.add_axes((0, 0, 1, 1)).plot([0, 1], [0, 1])
    pdf = to_pdf(figure, SINGLE, "a line")
    wide, high = media_box(pdf)
    assert (wide, high) == pytest.approx((88.0, 2.0 * SINGLE.scale * 25.4), abs=0.01)
    streams = [zlib.decompress(part) for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)[:1]]
    matrix = re.search(rb"([\d.]+) 0 0 ([\d.]+) ([\d.]+) 0 cm", streams[0])
    assert matrix is not None
    assert [float(number) for number in matrix.groups()] == pytest.approx([SINGLE.scale, SINGLE.scale, 0], abs=1e-5)


def test_a_drawing_that_is_wider_is_made_smaller_and_a_narrower_one_stands_in_the_middle() -> None:
    for width in (2 * SINGLE.width, 0.5 * SINGLE.width):
        pdf = to_pdf(Figure(figsize=(width, 1.0)), SINGLE, "empty")
        wide, high = media_box(pdf)
        assert wide == pytest.approx(88.0, abs=0.01)
        assert high == pytest.approx(25.4 * SINGLE.scale * min(1, SINGLE.width / width), abs=0.01)


def test_a_screen_has_no_width_on_paper() -> None:
    with pytest.raises(ValueError, match="no width on paper"):
        to_pdf(Figure(), SCREEN, "none")

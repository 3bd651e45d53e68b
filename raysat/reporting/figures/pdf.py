"""A figure as the one page of a PDF, exactly as wide as a paper's column, its text as letters of embedded TrueType.

matplotlib writes a page as large as its figure. Here all that it draws is scaled on its way to the page, and stands in
the middle where it is narrower. There is no date in it: the same figure is the same bytes.
"""

from __future__ import annotations

import io
from typing import Any, Final

from matplotlib.backends import backend_mixed, backend_pdf
from matplotlib.figure import Figure

from raysat.reporting.figures.page import MM_PER_INCH, Page

_PDF: Final[Any] = backend_pdf  # without types
_MIXED: Final[Any] = backend_mixed
_POINTS: Final = 72  # an inch
_IMAGE_DPI: Final = 300  # of what is no line and no letter


def to_pdf(figure: Figure, page: Page, title: str) -> bytes:
    """Return a figure as a page of a paper's width; a drawing that is too wide for it is made smaller.

    Args:
        figure: what to write.
        page: with a width in millimetres.
        title: in the file's information.
    """
    if page.millimetres is None:
        raise ValueError(f"the page {page.name!r} has no width on paper")
    wide, high = (float(side) for side in figure.get_size_inches())
    page_width = page.millimetres / MM_PER_INCH
    scale = min(page.scale, page_width / wide)
    figure.set_dpi(_POINTS)
    figure.patch.set_visible(False)  # the paper's own
    content = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Producer", "CreationDate"))
    file = _PDF.PdfFile(content, metadata={**nothing, "Title": title})
    try:
        file.newPage(page_width, high * scale)
        file.width, file.height = wide, high  # beyond which matplotlib leaves lines out: of the drawing, not the page
        file.output(scale, 0, 0, scale, _POINTS * (page_width - wide * scale) / 2, 0, _PDF.Op.concat_matrix)
        letters = _PDF.RendererPdf(file, _IMAGE_DPI, high, wide)
        renderer = _MIXED.MixedModeRenderer(figure, wide, high, _IMAGE_DPI, letters)
        figure.draw(renderer)
        renderer.finalize()
        file.finalize()
    finally:
        file.close()
    return content.getvalue()

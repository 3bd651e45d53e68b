"""Files of a page and its figures: all are made before any is written, and each is replaced at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from raysat.files import AnyPath, check_real_folder, write_atomic
from raysat.reporting.figures.style import RenderedFigure

FIGURES_FOLDER: Final = "figures"


def figure_files(figures: Sequence[RenderedFigure]) -> dict[str, bytes]:
    """Figures as SVG and PNG, by the names of their files."""
    return {
        f"{FIGURES_FOLDER}/{figure.name}.{end}": content
        for figure in figures
        for end, content in (("svg", figure.svg.encode()), ("png", figure.png))
    }


def captions(figures: Sequence[RenderedFigure]) -> dict[str, tuple[str, str]]:
    """What each figure shows and its caption, by name, as Markdown wants them."""
    return {figure.name: (figure.alt, f"{figure.title}. {figure.caption}") for figure in figures}


def write_files(folder: AnyPath, files: Mapping[str, bytes]) -> list[AnyPath]:
    """Write files, in their order, so that figures that come first are there before the page that shows them.

    Args:
        folder: where to; it is made where it is missing.
        files: contents by name, at most one folder below.

    Returns:
        Their paths.

    Raises:
        StorageError: they cannot be written.
    """
    if any(name.startswith(f"{FIGURES_FOLDER}/") for name in files):
        check_real_folder(folder / FIGURES_FOLDER)
    for name, content in files.items():
        write_atomic(folder / name, content)
    return [folder / name for name in files]

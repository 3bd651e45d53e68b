r"""The folder ``paper/``: what a paper inputs, and a ``main.tex`` that shows all of it and compiles as it is.

table.tex      both tables: arms by metric, and paired differences to the baseline
methods.tex    how it was computed, a paragraph; methods.md the same
raysat.bib     the works that it cites
figures/       every figure twice: <name>-single.pdf for a column, <name>-double.pdf for a page of two
main.tex       a page with all of it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from raysat.errors import StorageError
from raysat.files import AnyPath, check_real_folder, remove_file
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.spent import spent
from raysat.reporting.figures import FIGURES, RenderedFigure, draw
from raysat.reporting.figures.page import PAPER, SINGLE
from raysat.reporting.format.arms import settings_notes
from raysat.reporting.format.methods import Cited, method_paragraph
from raysat.reporting.format.paper import arms_by_metric, differences_to_baseline, paper_metrics
from raysat.reporting.format.sentences import page_title
from raysat.reporting.render.files import FIGURES_FOLDER, write_files
from raysat.reporting.render.latex import escape
from raysat.reporting.render.methods import bibliography, bibtex, methods_latex, methods_markdown
from raysat.reporting.render.siunitx import PACKAGES, to_siunitx

FOLDER: Final = "paper"
_PREAMBLE: Final = (
    r"\documentclass[10pt,twocolumn]{article}",
    r"\usepackage[a4paper,textwidth=180mm,textheight=250mm,columnsep=4mm]{geometry}",
    r"\usepackage[T1]{fontenc}",
    r"\usepackage{lmodern}",
    r"\usepackage{graphicx}",
    *(rf"\usepackage{{{name}}}" for name in PACKAGES),
    r"\renewcommand{\topfraction}{0.95}\renewcommand{\textfraction}{0.05}\setcounter{topnumber}{4}",
    r"\renewcommand{\dbltopfraction}{0.95}\setcounter{dbltopnumber}{4}\setcounter{totalnumber}{6}",
    r"\emergencystretch=2em",
)


def paper_files(
    analysis: Analysis, columns: Sequence[str] = (), drawing: Callable[[], None] | None = None
) -> dict[str, bytes]:
    """Return the files by name, below the folder.

    Args:
        analysis: what to say.
        columns: metrics of the table, by name; empty for what ranks, and accuracy.
        drawing: called before the figures are drawn.

    Raises:
        UsageError: an unknown metric, or one that no arm has.
    """
    metrics = paper_metrics(analysis.board, columns, analysis.rank_by)
    study = analysis.board.study
    tables = [(study, arms_by_metric(analysis, metrics))]
    if (compared := differences_to_baseline(analysis, metrics)) is not None:
        tables.append((f"{study}-differences", compared))
    needs = " ".join(rf"\usepackage{{{name}}}" for name in PACKAGES)
    arms = "".join(f"% {escape(note)}\n" for note in settings_notes(analysis.board))
    said = method_paragraph(analysis, spent(analysis.board, analysis.predictions))
    if drawing:
        drawing()
    drawn = {target.name: draw(analysis, target) for target in PAPER}
    return {
        **{
            f"{FIGURES_FOLDER}/{figure.name}-{width}.pdf": figure.pdf
            for width, figures in drawn.items()
            for figure in figures
        },
        "table.tex": "\n".join(
            [
                f"% Written by raysat; needs {needs} (siunitx 3).\n% What each arm is:\n{arms}",
                *(to_siunitx(made.table, label, made.notes) for label, made in tables),
            ]
        ).encode(),
        "methods.tex": methods_latex(said).encode(),
        "methods.md": methods_markdown(said).encode(),
        "raysat.bib": bibtex(said).encode(),
        "main.tex": "".join(f"{line}\n" for line in _main(analysis, drawn[SINGLE.name], said)).encode(),
    }


def write_paper(folder: AnyPath, files: dict[str, bytes]) -> list[AnyPath]:
    """Write a report's paper and return its files; figures of an earlier one that this has not are deleted.

    Args:
        folder: of the report.
        files: as ``paper_files`` makes them.

    Raises:
        StorageError: they cannot be written.
    """
    place = folder / FOLDER
    check_real_folder(place)
    written = write_files(place, files)
    for name in (f"{FIGURES_FOLDER}/{figure}-{target.name}.pdf" for figure in FIGURES for target in PAPER):
        if name not in files:
            with suppress(StorageError):
                remove_file(place / name, place)
    return written


def _main(analysis: Analysis, figures: Sequence[RenderedFigure], said: Sequence[Cited]) -> Iterator[str]:
    yield "% Written by raysat: pdflatex main.tex, twice for references. It shows what there is to input."
    yield from _PREAMBLE
    yield rf"\title{{{escape(page_title(analysis.board))}}}"
    yield r"\author{}\date{}"
    yield r"\begin{document}"
    yield r"\maketitle"
    yield r"\section*{How this was computed}"
    yield r"\input{methods}"
    yield r"\input{table}"
    for figure in figures:
        yield r"\begin{figure}"
        yield r"\centering"
        yield rf"\includegraphics{{{FIGURES_FOLDER}/{figure.name}-single}}% or figure* and {figure.name}-double"
        yield rf"\caption{{{escape(f'{figure.title}. {figure.caption}')}}}"
        yield rf"\label{{fig:{figure.name}}}"
        yield r"\end{figure}"
    yield from bibliography(said)
    yield r"\end{document}"

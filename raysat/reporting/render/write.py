"""The files of a leaderboard and of a report: all are made before any is written, and each is replaced at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final

from raysat.errors import StorageError
from raysat.files import AnyPath, check_real_folder, folder_entries, remove_file
from raysat.metrics.catalog import RANKING
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.figures import FIGURES, draw
from raysat.reporting.format.arms import settings_notes
from raysat.reporting.format.leaderboard import leaderboard
from raysat.reporting.format.pages import report_page
from raysat.reporting.format.planned import looks_table, planned_table
from raysat.reporting.format.sentences import measured_on, ranking_sentences
from raysat.reporting.format.tuned import tuned_table
from raysat.reporting.render.files import FIGURES_FOLDER, captions, figure_files, write_files
from raysat.reporting.render.formats import check_formats
from raysat.reporting.render.html import to_html
from raysat.reporting.render.json import report_json
from raysat.reporting.render.latex import to_latex
from raysat.reporting.render.markdown import to_markdown
from raysat.reporting.render.rows import effects_rows, planned_rows, report_rows, rows_csv, trials_rows, tuned_rows

_PICTURE: Final = re.compile(r"generated-[1-9]\d*\.png")
_FORMER: Final = ("together",)  # figures of earlier versions
_DRAWN: Final = frozenset({"md", "html"})  # formats that show figures
_BY_MEMORY: Final = ("json", "html", "tex", "md", "csv", "parquet")  # what needs most first, but pandas has 70 MB


def write_report(
    analysis: Analysis, folder: AnyPath, formats: Sequence[str], drawing: Callable[[], None] | None = None
) -> list[AnyPath]:
    """Write a report and return its files: figures as SVG and PNG where a format shows them, then the pages.

    Pictures of generated patches are in the page itself, and beside the figures for Markdown.

    Args:
        analysis: what to say.
        folder: where to; it is made where it is missing.
        formats: of ``FORMATS``; each becomes ``report.<format>``.
        drawing: called before the figures are drawn.

    Raises:
        StorageError: the files cannot be written.
    """
    formats = check_formats(formats)
    shows_figures = bool(_DRAWN & set(formats))
    if drawing and shows_figures:
        drawing()
    figures = draw(analysis) if shows_figures else ()
    page = report_page(analysis)
    files = figure_files(figures)
    for name in sorted(formats, key=_BY_MEMORY.index):
        match name:
            case "md":
                files |= {f"figures/{picture.name}.png": picture.png for picture in page.pictures()}
                files["report.md"] = to_markdown(page, captions(figures)).encode()
            case "csv":
                files["report.csv"] = rows_csv(report_rows(analysis)).encode()
                files["trials.csv"] = rows_csv(trials_rows(analysis.board)).encode()
                more = {"effects": effects_rows, "planned": planned_rows, "tuned": tuned_rows}
                for file, rows in ((name, rows_of(analysis)) for name, rows_of in more.items()):
                    files |= {} if rows is None else {f"{file}.csv": rows_csv(rows).encode()}
            case "parquet":
                from raysat.reporting.render.frames import make_frame, to_parquet

                files["trials.parquet"] = to_parquet(make_frame(trials_rows(analysis.board)))
            case "json":
                files["report.json"] = report_json(analysis).encode()
            case "tex":
                files["report.tex"] = paper_table(analysis).encode()
            case "html":
                files["report.html"] = to_html(page, figures).encode()
    if shows_figures:
        check_real_folder(folder / FIGURES_FOLDER)
    written = write_files(folder, files)
    _remove_stale(folder, files, formats)
    return written


def paper_table(analysis: Analysis) -> str:
    """The leaderboard as LaTeX, in the form of the paper's Table 2."""
    board = analysis.board
    leading = () if analysis.rank_by in RANKING else (analysis.rank_by.name,)
    keys = ("rank", "arm", "recall", *leading, "macro_f1", "icv", "balanced_accuracy", "published", "accuracy", "n")
    caption = [f"{board.study}: {measured_on(board)}.", *ranking_sentences(board, analysis)]
    table = leaderboard(board, analysis.replication, analysis).pick(*keys)
    text = to_latex(table, board.study, " ".join(caption), list(settings_notes(board)))
    tables = [planned_table(analysis), looks_table(analysis), tuned_table(analysis)]
    shown = [to_latex(table, f"{board.study}-{table.name}", f"{board.study}.") for table in tables if table.rows]
    return "\n".join([text, *shown])


def _remove_stale(folder: AnyPath, files: Collection[str], formats: Sequence[str]) -> None:
    """Delete what an earlier report wrote here and this one does not have: figures, pictures, effects of other arms."""
    names = (*FIGURES, *_FORMER) if _DRAWN & set(formats) else ()
    stale = [f"figures/{name}.{end}" for name in names for end in ("svg", "png")]
    stale += ["effects.csv", "planned.csv", "tuned.csv"] if "csv" in formats else []
    if "md" in formats:
        pictures = folder_entries(folder / "figures")
        stale += [f"figures/{picture.name}" for picture in pictures if _PICTURE.fullmatch(picture.name)]
    for name in stale:
        if name not in files:
            with suppress(StorageError):
                remove_file(folder / name, folder)

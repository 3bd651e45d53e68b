"""The files of a report: everything is made before anything is written, and each file is replaced at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from raysat.errors import UsageError, suggest
from raysat.files import write_atomic
from raysat.report.analysis.findings import Findings
from raysat.report.figures import FIGURES, draw
from raysat.report.render import document, exports, latex
from raysat.report.render.page.html import to_html

FORMATS: Final = ("md", "csv", "json", "tex", "html")
_PICTURE: Final = re.compile(r"generated-[1-9]\d*\.png")
_DRAWN: Final = frozenset({"md", "html"})  # formats that show figures


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return known formats, each once, in the order of ``FORMATS``. Raises UsageError for others."""
    for each in formats:
        if each not in FORMATS:
            hint = suggest(each, FORMATS)
            raise UsageError(f"unknown format {each!r}", hint=hint)
    return tuple(each for each in FORMATS if each in formats)


def write_report(
    findings: Findings, folder: Path, formats: Sequence[str], drawing: Callable[[], None] | None = None
) -> list[Path]:
    """Write a report: ``report.<format>`` and, for formats that show them, figures as SVG and PNG.

    Pictures of generated patches are in the page itself, and beside the figures for Markdown.

    Args:
        findings: what to say.
        folder: where to; it is made where it is missing.
        formats: of ``FORMATS``.
        drawing: called before the figures are drawn.

    Raises:
        LedgerError: the files cannot be written.
    """
    formats = check_formats(formats)
    if drawing and _DRAWN & set(formats):
        drawing()
    drawings = draw(findings) if _DRAWN & set(formats) else ()
    files: dict[str, str | bytes] = {}
    for drawn in drawings:  # first, so that no page stands there without its pictures
        files[f"figures/{drawn.name}.svg"], files[f"figures/{drawn.name}.png"] = drawn.svg, drawn.png
    for chosen in formats:
        match chosen:
            case "md":
                pictures = {}
                for number, generator in enumerate(findings.generators, 1):
                    if picture := generator.picture:
                        shown_at = f"figures/generated-{number}.png"
                        files[shown_at], pictures[shown_at] = picture, generator
                shown = {f"figures/{each.name}.svg": (each.alt, f"{each.title}. {each.caption}") for each in drawings}
                files["report.md"] = document.to_markdown(findings, shown, pictures)
            case "csv":
                files["report.csv"] = exports.to_csv(findings)
                if effects := exports.effects_csv(findings):
                    files["effects.csv"] = effects
            case "json":
                files["report.json"] = exports.to_json(findings)
            case "tex":
                files["report.tex"] = latex.to_latex(findings)
            case "html":
                files["report.html"] = to_html(findings, drawings)
    paths = [folder / name for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        write_atomic(path, content)
    _forget(folder, files, formats)
    return paths


def _forget(folder: Path, files: Collection[str], formats: Sequence[str]) -> None:
    """Delete what an earlier report wrote here and this one does not have: figures, pictures, effects of other arms."""
    figures = [f"figures/{name}.{end}" for name in FIGURES for end in ("svg", "png")]
    own = [*(figures if _DRAWN & set(formats) else ()), *(["effects.csv"] if "csv" in formats else [])]
    if "md" in formats:
        own += [
            f"figures/{file.name}" for file in folder.glob("figures/generated-*.png") if _PICTURE.fullmatch(file.name)
        ]
    for name in own:
        if name not in files:
            with suppress(OSError):
                (folder / name).unlink(missing_ok=True)

"""The report as one HTML page that needs nothing else: no network, no other file, and JavaScript for sorting alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from raysat import __version__
from raysat.report.analysis.collect import one_line
from raysat.report.analysis.findings import Findings
from raysat.report.figures.inline import inline
from raysat.report.figures.style import COLOURS, Drawing
from raysat.report.format.replication import findings_table, published_table, sentences, source_note
from raysat.report.format.sentences import design_note, generators_note, headline, notes, saving_note
from raysat.report.format.text import measured_on
from raysat.report.render.page.records import (
    area_table,
    cost_table,
    generated_table,
    more_table,
    sheet,
    unfinished_table,
)
from raysat.report.render.page.tables import (
    class_table,
    compared,
    effect_table,
    leaderboard,
    together_table,
    variance_table,
)

_PACKAGE: Final = "raysat.report.render.page"


def to_html(findings: Findings, drawings: Sequence[Drawing]) -> str:
    """Write a report as one self-contained page.

    Args:
        findings: what to say.
        drawings: figures to show; those that are not there are left out.
    """
    board, effects, replication = findings.board, findings.effects, findings.replication
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            study=one_line(board.study),
            measured_on=one_line(measured_on(board)),
            headline=headline(findings),
            notes=list(notes(findings)),
            figures={each.name: (each, Markup(inline(each))) for each in drawings},  # noqa: S704  (escaped as XML)
            colours=[{name: each[theme] for name, each in COLOURS.items()} for theme in (0, 1)],
            style=_own("style.css"),
            script=_own("table.js"),
            leaderboard=leaderboard(findings),
            tied=bool(findings.tied),
            compared=compared(findings),
            by_class=[class_table(findings, metric) for metric in ("recall", "precision")],
            design_note=design_note(effects) if effects else "",
            main=effect_table("Main effects", effects.main) if effects else None,
            pairs=effect_table("Interactions: what a pair does beyond the sum of both", effects.pairs)
            if effects
            else None,
            together=[together_table(each) for each in effects.together] if effects else [],
            variance=variance_table(findings),
            more=more_table(findings),
            areas=[area_table(findings, name) for name in ("auroc", "average_precision")],
            published_note=source_note(board),
            paper=list(sentences(replication, board)) if replication else [],
            paper_table=findings_table(replication, board) if replication else None,
            published=published_table(replication) if replication else None,
            sheets=[sheet(each) for each in findings.generators],
            generated=generated_table(findings.generators),
            unfinished=unfinished_table(findings),
            cost=cost_table(findings),
            saving=saving_note(findings),
            not_in_it=generators_note(findings),
            hardware=[one_line(each) for each in findings.cost.hardware],
            versions=[one_line(each) for each in findings.cost.versions],
            runs=findings.runs,
            data=f"{one_line(board.data)}, fingerprint {one_line(board.fingerprint or 'not recorded')}",
            version=__version__,
        )
    )
    return page + "\n"


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(_PACKAGE, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _own(name: str) -> Markup:
    """A file of ours that stands in the page as it is."""
    return Markup((files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704

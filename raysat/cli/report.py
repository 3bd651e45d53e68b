"""The commands that say what was found: ``raysat report`` and ``raysat compare``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.completers import arms_of_run, stores
from raysat.cli.console import aside, console, progress_bar, waiting
from raysat.cli.documents import json_option, write
from raysat.cli.options import read_words
from raysat.cli.places import FILE, FOLDER
from raysat.errors import UsageError

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat report runs/study --open",
    "raysat report runs/one runs/two --out reports/both",
    short="Say what helped, by how much, and how surely",
)
@click.argument("runs", type=FOLDER, nargs=-1, required=True, metavar="RUN...")
@click.option("--out", type=FOLDER, help="Write here; for one run RUN/report where absent.")
@click.option("--format", "formats", default="md,csv,parquet,json,tex,html", show_default=True, help="What to write.")
@click.option(
    "--baseline",
    metavar="ARM",
    shell_complete=arms_of_run,
    help="Compare with this arm too; else with the one without any method.",
)
@click.option("--rank-by", default="balanced_accuracy", show_default=True, metavar="METRIC", help="What ranks first.")
@click.option(
    "--combination",
    "combinations",
    multiple=True,
    metavar="F=LEVEL,...",
    help="Compare this combination of levels with its parts.",
)
@click.option(
    "--compare-published",
    is_flag=False,
    flag_value="auto",
    metavar="[BENCHMARK]",
    help="Set published results beside the arms: eurosat, droughtwatch; else of what the data are.",
)
@click.option(
    "--explain",
    metavar="ARM",
    shell_complete=arms_of_run,
    help="Show patches that this arm newly gets right or wrong; else the best.",
)
@click.option("--latex", is_flag=True, help="Write paper/ too: tables, figures as PDF, how it was computed.")
@click.option("--columns", metavar="METRIC,...", help="Metrics of the table of --latex; recall: of each class.")
@click.option(
    "--data",
    metavar="STORE",
    shell_complete=stores,
    help="Whose patches are shown; else the store that the run's records name.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@json_option
def report(
    runs: tuple[AnyPath, ...],
    out: AnyPath | None,
    formats: str,
    baseline: str | None,
    rank_by: str,
    combinations: tuple[str, ...],
    compare_published: str | None,
    explain: str | None,
    latex: bool,
    columns: str | None,
    data: str | None,
    opens: bool,
    as_json: bool,
) -> None:
    """Rank the arms of a run, or of several on the same test set, and say what helped, by how much, and how surely.

    Writes a page to read (HTML, Markdown), a table for a paper (LaTeX), figures (SVG, PNG) and numbers (CSV, Parquet,
    JSON). With --latex a folder paper/ too, to be put into a paper as it is.
    """
    from raysat.api.reports import report as analyze

    if len(runs) > 1 and out is None:
        raise UsageError("several runs make one report, which is none's own", hint="say where to write it with --out")
    kinds, told, folder = read_words(formats, "--format"), aside(), out or runs[0] / "report"
    if opens and "html" not in kinds:
        raise UsageError("--open shows the HTML page, which --format leaves out", hint="add html to --format")
    if columns is not None and not latex:
        raise UsageError("{--columns} is of {--latex}", hint="add {--latex}")
    with progress_bar() as progress:
        found = analyze(
            runs,
            out=folder,
            formats=kinds,
            baseline=baseline,
            rank_by=rank_by,
            combinations=combinations,
            compare_published=compare_published,
            explained=explain,
            latex=latex,
            columns=() if columns is None else read_words(columns, "--columns"),
            data=data,
            progress=progress,
        )
    if as_json:
        from raysat.reporting.render.json import report_document

        write(report_document(found.analysis))
    else:
        told.print()
        found.show(console())
        told.print()
    names = [file.name for file in found.files if file.parent == folder]
    told.print(f"wrote {', '.join(names)} in {folder}", style="dim")
    elsewhere = [file.parent for file in found.files if file.parent != folder]
    for place, count in Counter(elsewhere).items():
        told.print(f"wrote {count} files in {place}", style="dim")
    if opens:
        from raysat.cli.browser import open_page

        console(stderr=as_json).print(open_page(folder / "report.html"))


@command(
    "raysat compare runs/before runs/after",
    short="Show what changed from one run to another",
)
@click.argument("run_a", type=FOLDER)
@click.argument("run_b", type=FOLDER)
@click.option("--out", type=FILE, help="Write it as Markdown too.")
@json_option
def compare(run_a: AnyPath, run_b: AnyPath, out: AnyPath | None, as_json: bool) -> None:
    """Show what changed from RUN_A to RUN_B (other data, code, machine or settings), arm by arm, with intervals."""
    from raysat.api.reports import compare as compare_runs

    with waiting("comparing"):
        found = compare_runs(run_a, run_b, out=out)
    if as_json:
        from raysat.views.json.compare import compare_document

        write(compare_document(found.compared))
    else:
        found.show(console())
    if out is not None:
        aside().print(f"wrote {out}", style="dim")

"""Reports: which arms are best, by how much and how surely; and what changed from one run to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from rich.console import Console
from typing_extensions import override

from raysat.config.arguments import checked
from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError
from raysat.files import AnyPath, ObjectPath, absolute, as_path, write_atomic
from raysat.reporting.analysis.analyze import Analysis, Progress, analyze
from raysat.reporting.analysis.compare import Comparison as Compared
from raysat.reporting.analysis.compare import compare as compare_runs
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.ranking import ranking_metric
from raysat.reporting.format.document import Block, Document, Fold
from raysat.reporting.format.pages import overview, report_page
from raysat.reporting.format.paper import check_columns
from raysat.reporting.format.run_comparison import comparison_page
from raysat.reporting.format.table import Table
from raysat.reporting.render.formats import FORMATS, check_formats
from raysat.reporting.render.markdown import to_markdown
from raysat.reporting.render.rows import Rows, effects_rows, planned_rows, report_rows
from raysat.reporting.render.terminal import Blocks
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

_OF_ESTIMATES: Final = ("value", "low", "high", "p", "p_holm", "n")


@runtime_checkable
class Run(Protocol):
    """A run, as far as reports need it."""

    @property
    def path(self) -> AnyPath:
        """Its folder."""


AnyRun = Run | AnyPath | str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report(Shown):
    """What was found: the ranked arms, their comparisons with intervals, effects and cost."""

    analysis: Analysis
    files: tuple[AnyPath, ...] = ()  # that were written

    def __repr__(self) -> str:
        return f"<Report of {self.analysis.board.study!r}: best {self.analysis.best!r}>"

    @property
    def tables(self) -> dict[str, Table]:
        """Every table of the report by its name, such as ``leaderboard`` or ``to_baseline``."""
        return _tables(report_page(self.analysis))

    @checked
    def table(self, name: str) -> pd.DataFrame:
        """A table of the report as a frame. Raises UsageError for a name that it does not have."""
        from raysat.reporting.render.frames import table_frame

        tables = self.tables
        if name not in tables:
            raise UsageError(f"the report has no table {name!r}", hint=f"it has {', '.join(tables)}")
        return table_frame(tables[name])

    def to_frame(self) -> pd.DataFrame:
        """A row per arm, best first: metrics with sd, and differences to the best and the baseline with intervals."""
        from raysat.reporting.render.frames import make_frame

        return make_frame(report_rows(self.analysis))

    def differences(self) -> pd.DataFrame:
        """A row per arm, what it is compared with (best or baseline) and metric: value, low, high, p, p_holm, n."""
        from raysat.reporting.render.frames import make_frame

        analysis = self.analysis
        rows = [
            {"arm": arm, "to": to, **row}
            for to, estimates in (("best", analysis.to_best), ("baseline", analysis.to_baseline))
            for arm, found in estimates.items()
            for row in _estimates(analysis.board, found)
        ]
        return make_frame(Rows(index=("arm", "to", "metric"), columns=_OF_ESTIMATES, rows=rows))

    def planned(self) -> pd.DataFrame | None:
        """A row per planned contrast: value, low, high, p, p_holm over these alone, n; and what holds over all looks.

        None where the study planned nothing.
        """
        from raysat.reporting.render.frames import make_frame

        rows = planned_rows(self.analysis)
        return None if rows is None else make_frame(rows)

    def effects(self) -> pd.DataFrame | None:
        """A row per main effect, interaction and part of a combination; None where arms make no factors."""
        from raysat.reporting.render.frames import make_frame

        rows = effects_rows(self.analysis)
        return None if rows is None else make_frame(rows)

    @override
    def show(self, console: Console) -> None:
        console.print(Blocks(overview(self.analysis.board, self.analysis.replication, self.analysis)))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison(Shown):
    """What changed from one run to another, arm by arm."""

    compared: Compared

    def __repr__(self) -> str:
        return f"<Comparison of {' and '.join(self.compared.runs)}>"

    def to_frame(self) -> pd.DataFrame:
        """A row per arm and metric: run B minus run A, with interval, p and n; empty of an arm without common seeds."""
        from raysat.reporting.render.frames import make_frame

        rows = [
            {"arm": change.arm, **row}
            for change in self.compared.changes
            for row in _estimates(self.compared.board, change.estimates)
        ]
        return make_frame(Rows(index=("arm", "metric"), columns=_OF_ESTIMATES, rows=rows))

    def to_markdown(self) -> str:
        """The comparison as a page of Markdown."""
        return to_markdown(self._page)

    @property
    def _page(self) -> Document:
        return comparison_page(self.compared)

    @override
    def show(self, console: Console) -> None:
        console.print(Blocks(self._page.sections[0].blocks))


@checked
def report(
    runs: AnyRun | Sequence[AnyRun],
    *,
    out: AnyPath | str | None = None,
    formats: Sequence[str] = FORMATS,
    baseline: str | None = None,
    rank_by: str = "balanced_accuracy",
    combinations: Sequence[str] = (),
    compare_published: str | None = None,
    explained: str | None = None,
    latex: bool = False,
    columns: Sequence[str] = (),
    data: PatchStore | Path | str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Rank the arms of a run, or of several on the same test set: what helped, by how much, and how surely.

    Args:
        runs: a run or its folder, or several of them, which make one report.
        out: write the report's files here; by default nothing is written.
        formats: what to write: md, csv, parquet, json, tex, html.
        baseline: compare with this arm too; by default the one without any method.
        rank_by: what ranks first; accuracy cannot.
        combinations: compare these combinations of levels (``"loss=ldam,average=swa"``) with their parts.
        compare_published: set published results beside the arms: of a benchmark's name, or of ``auto``, the one that
            the data are of.
        explained: show what this arm changes against the baseline, patch by patch; by default the best other one.
        latex: write ``paper/`` too: tables, figures as PDF in two widths, and how it was computed.
        columns: metrics of its table; ``recall`` is that of each class. By default what ranks, and accuracy.
        data: the store that was measured on, whose patches are shown; by default where the run's records say.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        The report.

    Raises:
        StorageError: a folder is not a run, its records are damaged, or files cannot be written.
        UsageError: nothing has finished, runs of different data, an unknown arm, metric, factor, level, format or
            column; an unknown benchmark, or data that are of none; a store that was not measured on.
        StoreError: the store that is named is missing or damaged.
    """
    check_formats(formats)
    check_columns(columns)
    ranking_metric(rank_by)
    given = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    folders = list(map(run_folder, given))
    if not folders:
        raise UsageError("there is no run to report", hint="give a run, or its folder")
    if len(set(map(absolute, folders))) < len(folders):
        raise UsageError("a run is named twice", hint="name each once")
    analysis = analyze(
        folders,
        baseline=baseline,
        rank_by=rank_by,
        combinations=combinations,
        published=compare_published,
        explained=explained,
        data=None if data is None else _store(data),
        progress=progress,
    )
    files = []
    if out is not None:
        from raysat.reporting.render.write import write_report  # and what draws: half a second that others do without

        drawing = (lambda: progress("figures", 0, 1)) if progress else None
        paper = {}
        if latex:
            from raysat.reporting.render.paper import paper_files, write_paper

            paper = paper_files(analysis, columns, drawing)  # before anything is written: a column may be unknown
        files = write_report(analysis, as_path(out), formats, drawing)
        files += write_paper(as_path(out), paper) if latex else []
    return Report(analysis=analysis, files=tuple(files))


@checked
def compare(run_a: AnyRun, run_b: AnyRun, *, out: AnyPath | str | None = None) -> Comparison:
    """Say what changed from one run to another (other data, code, machine or settings), arm by arm, with intervals.

    Args:
        run_a: a run or its folder.
        run_b: another.
        out: write it as Markdown here.

    Returns:
        The comparison: values of ``run_b`` minus those of ``run_a``.

    Raises:
        StorageError: a folder is not a run, or the file cannot be written.
        UsageError: the runs have nothing in common.
    """
    comparison = Comparison(compared=compare_runs(run_folder(run_a), run_folder(run_b)))
    if out is not None:
        write_atomic(as_path(out), comparison.to_markdown())
    return comparison


def _store(data: PatchStore | Path | str) -> PatchStore:
    if isinstance(data, PatchStore):
        return data
    from raysat.api.stores import open_store  # and what draws stores and fetches them

    return open_store(data)


def run_folder(run: AnyRun) -> AnyPath:
    """The folder of a run, or of one that is given by its folder."""
    return as_path(run) if isinstance(run, str | Path | ObjectPath) else run.path


def _estimates(board: Leaderboard, estimates: Estimates) -> Iterator[Mapping[str, object]]:
    for metric, estimate in estimates.items():
        yield {"metric": board.key(metric), **{name: getattr(estimate, name) for name in _OF_ESTIMATES}}


def _tables(page: Document) -> dict[str, Table]:
    found: dict[str, Table] = {}

    def collect(blocks: Sequence[Block]) -> None:
        for block in blocks:
            if isinstance(block, Fold):
                collect(block.blocks)
            elif isinstance(block, Table) and block.rows:
                name, n = block.name, 2
                while name in found:
                    name, n = f"{block.name}_{n}", n + 1
                found[name] = block

    for section in page.sections:
        collect(section.blocks)
    return found

"""The same study on several data sets: what holds on all of them, and how surely elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from typing_extensions import override

from raysat.api.reports import AnyRun, run_folder
from raysat.config.arguments import checked
from raysat.files import AnyPath, as_path
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.across import Across, Progress
from raysat.reporting.analysis.across import across as compare_across
from raysat.reporting.format.across import across_page, gains_table, headline, summary_table
from raysat.reporting.format.document import Document, Text
from raysat.reporting.render.formats import FORMATS, check_formats
from raysat.reporting.render.markdown import to_markdown
from raysat.reporting.render.terminal import Blocks
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AcrossDataSets(Shown):
    """What the arms of a study gain over its baseline on each of several data sets, and on average over them."""

    found: Across
    files: tuple[AnyPath, ...] = ()  # that were written

    def __repr__(self) -> str:
        return f"<AcrossDataSets of {self.found.study!r}: {', '.join(each.name for each in self.found.data_sets)}>"

    def to_frame(self) -> pd.DataFrame:
        """A row per arm, data set (``all``: the mean over them) and metric: gain with interval, p, p_holm and n."""
        from raysat.reporting.render.across import across_rows
        from raysat.reporting.render.frames import make_frame

        return make_frame(across_rows(self.found))

    def to_markdown(self) -> str:
        """The comparison as a page of Markdown, without its figures."""
        return to_markdown(self._page)

    @property
    def _page(self) -> Document:
        return across_page(self.found)

    @override
    def show(self, console: Console) -> None:
        tables = gains_table(self.found, BALANCED_ACCURACY), summary_table(self.found, BALANCED_ACCURACY)
        console.print(Blocks([Text(self._page.title), *tables, *map(Text, headline(self.found))]))


@checked
def across(
    runs: AnyRun | Sequence[AnyRun],
    *,
    out: AnyPath | str | None = None,
    formats: Sequence[str] = FORMATS,
    baseline: str | None = None,
    progress: Progress | None = None,
) -> AcrossDataSets:
    """Compare the arms of a study over several data sets, each of which has a run of its own.

    Args:
        runs: runs or their folders, each of other patches; arms are the same by name.
        out: write the comparison's files here; by default nothing is written.
        formats: what to write: md, csv, parquet, json, tex, html.
        baseline: the arm that others are compared with; by default the one without any method.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        The comparison: means over data sets by random effects, with intervals, and mean ranks.

    Raises:
        StorageError: a folder is not a run, its records are damaged, or files cannot be written.
        UsageError: fewer than two runs, two of the same patches, arms that differ or are not common, fewer than two
            seeds, an unknown arm or format.
    """
    check_formats(formats)
    given = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    found = compare_across(list(map(run_folder, given)), baseline=baseline, progress=progress)
    files: list[AnyPath] = []
    if out is not None:
        from raysat.reporting.render.across import write_across  # and what draws: half a second that others do without

        files = write_across(found, as_path(out), formats)
    return AcrossDataSets(found=found, files=tuple(files))

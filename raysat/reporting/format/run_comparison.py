"""What changed between two runs, as a page: what the runs differ in, then every arm's change."""

from __future__ import annotations

from collections.abc import Iterator

from raysat.formatting import number, one_line, plural
from raysat.metrics.catalog import RECALL
from raysat.metrics.power import name_of_test
from raysat.reporting.analysis.compare import Comparison
from raysat.reporting.format.cells import ARM, N, words
from raysat.reporting.format.comparisons import MAIN_LABELS, difference_columns
from raysat.reporting.format.document import Block, Bullets, Document, Section, Subtitle
from raysat.reporting.format.table import Cell, Heading, Table, make_table


def comparison_page(comparison: Comparison) -> Document:
    """The page of a comparison."""
    headings = [Heading(text=text, words=True) for text in ("differs in", "A", "B")]
    differences = [[words(text) for text in row] for row in comparison.differs]
    blocks: list[Block] = [
        Bullets([f"{letter}: {run}" for letter, run in zip("AB", comparison.runs, strict=True)]),
        Table(name="runs", caption="", headings=headings, rows=differences),
        _changes_table(comparison),
        Bullets(list(_notes(comparison))),
    ]
    if settings := list(_settings(comparison)):
        blocks += [Subtitle("Settings that are not the same"), Bullets(settings)]
    return Document(title="Run B against run A", subtitle="", sections=[Section("comparison", "", blocks)])


def _changes_table(comparison: Comparison) -> Table:
    """Every arm's change, with that of every class's recall."""
    changes = comparison.changes
    metrics = {metric for change in changes for metric in change.estimates}
    recalls = [metric for metric in comparison.board.by_class(RECALL) if metric in metrics]
    labels = MAIN_LABELS | {recall: f"recall {comparison.board.label(recall)}" for recall in recalls}

    def means(run: int) -> list[Cell]:
        values = [change.balanced_accuracy[run] for change in changes]
        return [Cell(text=number(value), value=value) for value in values]

    return make_table(
        "changes",
        "Balanced accuracy of each run, and B − A with 95 % intervals.",
        [
            (ARM, [words(change.arm) for change in changes]),
            (Heading(text="A", below="balanced accuracy", short="A"), means(0)),
            (Heading(text="B", below="balanced accuracy", short="B"), means(1)),
            *difference_columns(
                {metric: f"{label} B − A" for metric, label in labels.items()},
                [change.estimates for change in changes],
            ),
            (N, [words(change.n) for change in changes]),
        ],
    )


def _notes(comparison: Comparison) -> Iterator[str]:
    """How the comparison was made, and what it could not compare."""
    same = [change for change in comparison.changes if change.identical]
    if same:
        who = "every arm" if len(same) == len(comparison.changes) else plural(len(same), "arm")
        yield f"{who} made the same predictions in both runs, patch by patch"
    if comparison.paired:
        pairs = max((estimate.n for change in comparison.changes for estimate in change.estimates.values()), default=0)
        yield f"B − A is paired by seed and patch; p is by the {name_of_test(pairs)}"
    else:
        yield "not measured on the same patches, so nothing is paired, and nothing is tested"
    for run, arms in (("A", comparison.only_a), ("B", comparison.only_b)):
        if arms:
            yield f"only in {run}: {', '.join(map(one_line, arms))}"
    if none := [one_line(change.arm) for change in comparison.changes if not change.estimates]:
        yield f"no seed in common, so not compared: {', '.join(none)}"


def _settings(comparison: Comparison) -> Iterator[str]:
    """Each setting that is not the same, and in which arms."""
    arms: dict[str, list[str]] = {}
    for change in comparison.changes:
        for setting in change.settings:
            arms.setdefault(setting, []).append(one_line(change.arm))
    for setting, where in arms.items():
        yield f"{setting} in {'every arm' if len(where) == len(comparison.changes) else '; '.join(where)}"

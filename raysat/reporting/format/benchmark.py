"""Published results on a known data set beside ours: a table, and what of the data differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raysat.formatting import NONE, number, one_line
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, MACRO_F1
from raysat.reporting.analysis.benchmarks import BenchmarkComparison
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.format.cells import N, mean_cell, n_cell, words
from raysat.reporting.format.numbers import printed
from raysat.reporting.format.table import Cell, Heading, Table, make_table

_METRICS: Final = (BALANCED_ACCURACY, MACRO_F1, ACCURACY)
_SPLITS: Final = ("train", "val", "test")


def benchmark_table(board: Leaderboard, compared: BenchmarkComparison) -> Table:
    """Return our arms, best first, then the published results with their sources."""
    ours, published = board.ranked, compared.benchmark.rows
    blank = Cell(text=NONE)
    columns = [
        (
            Heading(text="result", words=True, inline=False),
            [words(arm.label) for arm in ours] + [words(row.label) for row in published],
        ),
        (
            Heading(text="bands", words=True, room=40),
            [words(_bands(board, arm)) for arm in ours] + [words(row.bands) for row in published],
        ),
        (
            Heading(text="split", words=True, room=30),
            [words(board.reported)] * len(ours) + [words(row.split) for row in published],
        ),
    ]
    for metric in _METRICS:
        cells = [mean_cell(arm.metrics[metric], metric) for arm in ours]
        for row in published:
            value = metric.of(row)
            cells.append(blank if value is None else Cell(text=printed(value), value=value))
        columns.append((Heading(text=metric.label, key=metric.name), cells))
    columns += [
        (N, [n_cell(arm) for arm in ours] + [blank] * len(published)),
        (
            Heading(text="source", words=True, room=110),
            [words("this run")] * len(ours) + [words(row.source) for row in published],
        ),
    ]
    return make_table(
        "benchmark",
        f"Results on {compared.benchmark.title}. Ours: means over n seeds ± standard deviation. Published numbers are "
        "as printed, of one run as far as their sources say, and have no interval; a dash is what is not printed.",
        columns,
    )


def benchmark_sentences(board: Leaderboard, compared: BenchmarkComparison) -> Iterator[str]:
    """Say how our data differ from the benchmark's, and where our best arm stands."""
    benchmark = compared.benchmark
    sizes = _sizes(benchmark.splits)
    published = f"Published numbers are of {benchmark.title}'s {benchmark.patches:,} patches"
    yield f"{published}; the common split ({sizes}) is {benchmark.split_source}."
    if compared.patches is None:
        test = "" if board.n_test is None else f"; its {board.reported} split has {board.n_test:,}"
        yield f"How many patches this run has is not recorded{test}."
    elif compared.same_splits:
        yield f"This run has as many in each split ({_sizes(compared.patches)}); which ones is not checked."
    else:
        total = sum(compared.patches)
        share = f"{100 * total / benchmark.patches:.1f} %"
        yield (
            f"This run has {total:,} patches ({_sizes(compared.patches)}), {share} of them, in another split: "
            "the numbers are not of the same task, and say roughly where ours stand."
        )
    if not compared.same_classes:
        names = one_line(", ".join(compared.classes))
        yield f"Its classes are others, {len(compared.classes)} for {len(benchmark.classes)}: {names}."
    rows = [(row.accuracy, row) for row in benchmark.rows if row.accuracy is not None]
    if rows and board.ranked:
        highest, row = max(rows, key=lambda each: each[0])
        best = max(board.ranked, key=lambda arm: arm.metrics[ACCURACY].mean or 0.0)
        summary = best.metrics[ACCURACY]
        spread = "" if summary.sd is None else f" ± {number(summary.sd)}"
        yield (
            f"Highest published accuracy: {printed(highest)} ({row.label}; {row.source}). "
            f"Ours: {number(summary.mean)}{spread}, n = {best.n} ({one_line(best.label)})."
        )
    yield f"Sources: {_sources(compared)}."


def _sources(compared: BenchmarkComparison) -> str:
    return "; ".join(dict.fromkeys(row.source for row in compared.benchmark.rows))


def _sizes(patches: tuple[int, int, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in zip(_SPLITS, patches, strict=True) if count)


def _bands(board: Leaderboard, arm: Arm) -> str:
    """The bands that an arm was trained on, as its settings say them; a dash where they do not."""
    for setting in (*arm.own_settings, *board.shared_settings):
        name, _, value = setting.partition("=")
        if name.strip() in ("bands", "data.bands"):
            return value.strip()
    return NONE

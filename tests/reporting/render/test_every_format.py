"""Every table of a report in every format: each is parsed back, and all hold the same values."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.analysis.compare import compare
from raysat.reporting.format.document import Block, Document, Fold, Section
from raysat.reporting.format.pages import report_page
from raysat.reporting.format.run_comparison import comparison_page
from raysat.reporting.format.search import candidates_table
from raysat.reporting.format.table import Cell, Emphasis, Table
from raysat.reporting.render.frames import table_frame
from raysat.reporting.render.html import to_html
from raysat.reporting.render.json import report_json
from raysat.reporting.render.latex import to_latex
from raysat.reporting.render.markdown import to_markdown
from raysat.reporting.render.rows import effects_rows, report_rows, rows_csv
from raysat.reporting.render.terminal import Blocks
from tests.helpers.report import GRID, GRID_CONFIGS, with_generator
from tests.helpers.search import candidate, finished, load, log_of
from tests.reporting.render.test_leaderboard import tables as markdown_tables

SEARCH = "study: hunt\nbase: {optim: {epochs: 2}}\nsearch:\n  optim.lr: {log_uniform: [0.001, 0.1]}\n"
COWS = ("0 cows", "1 cow", "2 cows", "3+ cows")
RECALLS = (0.9, 0.6, 0.6, 0.5)
ALL = {
    "leaderboard", "arms", "to_baseline", "recall_to_baseline", "to_best", "recall_to_best", "recall", "precision",
    "main_effects", "interactions", "combination", "variance", "more", "auroc", "average_precision", "unfinished",
    "cost", "generators", "published", "findings", "runs", "changes", "changed", "candidates",
}  # fmt: skip


def tables_of(blocks: Sequence[Block]) -> Iterator[Table]:
    for block in blocks:
        if isinstance(block, Table) and block.rows:
            yield block
        elif isinstance(block, Fold):
            yield from tables_of(block.blocks)


def page_of(table: Table) -> Document:
    return Document(title="t", subtitle="", sections=[Section("t", "t", [table])])


@pytest.fixture(scope="module")
def grid(make_shared_run) -> Analysis:
    failed = {(next(iter(GRID)), 3): "diverged"}
    run = make_shared_run(GRID, seeds=range(4), configs=GRID_CONFIGS, grid=True, failed=failed, ordinal=True)
    return analyze([run.root], combinations=["loss=ldam,average=swa"])


@pytest.fixture(scope="module")
def tables(make_shared_run, grid, tmp_path_factory) -> list[Table]:
    folder = tmp_path_factory.mktemp("tables")
    paper = analyze(
        [make_shared_run({f"({n})": RECALLS for n in range(1, 5)}, reference="table2", classes=COWS, study="p").root]
    )
    other = make_shared_run(GRID, seeds=range(1, 5), configs=GRID_CONFIGS, grid=True, folder="other", first_id=9)
    search = load(folder, SEARCH)
    ends = [finished(search, 0, None, 0.5, 0.25), finished(search, 1, {"optim.lr": 0.01}, 0.75, 0.125)]
    ends.append(candidate(search, 2, {"optim.lr": 0.02}, state="stopped", curve=(0.1,)))
    pages = [
        report_page(with_generator(grid, folder / "picture.png")),
        report_page(paper),
        comparison_page(compare(grid.runs[0].folder, other.root)),
    ]
    found = [table for page in pages for section in page.sections for table in tables_of(section.blocks)]
    return [*found, candidates_table(search, log_of(search, ends), ends)]


def line_of(cell: Cell) -> str:
    return f"{cell.text} {cell.below}".strip()


def numbers(text: str) -> list[float]:
    """Every number of a text, whatever stands around it."""
    plain = text.replace("$-$", "-").replace("−", "-").replace(",", "")
    return [float(match) for match in re.findall(r"(?<![\w.])[-+]?(?:\d+\.\d+|\.\d+|\d+)", plain)]


def test_there_is_every_table(tables):
    assert {table.name for table in tables} == ALL


def test_markdown(tables):
    for table in tables:
        (head, *rows) = markdown_tables(to_markdown(page_of(table)))[-1]
        assert head == [" ".join(heading.label.split()) for heading in table.headings]
        for row, line in zip(rows, table.lines, strict=True):
            strong = [cell.startswith("**") for cell in row]
            assert strong == [cell.emphasis is Emphasis.STRONG for cell in line], table.name
            assert [cell.replace("**", "") for cell in row] == [line_of(cell) for cell in line]


class _Cells(HTMLParser):
    """The cells of a page's only table: text, what is below, and the value that sorts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[dict[str, str]]] = []
        self.part = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append({"text": "", "below": "", **dict(attrs)})
            self.part = "text"
        elif tag == "small":
            self.part = "below"

    def handle_endtag(self, tag):
        if tag in ("td", "th", "small"):
            self.part = ""

    def handle_data(self, data):
        if self.part and self.rows:
            self.rows[-1][-1][self.part] += data


@pytest.mark.slow
def test_html(tables):
    for table in tables:
        head, *rows = _Cells(to_html(page_of(table), ())).rows
        assert [(cell["text"], cell["below"]) for cell in head] == [(h.text, h.below) for h in table.headings]
        for row, line in zip(rows, table.lines, strict=True):
            for shown, cell in zip(row, line, strict=True):
                assert (shown["text"], shown["below"]) == (cell.text, cell.below)
                assert (float(shown["data-value"]) if "data-value" in shown else None) == cell.value
                assert ("strong" in shown["class"]) == (cell.emphasis is Emphasis.STRONG)
                assert shown.get("title", "") == cell.hint


def test_latex(tables):
    for table in tables:
        text = to_latex(table, "t", "")
        body = text.split("\\midrule\n")[-1].removeprefix("\\endhead\n").split("\n\\bottomrule")[0].splitlines()
        for row, line in zip(body, table.lines, strict=True):
            cells = re.split(r"(?<!\\) & ", row.removesuffix(r" \\"))
            shown = zip(line, table.headings, strict=True)
            expected = [numbers(line_of(cell) if heading.inline else cell.text) for cell, heading in shown]
            assert [numbers(cell.replace("{", " ")) for cell in cells] == expected, table.name
            assert [r"\textbf" in cell for cell in cells] == [cell.emphasis is Emphasis.STRONG for cell in line]


A_PAGE = 50  # rows of a table on a terminal


def test_terminal(tables):
    for table in tables:
        out = io.StringIO()
        Console(file=out, width=2000, _environ={}).print(Blocks([table]))
        _, _, *rows = out.getvalue().splitlines()
        lines = replace(table, rows=table.rows[:A_PAGE]).lines  # test_terminal.py: what becomes of the rest
        for row, line in zip(rows, lines, strict=False):
            shown = [
                cell.short if heading.group else line_of(cell) if heading.inline else cell.text
                for cell, heading in zip(line, table.headings, strict=True)
            ]
            assert numbers(row) == numbers(" ".join(shown)), table.name


def test_frame(tables):
    for table in tables:
        frame = table_frame(table)
        assert list(frame.columns) == [heading.label for heading in table.headings]
        for row, line in zip(frame.itertuples(index=False), table.lines, strict=True):
            for shown, cell, heading in zip(row, line, table.headings, strict=True):
                missing = not heading.words and (shown is None or math.isnan(shown))
                assert (None if missing else shown) == (cell.text if heading.words else cell.value)


def columns(table: Table) -> dict[str, Sequence[Cell]]:
    return {heading.label: cells for heading, cells in zip(table.headings, zip(*table.lines, strict=True), strict=True)}


def same(values: Sequence[str], cells: Sequence[Cell]) -> bool:
    return [float(value) if value else None for value in values] == [cell.value for cell in cells]


def test_csv_has_the_values_of_the_leaderboard_of_differences_and_of_effects(grid, tables):
    by_name = {table.name: table for table in reversed(tables)}
    rows = list(csv.DictReader(io.StringIO(rows_csv(report_rows(grid)))))
    shown = columns(by_name["leaderboard"])
    names = {"balanced accuracy": "balanced_accuracy", "ICV (lower is better)": "icv", "macro F1": "macro_f1"}
    names |= {f"{name} (recall)": f"recall_{name}" for name in grid.board.classes} | {"accuracy": "accuracy"}
    for label, name in names.items():
        assert same([row[f"{name}_mean"] for row in rows], shown[label])
    assert same([row["balanced_accuracy_to_best"] for row in rows], shown["difference to the best (balanced accuracy)"])
    for to in ("best", "baseline"):
        others = [row for row in rows if row[f"icv_to_{to}"]]
        for label, name in (("balanced accuracy", "balanced_accuracy"), ("ICV", "icv"), ("macro F1", "macro_f1")):
            shown = columns(by_name[f"to_{to}"])
            assert same([row[f"{name}_to_{to}"] for row in others], shown[label])
            assert same([row[f"{name}_to_{to}_p"] for row in others], shown[f"p ({label})"])
            assert same([row[f"{name}_to_{to}_p_holm"] for row in others], shown[f"p after Holm ({label})"])
    effects = list(csv.DictReader(io.StringIO(rows_csv(effects_rows(grid)))))
    for kind, table in (("main", "main_effects"), ("interaction", "interactions")):
        values = [row["icv"] for row in effects if row["kind"] == kind]
        assert same(values, columns(by_name[table])["ICV"])
    synergy = [row["balanced_accuracy"] for row in effects if row["kind"] == "synergy"]
    assert same(synergy, columns(by_name["combination"])["gain of the whole over it"][-1:])


def test_json_has_the_values_of_areas_cost_and_variance(grid, tables):
    by_name = {table.name: table for table in reversed(tables)}
    value = json.loads(report_json(grid))
    arms = [arm for arm in value["arms"] if arm["n"]]
    for name in ("auroc", "average_precision"):
        for label, cells in list(columns(by_name[name]).items())[1:-1]:
            assert [arm[name][label.partition(" (")[0]]["mean"] for arm in arms] == [cell.value for cell in cells]
    costs = {arm["name"]: arm["cost"]["images"] for arm in arms}
    shown = columns(by_name["cost"])
    names = {arm.label: arm.name for arm in grid.board.arms} | {"all": "all"}
    assert {names[cell.text]: images.value for cell, images in zip(shown["arm"], shown["images"], strict=True)} == {
        **costs, "all": value["cost"]["images"]
    }  # fmt: skip
    shares = [share["of_all"] for share in value["effects"]["shares_of_balanced_accuracy"]]
    assert shares == [cell.value for cell in columns(by_name["variance"])["of all trials"]]

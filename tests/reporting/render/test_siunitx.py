"""The aligned tables of a paper: what stands in them, what is bold in them, and that names are never commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from raysat.errors import UsageError
from raysat.formatting import number
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, ICV, MACRO_F1, RECALL
from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.analysis.top_group import top_group
from raysat.reporting.format.paper import arms_by_metric, differences_to_baseline, paper_metrics
from raysat.reporting.format.table import Cell, Emphasis, Heading, Table
from raysat.reporting.render.siunitx import to_siunitx

METRICS = (BALANCED_ACCURACY, ICV, MACRO_F1, ACCURACY)
ARMS = {"plain": (0.9, 0.3, 0.3, 0.2), "good": (0.95, 0.9, 0.9, 0.9), "as good": (0.95, 0.9, 0.9, 0.89)}


def rows(text: str) -> Iterator[list[str]]:
    """The cells of the first line of each arm, by name."""
    body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    for line in body.strip().splitlines():
        if line.endswith((r"\\*[-2pt]", r"\\")) and not line.startswith((" &", "{\\scriptsize")):
            yield [cell.strip() for cell in line.partition(r"\\")[0].split(" & ")]


@pytest.fixture(scope="module", name="found")
def _found(make_shared_run) -> Analysis:
    return analyze([make_shared_run(ARMS, seeds=range(9), sizes=(40, 30, 30, 30)).root], baseline="plain")


def test_bold_are_the_best_and_what_the_test_does_not_tell_apart(found: Analysis) -> None:
    made = arms_by_metric(found, METRICS)
    text = to_siunitx(made.table, "t", made.notes)
    bold = {row[0]: [cell.startswith(r"\bfseries") for cell in row[1:]] for row in rows(text)}
    assert bold == {
        arm: [arm in top_group(found.board, metric).arms for metric in METRICS] for arm in ("good", "as good", "plain")
    }
    assert bold["plain"] == [False] * 4, "the made-up arms are far apart"
    assert bold["good"][0]
    assert not any(cells[3] for cells in bold.values()), "accuracy is never bold"
    assert "Bold: the best of a column and every arm that a paired test does not tell apart from it" in text
    assert "p \\textgreater{} 0.05 after Holm for 2 comparisons a column" in text


def test_with_too_few_seeds_nothing_is_bold_and_the_footnote_says_why(make_run) -> None:
    made = arms_by_metric(analyze([make_run(ARMS, seeds=range(4)).root], baseline="plain"), METRICS)
    text = to_siunitx(made.table, "t", made.notes)
    assert r"\bfseries" not in text
    assert r"\textbf" not in text
    assert (
        r"Nothing is bold: with 4 pairs of seeds and 2 comparisons a column no difference can be significant at 5 \% "
        "after Holm, however large; 7 seeds can show one."
    ) in text


def test_numbers_are_the_means_to_the_decimals_of_their_column(found: Analysis) -> None:
    made = arms_by_metric(found, METRICS)
    text = to_siunitx(made.table, "t", made.notes)
    forms = re.findall(r"table-format=(\d)\.(\d+)", text)
    assert len(forms) == len(METRICS)
    means = {arm.label: [arm.metrics[metric].mean for metric in METRICS] for arm in found.ranked}
    for name, *cells in rows(text):
        for cell, mean, (whole, part) in zip(cells, means[name], forms, strict=True):
            printed = cell.removeprefix(r"\bfseries ")
            assert printed == number(mean, int(part))
            assert len(printed.partition(".")[0]) <= int(whole)
            assert abs(float(printed) - mean) <= 0.5 * 10 ** -int(part) + 1e-12


def test_differences_have_signs_intervals_and_p(found: Analysis) -> None:
    made = differences_to_baseline(found, METRICS)
    assert made is not None
    text = to_siunitx(made.table, "t-differences", made.notes)
    assert "retain-explicit-plus" in text
    assert re.search(r"S\[table-format=\+\d\.\d+", text)
    found_rows = {row[0]: row[1:] for row in rows(text)}
    assert set(found_rows) == {"good", "as good"}
    estimate = found.to_baseline["good"][BALANCED_ACCURACY]
    value, p, holm, *_ = found_rows["good"]
    assert float(value.removeprefix(r"\bfseries ")) == pytest.approx(estimate.value, abs=0.01)
    assert float(p) == pytest.approx(estimate.p, abs=0.0006)
    assert float(holm) == pytest.approx(estimate.p_holm, abs=0.0006)
    assert value.startswith(r"\bfseries +") is (estimate.p_holm <= 0.05)
    assert "n = 9 pairs of seeds, 130 test patches" in text


def test_missing_and_failed_trials_are_footnotes(make_run) -> None:
    run = make_run(ARMS, seeds=range(8), failed={("good", 2): "NaN"}, missing=[("good", 5), ("good", 6)])
    made = arms_by_metric(analyze([run.root]), METRICS)
    text = to_siunitx(made.table, "t", made.notes)
    assert r"good\tnote{a}" in text
    assert r"\item[a] 5 of 8 seeds finished: 1 failed (seed 2), 2 not trained (seeds 5, 6), and so never bold." in text
    assert "n = 5 to 8 seeds an arm" in text


def test_names_are_text_whatever_is_in_them() -> None:
    hostile = [r"\input{/etc/passwd}", "50 % & # _x_", "^^41^^41", "[2pt] first", "*star", "a\\\\b", "$x$"]
    table = Table(
        name="t",
        caption=r"\write18{ls} ^^5c",
        headings=[Heading(text="Arm", words=True), Heading(text="x ↑", group="% of"), Heading(text="s")],
        rows=[[Cell(text=name, note=f"note {name}"), Cell(text="0.5"), Cell(text=name)] for name in hostile],
    )
    text = to_siunitx(table, r"a}b\c", [r"\def\x{}"])
    for command in (r"\input", r"\write", r"\def", "^^", "$x$"):
        assert command not in text
    assert r"\textbackslash{}input\{/etc/passwd\}" in text
    assert r"\textasciicircum{}\textasciicircum{}41" in text
    assert "\n{}[2pt] first" in text, "no length of the line before it"
    assert "\n{}*star" in text
    assert r"\label{tab:a-b-c}" in text


def test_a_column_is_aligned_where_all_its_cells_are_numbers() -> None:
    def form(*texts: str) -> str:
        rows = [[Cell(text="a"), Cell(text=text, emphasis=Emphasis.PLAIN)] for text in texts]
        table = Table(name="t", caption="", headings=[Heading(text="Arm", words=True), Heading(text="x")], rows=rows)
        return re.search(r"@\{\}l(.*)@\{\}\}", to_siunitx(table, "t", ())).group(1)

    assert form("0.5", "12.25", "–") == "S[table-format=2.2]"
    assert form("<0.001", "0.040") == "S[table-format=<1.3]"
    assert form("+0.1", "−12.0") == "S[table-format=+2.1,retain-explicit-plus]"
    assert form("3", "14") == "S[table-format=2]"
    assert form("2/3", "3") == "c"
    assert form("–") == "c"


def test_columns_are_chosen_by_name(found: Analysis) -> None:
    board = found.board
    assert paper_metrics(board, (), BALANCED_ACCURACY) == METRICS
    assert paper_metrics(board, ("icv", "recall"), BALANCED_ACCURACY) == (ICV, *board.by_class(RECALL))
    with pytest.raises(UsageError, match="unknown metric 'ivc' as a column"):
        paper_metrics(board, ("ivc",), BALANCED_ACCURACY)
    with pytest.raises(UsageError, match="no arm has weighted kappa"):
        paper_metrics(board, ("kappa",), BALANCED_ACCURACY)
    made = arms_by_metric(found, paper_metrics(board, ("recall",), BALANCED_ACCURACY))
    assert r"\multicolumn{4}{c}{recall of}" in to_siunitx(made.table, "t", made.notes)

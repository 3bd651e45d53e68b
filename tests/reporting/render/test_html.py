"""The page: whole, escaped, and in need of nothing else, whatever it is of."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.figures import RenderedFigure, draw
from raysat.reporting.figures.forest import differences
from raysat.reporting.figures.style import style
from raysat.reporting.figures.tradeoff import tradeoff
from raysat.reporting.format.pages import report_page
from raysat.reporting.format.table import Table
from raysat.reporting.render.html import to_html
from tests.helpers.report import GRID, GRID_CONFIGS, with_generator

pytestmark = pytest.mark.slow

MakeRun = Callable[..., object]
VOID = {"meta", "link", "img", "br", "hr", "input"}
COWS = ("0 cows", "1 cow", "2 cows", "3+ cows")
RECALL = (0.9, 0.7, 0.7, 0.5)


class Page(HTMLParser):
    """Reads a page, checks that its tags are closed in order, and keeps what tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.headings_without_button = 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "th" and "thead" in self.open:
            self.headings_without_button += 1
        if tag == "button" and "th" in self.open:
            self.headings_without_button -= 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script", "svg"} & set(self.open) and data.strip():
            self.words.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def found(ledger: object, **options: object) -> Analysis:
    return analyze([Path(ledger.root)], **options)  # type: ignore[attr-defined,arg-type]


def some(findings: Analysis) -> tuple[RenderedFigure, ...]:
    """Few figures: all of them are drawn in their own tests."""
    with style():
        return tuple(each for each in (differences(findings), tradeoff(findings)) if each)


def page_of(findings: Analysis) -> tuple[str, Page]:
    text = to_html(report_page(findings), some(findings))
    return text, Page(text)


@pytest.mark.slow
def test_a_page_of_a_grid_is_whole_and_needs_nothing_else(make_run: MakeRun) -> None:
    findings = found(make_run(GRID, configs=GRID_CONFIGS, grid=True), combinations=["loss=ldam,average=swa"])
    text = to_html(report_page(findings), draw(findings))
    page = Page(text)
    assert text == to_html(report_page(findings), draw(findings))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == 1
    assert "default-src 'none'" in page.all("meta")[1]["content"]
    assert len(page.all("svg")) == 10
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for key in ("src", "href", "xlink:href"):
            address = attributes.get(key, "")
            assert address.startswith(("#", "data:")) or not address
            assert not address.startswith("#") or address[1:] in ids
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import|\bfetch\(", text)
    sections = [attributes["id"] for attributes in page.all("h2")]
    assert sections == [
        "leaderboard", "limits", "differences", "tradeoff", "baseline", "classes", "effects", "curves", "confusion",
        "changed", "calibration", "more", "cost", "reproduce", "method",
    ]  # fmt: skip


@pytest.mark.slow
def test_tables_can_be_read_and_sorted(make_run: MakeRun, table2: dict[str, tuple[float, ...]]) -> None:
    text, page = page_of(found(make_run(table2)))
    tables = len(page.all("table"))
    assert tables == len(page.all("caption")) >= 8
    assert page.headings_without_button == 0
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th"))
    assert {"ascending"} == {attributes["aria-sort"] for attributes in page.all("th") if "aria-sort" in attributes}
    for attributes in page.all("td"):
        float(attributes.get("data-value", "0"))
    heads = text.count('scope="col"')
    assert heads > tables


@pytest.mark.slow
def test_columns_of_low_priority_can_be_dropped_and_shown_again_without_a_script(make_run: MakeRun) -> None:
    findings = found(make_run(GRID, configs=GRID_CONFIGS, grid=True))
    table = report_page(findings).sections[0].blocks[0]
    assert isinstance(table, Table)
    _, page = page_of(findings)
    cells = [attributes["class"].split() for attributes in page.all("th")[: len(table.headings)]]
    minor = {heading.key for heading, classes in zip(table.headings, cells, strict=True) if "minor" in classes}
    least = {heading.key for heading, classes in zip(table.headings, cells, strict=True) if "least" in classes}
    assert minor == {"icv_root", "macro_f1", "to_best", "p_holm", "recall", "accuracy"}  # the arm, its rule and n stay
    assert least == {"icv_root", "to_best", "p_holm"}
    boxes = [attributes for attributes in page.all("input") if attributes == {"type": "checkbox"}]
    assert 0 < len(boxes) < len(page.all("table"))  # where nothing is dropped there is nothing to choose
    assert " ".join(page.words).count("all columns") == len(boxes)


@pytest.mark.slow
def test_the_essential_part_is_printed_and_the_rest_is_named(make_run: MakeRun) -> None:
    findings = found(make_run(GRID, configs=GRID_CONFIGS, grid=True))
    _, page = page_of(findings)
    printed = sum(attributes.get("class") == "essential" for attributes in page.all("section"))
    sections = report_page(findings).with_figures({"differences", "tradeoff"}).sections
    assert printed == sum(section.essential for section in sections) == 6
    rest = ", ".join(section.title for section in sections if not section.essential)
    assert f"Printed: the essential part. The page has more: {rest}." in page.words
    assert not any("rows are printed" in words for words in page.words)
    many = {f"arm {k}": RECALL for k in range(21)}
    _, page = page_of(found(make_run(many, seeds=(0,), folder="many")))
    assert page.words.count("The first 20 of 21 rows are printed.") >= 1
    style = (files("raysat.reporting.render") / "templates" / "style.css").read_text(encoding="utf-8")
    assert "tbody tr:nth-child(n + 21) { display: none; }" in style  # where the sentence says it ends


def test_settings_are_one_hover_away_and_in_a_table_for_all(make_run: MakeRun) -> None:
    _, page = page_of(found(make_run(GRID, configs=GRID_CONFIGS, grid=True)))
    whole = "loss=ldam, loss.max_margin=0.5, loss.scale=30.0, average=swa, average.start=0.25, average.every=0.125"
    assert whole in {attributes.get("title") for attributes in page.all("th")}
    assert whole in page.words
    assert "What each arm is" in page.words


def test_names_never_become_tags(make_run: MakeRun) -> None:
    name = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> & {{ 7 * 7 }} $x_1$"
    ledger = make_run(
        {name: RECALL, "_ " + "long" * 70: RECALL, "lost": RECALL},
        classes=("<b>bold</b>", "c & d", "</table>", "{% raw %}"),
        failed={("lost", 0): "<svg onload=alert(3)> boom"},
        missing=[("lost", 1)],
        seeds=(0, 1),
        study="a <i>study</i>",
        folder="hostile",
    )
    text, page = page_of(found(ledger))
    assert len(page.all("script")) == 1
    assert not page.all("b") or all("onerror" not in attributes for _, attributes in page.tags)
    assert not page.all("img")
    assert not page.all("i")
    assert all(not key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert name in page.words or any(name in words for words in page.words)
    assert any("<svg onload=alert(3)> boom" in words for words in page.words)
    assert "missing: not trained yet" in " ".join(page.words)
    assert "49 $x_1$" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arms", "options"),
    [
        ({"only": RECALL}, {"seeds": (0,)}),
        ({"a": RECALL, "b": (0.8, 0.7, 0.6, 0.6)}, {"seeds": (0,)}),
        ({"a": RECALL, "b": (0.8, 0.7, 0.6, 0.6)}, {"sizes": (20, 8, 6, 0), "ordinal": True}),
        ({"a": RECALL, "b": RECALL, "c": RECALL}, {"missing": [("b", 0), ("a", 1), ("a", 2)]}),
    ],
    ids=["one arm", "one seed", "a class without patches", "unlike seeds"],
)
def test_what_is_not_known_is_a_dash(
    make_run: MakeRun, arms: dict[str, tuple[float, ...]], options: dict[str, object]
) -> None:
    text, page = page_of(found(make_run(arms, **options)))
    words = " ".join(page.words)
    assert not re.search(r"\b(nan|None|inf|True|False)\b", words)
    assert not re.search(r"=\"(nan|None|inf)\"", text)
    assert ("weighted kappa" in words) == bool(options.get("ordinal"))
    assert ("Against the baseline" in words) == (len(arms) > 1)


def test_a_generators_patches_are_in_the_page(make_run: MakeRun, tmp_path: Path) -> None:
    findings = with_generator(found(make_run({"a": RECALL})), tmp_path / "samples-1.png")
    page = Page(to_html(report_page(findings), ()))
    assert page.all("img")[0]["src"] == "data:image/png;base64,iVBORw=="
    words = " ".join(page.words)
    assert "<forest>: few & blurred" in words
    assert "not collapsed" not in words
    assert "0.500 (−0.100)" in words
    assert "<forest>" in words
    assert "0.200" in words


def test_published_numbers_stand_beside_ours(make_run: MakeRun) -> None:
    findings = found(make_run({"(1)": RECALL, "(2)": RECALL}, reference="table2", classes=COWS))
    words = " ".join(Page(to_html(report_page(findings), ())).words)
    assert "Published numbers: Rawal & Pradhan 2020" in words
    assert "measured on droughtwatch" in words
    assert "recall of 1 cow" in words
    assert "0.4883" in words  # as printed of row (1)
    assert "(b) LDAM + DRW raises balanced accuracy" in words
    other = found(make_run({"(1)": RECALL, "(2)": RECALL}, reference="table2", folder="other"))
    words = " ".join(Page(to_html(report_page(other), ())).words)
    assert "0.6470" in words
    assert "0.4883" not in words  # recalls of other classes compare with nothing

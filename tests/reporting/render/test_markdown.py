"""The report as Markdown: rendered, it has the tables and texts it should, whatever the names are."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.format.numbers import format_difference
from raysat.reporting.format.pages import report_page
from raysat.reporting.render.markdown import escape, to_markdown
from raysat.reporting.render.write import write_report
from tests.helpers.report import GRID, GRID_CONFIGS, with_generator
from tests.reporting.render.test_leaderboard import HOSTILE


class Page(HTMLParser):
    """Headings, tables and images of a rendered page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[dict] = []
        self.text = ""
        self.tables: list[list[list[str]]] = []
        self.feed(MarkdownIt("gfm-like", {"linkify": False}).render(text))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_data(self, data):
        self.text += data
        if self.tables and self.tables[-1] and self.tables[-1][-1] and data.strip():
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def found(make_shared_run):
    failed = {(next(iter(GRID)), 3): "diverged"}
    ledger = make_shared_run(GRID, seeds=range(4), configs=GRID_CONFIGS, grid=True, failed=failed, folder="grid")
    return analyze([ledger.root], combinations=["loss=ldam,average=swa"])


def test_it_renders_with_every_table_whole(found):
    page = Page(to_markdown(report_page(found), {"differences": ("differences to the best", "Paired. n = 4.")}))
    heads = [table[0] for table in page.tables]
    for table in page.tables:
        assert len({len(row) for row in table}) == 1
        assert all(len(row) == len(table[0]) for row in table)
    firsts = [head[0] for head in heads]
    assert firsts[0] == "#"
    assert firsts.count("comparison") == 6  # arms to the best and the baseline, effects, interactions
    for name in ("part", "source"):
        assert name in firsts
    assert heads[0][-2:] == ["accuracy", "n"]
    assert [row[1].removesuffix(" (baseline)").removesuffix(" ◆") for row in page.tables[0][1:]] == [
        arm.label for arm in found.board.arms
    ]
    assert "Paired. n = 4." in page.text
    assert page.images == [{"src": "figures/differences.svg", "alt": "differences to the best"}]


def test_it_says_what_was_found_and_how_to_get_it_again(found):
    text = Page(to_markdown(report_page(found))).text
    for part in (
        "comes first, balanced accuracy",
        "Together, loss=ldam + average=swa",
        "Balanced: every combination of levels is there (4 arms of the grid, n = 3 seeds)",
        "4 seeds: the smallest p of a paired sign-flip test is 0.125",
        "failed: diverged",
        "2,000 images instead of 3,000, 1.50 times fewer",
        "raysat ablate --space table2.yaml --data demo",
        "asked for by name",
    ):
        assert part in text


@pytest.mark.slow
def test_hostile_names_stay_text(make_run):
    arms = {f"{n} {name}": (0.9, 0.5, 0.6, 0.4 + n / 100) for n, name in enumerate(HOSTILE)}
    classes = ("<b>a</b>", "b|b", "`c`", "[d](http://x)")
    ledger = make_run(arms, classes=classes, study="hostile", seeds=(0, 1))
    ledger.write_plan("a: '```'\n````\n", ledger.read_plan())
    page = Page(to_markdown(report_page(analyze([ledger.root]))))
    assert not {"script", "b", "a", "img", "s"} & set(page.tags)
    assert all(len({len(row) for row in table}) == 1 for table in page.tables)
    assert "a: '```'\n````" in page.text


def test_published_values_stand_beside_ours_with_the_difference(make_run):
    ledger = make_run({"(4)": (0.9, 0.3, 0.3, 0.3), "(1)": (0.9, 0.5, 0.5, 0.5)}, reference="table1")
    found = analyze([ledger.root])
    table = next(table for table in Page(to_markdown(report_page(found))).tables if "published" in table[0])
    row = next(row for row in table if row[1] == "balanced accuracy")
    assert row[0].startswith("(1)")  # the best comes first
    row = next(row for row in table if row[0].startswith("(4)") and row[1] == "balanced accuracy")
    ours = next(arm for arm in found.board.arms if arm.name == "(4)").metrics[BALANCED_ACCURACY]
    assert row[2:4] == [f"{ours.mean:.3f} ± {ours.sd:.3f}", "0.6380"]
    mean = found.means["(4)"][BALANCED_ACCURACY]
    ends = f"[{format_difference(mean.low - 0.638)}, {format_difference(mean.high - 0.638)}]"
    assert row[4:] == [f"{format_difference(ours.mean - 0.638)} {ends}", "3"]
    assert row[4].startswith("−0.")


def test_one_arm_one_seed_and_a_class_without_patches(make_run):
    found = analyze([make_run({"a": (0.9,) * 4}, seeds=(0,), sizes=(30, 8, 7, 0)).root])
    text = to_markdown(report_page(found))
    assert "Against" not in text
    assert "Without patches in the test split, and so no part of any mean: forest." in text
    assert not re.search(r"\bnan\b|None", text)


def test_long_sentences_and_what_looks_like_a_list_stay_whole(make_run):
    arms = {f"# {'x' * 250} {n}": (0.9, 0.5, 0.6, 0.4 + n / 100) for n in range(5)}
    ledger = make_run(arms, seeds=(0, 1), study="1. list")
    text = to_markdown(report_page(analyze([ledger.root])), {"tradeoff": ("what", "long " * 100 + "end")})
    page = Page(text)
    assert "end" in page.text.replace("\n", " ").split("long long ")[-1]
    assert not any(tag in ("h1", "h3", "ol") for tag in page.tags[3:])


@pytest.mark.slow
def test_generated_patches_are_shown_with_how_good_they_are(make_run, tmp_path):
    plain = analyze([make_run({"a": (0.9, 0.5, 0.5, 0.4)}).root])
    both = with_generator(with_generator(plain, tmp_path / "1.png"), tmp_path / "2.png", class_name="a_b|*c*")
    out = tmp_path / "report"
    write_report(both, out, ["md"])
    page = Page((out / "report.md").read_text(encoding="utf-8"))
    pictures = [image["src"] for image in page.images if "generated" in image["src"]]
    assert pictures == ["figures/generated-1.png", "figures/generated-2.png"]
    assert all((out / each).read_bytes() == b"\x89PNG" for each in pictures)
    heading, first, second = next(rows for rows in page.tables if "KID" in rows[0])
    assert set(heading) >= {"KID", "real (patches)", "made (patches)", "bands", "steps"}
    assert "a_b|*c*: few & blurred" in page.text
    forest = dict(zip(heading, first, strict=True))
    assert {name: forest[name] for name in ("class", "KID", "Wasserstein", "diversity", "index", "verdict")} == {
        "class": "<forest>",
        "KID": "0.500 (−0.100)",
        "Wasserstein": "0.200 (–)",
        "diversity": "0.000 (–)",
        "index": "NDMI",
        "verdict": "collapsed",
    }
    assert second[0] == "a_b|*c*"
    (tmp_path / "1.png").unlink()
    write_report(both, out, ["md"])  # one that is gone is not shown
    assert "generated-1.png" not in (out / "report.md").read_text(encoding="utf-8")
    write_report(plain, out, ["md"])
    assert not list((out / "figures").glob("generated-*"))


@pytest.mark.parametrize("name", ["__a__", "a__", "__a", "_a_", "a_b", "a__b", "é_é", "_", "a _b_ c"])
def test_underscores_stay_underscores_wherever_they_stand(name):
    for text in (escape(name), f"_{escape(name)}. said_", f"**{escape(name)}**", f"![{escape(name)}](a.png)"):
        html = MarkdownIt("commonmark").render(text)
        assert name in html
        assert html.count("<em>") + html.count("<strong>") == (text[0] in "_*" and text != escape(name))

"""The leaderboard as a reader finds it in Markdown, whatever the names are."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from raysat.data.importers.droughtwatch import CLASSES
from raysat.formatting import visible
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, ICV, ICV_ROOT, PRECISION, RECALL
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.format.pages import leaderboard_page
from raysat.reporting.render import markdown
from raysat.reporting.render.json import leaderboard_json
from raysat.reporting.render.rows import leaderboard_rows, rows_csv

HOSTILE = [
    "a | b",
    "<script>alert(1)</script>",
    "new\nline\r\n# heading",
    "`code` **bold** [link](http://x) ~~gone~~",
    "back\\slash \\| pipe",
    "=cmd()",
    "+1",
    "-1",
    "@SUM(A1)",
    "a, \"quoted\" 'name'",
    "$x$ &amp; <!-- -->",
    "very " * 60 + "long",
    "ünï 表 \u202e\x1b[31m",
]


def cells(row: str) -> list[str]:
    """Split a row of a Markdown table at its unescaped pipes, and undo the escapes."""
    parts = re.split(r"(?<!\\)((?:\\\\)*)\|", row.strip())
    joined = [a + b for a, b in zip(parts[::2], [*parts[1::2], ""], strict=True)][1:-1]
    plain = [re.sub(r"\\(.)", r"\1", part.strip()) for part in joined]
    return [part.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for part in plain]


def tables(markdown: str) -> list[list[list[str]]]:
    found = re.findall(r"(?:^\|.*\n)+", markdown, flags=re.MULTILINE)
    return [[cells(row) for row in table.splitlines() if not set(row) <= set("|-: ")] for table in found]


def to_markdown(board: Leaderboard) -> str:
    return markdown.to_markdown(leaderboard_page(board, None))


def one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def test_markdown_shows_every_arm_ranked_with_mean_and_sd(board):
    main, beside, recall, precision, _ = tables(to_markdown(board))
    classes = ["crop_grass", "built", "water", "forest"]
    metrics = ["balanced accuracy", "ICV (lower is better)", "√ICV (lower is better)", "macro F1"]
    published = "published balanced accuracy (ours − published)"
    heads = [*metrics, published, *(f"{name} (recall)" for name in classes), "accuracy"]
    assert main[0] == ["#", "arm", *heads, "n"]
    sizes = ["crop_grass (30 patches)", "built (8 patches)", "water (7 patches)", "forest (5 patches)"]
    assert recall[0] == precision[0] == ["arm", *sizes, "n"]
    for position, (arm, row) in enumerate(zip(board.arms, main[1:], strict=True), start=1):
        values = dict(zip(main[0], (cell.replace("**", "") for cell in row), strict=True))
        balanced = arm.metrics[BALANCED_ACCURACY]
        assert values["#"] == (f"({position})" if arm.name in ("(2)", "(3)") else str(position))
        assert values["arm"] == f"{arm.name} {arm.published.label}"
        assert values["balanced accuracy"] == f"{balanced.mean:.3f} ± {balanced.sd:.3f}"
        assert values[published] == f"{arm.published.balanced_accuracy:.4f}"
        icv, root, accuracy = (arm.metrics[metric] for metric in (ICV, ICV_ROOT, ACCURACY))
        assert values["ICV (lower is better)"] == f"{icv.mean:.4f} ± {icv.sd:.4f}"
        assert values["√ICV (lower is better)"] == f"{root.mean:.3f} ± {root.sd:.3f}"
        assert values["water (recall)"] == f"{arm.by_class(RECALL)[2].mean:.3f} ± {arm.by_class(RECALL)[2].sd:.3f}"
        assert values["accuracy"] == f"{accuracy.mean:.3f} ± {accuracy.sd:.3f}"
        theirs = {row[1]: row[3] for row in beside if row[0] == values["arm"]}
        assert theirs == {
            "balanced accuracy": f"{arm.published.balanced_accuracy:.4f}",
            "ICV": f"{arm.published.icv:.4f}",
            "√ICV": f"{arm.published.icv_root:.4f}",
            "macro F1": f"{arm.published.macro_f1:.4f}",
            "accuracy": f"{arm.published.accuracy:.4f}",
        }
        assert values["n"] == ("2/3" if arm.name in ("(2)", "(3)") else "3")
        forest = arm.by_class(PRECISION)[3]
        assert precision[position][4].replace("**", "") == f"{forest.mean:.3f} ± {forest.sd:.3f}"


def test_markdown_marks_the_best_of_each_column_but_never_accuracy(board):
    main = tables(to_markdown(board))[0]
    columns = {column[0]: column[1:] for column in zip(*main, strict=True)}
    for heading, better in (
        ("ICV (lower is better)", min),
        ("√ICV (lower is better)", min),
        ("macro F1", max),
        ("built (recall)", max),
    ):
        values = [float(cell.partition(" ")[0].strip("*")) for cell in columns[heading]]
        best = better(values[:5])  # the last two are short of seeds, and compete for nothing
        bold = [value == best and position < 5 for position, value in enumerate(values)]
        assert [cell.startswith("**") for cell in columns[heading]] == bold
    assert not any("*" in cell for heading in ("accuracy", "#", "n", "arm") for cell in columns[heading])


def test_markdown_says_what_was_measured_how_it_is_ranked_and_what_is_not_there(board):
    text = to_markdown(board)
    assert text.startswith("# table2\n")
    assert "test split of demo, 50 patches; 19 of 21 trials finished" in text
    assert "Means over n seeds ± standard deviation" in text
    assert "higher balanced accuracy, then lower ICV, then higher macro F1" in text
    assert tables(text)[-1][1:] == [
        ["(2) cross-entropy, bands 6-5-2", "2", "missing: not trained yet"],
        ["(3) cross-entropy + AugMix", "1", "failed: the loss became NaN at epoch 3"],
    ]
    assert "Rank in brackets: an arm that lacks seeds of the others, and so ranks below them." in text
    assert "Published numbers: Rawal &amp; Pradhan 2020" in text
    assert "ICV is not printed and follows from accuracy and recalls" in text


def test_a_complete_study_has_no_section_of_failures(make_run):
    text = to_markdown(collect(make_run({"a": (0.9, 0.5, 0.5, 0.4)}, seeds=(0, 1))))
    assert "Failed" not in text
    assert "ublished" not in text
    assert "**0." not in text  # one arm alone is not the best of anything


def test_an_arm_without_results_is_listed_last_with_dashes(make_run):
    arms = {"a": (0.9, 0.5, 0.5, 0.4), "b": (0.9, 0.9, 0.9, 0.9)}
    main, *_ = tables(to_markdown(collect(make_run(arms, seeds=(0,), failed={("a", 0): "no space"}))))
    assert main[2] == ["–", "a", *["–"] * 9, "0/1"]


def test_hostile_names_and_errors_neither_break_nor_leave_their_cell(make_run):
    arms = {f"{name} {position}": (0.9, 0.6, 0.5, 0.5) for position, name in enumerate(HOSTILE)}
    failed = {(arm, 1): f"error in {arm}" for arm in arms}
    classes = ("a|b", "<i>c</i>", "d\ne", "_f_ g_h")
    board = collect(make_run(arms, seeds=(0, 1), failed=failed, classes=classes, study="hostile"))
    text = to_markdown(board)
    main, recall, _, unfinished = tables(text)
    clipped = {one_line(visible(name))[:299] for name in arms}
    assert {row[1].rstrip("…")[:299] for row in main[1:]} == clipped
    assert {len(row) for row in main} == {12}
    assert recall[0] == [
        "arm",
        "a|b (30 patches)",
        "<i>c</i> (8 patches)",
        "d e (7 patches)",
        "_f_ g_h (5 patches)",
        "n",
    ]
    assert not re.search(r"<\w", text)
    assert not re.search(r"(?<!\\)[`~$\[]", text)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# hostile",
        "## Leaderboard",
        "## Per class",
        "## Failed or missing",
    ]
    assert len(unfinished) == 1 + len(arms)
    assert "g_h" in text  # escaped only where it would mean something


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=40))
def test_any_name_is_one_cell_of_markdown_and_reads_back(board, name):
    changed = replace(board, arms=(replace(board.arms[0], name=name, published=None), *board.arms[1:]))
    main = tables(to_markdown(changed))[0]
    assert {len(row) for row in main} == {13}
    assert main[1][1] == one_line(name)
    row = next(csv.DictReader(io.StringIO(rows_csv(leaderboard_rows(changed)))))
    assert row["arm"].removeprefix("'") == one_line(name).removeprefix("'")
    assert not row["arm"].startswith(("=", "+", "-", "@"))


def test_markdown_renders_as_tables_of_inert_text(make_run):
    """What a CommonMark parser makes of it: the third opinion on our escapes."""
    arms = {f"{name} {position}": (0.9, 0.6, 0.5, 0.5) for position, name in enumerate(HOSTILE)}
    text = to_markdown(collect(make_run(arms, seeds=(0,), study="hostile")))
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    assert html.count("<table>") == 3
    assert html.count("<tr>") == 3 * (1 + len(arms))
    for tag in ("<script", "<a ", "<s>", "<h3", "<!--"):
        assert tag not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "back\\slash \\| pipe" in html


def test_many_classes_leave_the_main_table_narrow(make_run):
    classes = tuple(f"class {k}" for k in range(12))
    board = collect(make_run({"a": (0.9,) * 12, "b": (0.5,) * 12}, seeds=(0,), classes=classes))
    main, recall, precision = tables(to_markdown(board))
    assert len(main[0]) == 8
    assert len(recall[0]) == len(precision[0]) == 14


# ---- published rows


def test_published_values_stand_beside_ours_and_a_dash_where_there_is_none(make_run, table2):
    arms = {**{name: table2[name] for name in ("(1)", "(2)")}, "mine": table2["(3)"]}
    compared = collect(make_run(arms, reference="table2", classes=CLASSES))
    text = to_markdown(compared)
    main, beside, *_ = tables(text)
    columns = {column[0]: column[1:] for column in zip(*main, strict=True)}
    cells = columns["published balanced accuracy (ours − published)"]
    for name, cell in zip(columns["arm"], cells, strict=True):
        assert cell == {"(1)": "0.6470", "(2)": "0.6474"}.get(name[:3], "–")
    rare = {row[0][:3]: row[3] for row in beside if row[1] == "recall of 3+ cows"}
    assert rare == {"(1)": "0.6397", "(2)": "0.6565"}
    assert {row[1] for row in beside} >= {"precision of 0 cows", "precision of 3+ cows"}
    frame = pd.read_csv(io.StringIO(rows_csv(leaderboard_rows(compared)))).set_index("arm")
    assert frame.loc["(1)", "balanced_accuracy_published"] == 0.647
    assert frame["balanced_accuracy_published"].isna().sum() == 1
    assert frame.loc["(2)", "recall_1 cow_published"] == 0.4784
    published = {arm["name"]: arm["published"] for arm in json.loads(leaderboard_json(compared))["arms"]}
    assert published["(1)"]["recall"] == [0.8968, 0.4883, 0.5631, 0.6397]
    assert published["mine"] is None


def test_numbers_by_class_are_compared_where_the_classes_are_the_publications(make_run, table2):
    other = collect(make_run({"(1)": table2["(1)"]}, reference="table2"))
    beside = {row[1]: row[3] for row in tables(to_markdown(other))[1]}
    assert beside["balanced accuracy"] == "0.6470"
    assert not any(" of " in metric for metric in beside)

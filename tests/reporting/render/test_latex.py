"""The LaTeX table: what stands in it, whatever the names are, and that it compiles where LaTeX is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.formatting import number
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, ICV
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.render.latex import escape
from raysat.reporting.render.write import paper_table
from tests.helpers.report import GRID, GRID_CONFIGS

HOSTILE = [
    r"\input{/etc/passwd} \def\x{}",
    "50 % & more_of # it $x^2$ ~ {braces}",
    "quotes \" ' ` <b> | [bracket]",
    "ü é ß ø Å — … – − × ± √",
    "卫星 🛰 α β",
    "]  ]] %",
    "",
]
SPECIAL = set("$&#%_^~{}\\")


@pytest.fixture
def hostile(make_run):
    arms = {f"{n} {name}": (0.9, 0.5 + 0.05 * n, 0.6, 0.4) for n, name in enumerate(HOSTILE)}
    return make_run(arms, study="hostile", classes=("a_b", "50 %", r"\bad", "d & e"), missing=[("6 ", 0)])


@given(text=st.text())
def test_escaped_text_has_no_command_but_those_that_stand_for_a_character(text):
    rest = re.sub(
        r"\\(textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|textasciigrave|ldots|char34)\{\}",
        "",
        escape(text),
    )
    math = r"\$(-|\^2|\\times|\\pm|\\surd|\\diamond|\\(up|down|right)arrow)\$"
    box = r"\{\\fboxsep0pt\\fbox\{\\phantom\{x\}\}\}"
    rest = re.sub(rf"{math}|{box}|\\texttt\{{U\+[0-9A-F]{{4,6}}\}}|\\[{{}}$&#%_]", "", rest)
    assert not SPECIAL & set(rest)
    assert rest.isprintable()


def test_the_table_holds_the_ranked_arms_with_n_and_accuracy_last(make_run, table2):
    found = analyze([make_run(table2, reference="table2").root])
    text = paper_table(found)
    rows = [line for line in text.splitlines() if re.match(r"\d+=? & ", line)]
    assert len(rows) == 7
    for row, arm in zip(rows, found.board.arms, strict=True):
        cells = [cell.strip(" \\") for cell in row.split(" & ")]
        assert cells[1].startswith(arm.name)
        assert number(arm.metrics[ICV].mean, ICV.digits) in cells[7]
        assert number(arm.metrics[BALANCED_ACCURACY].mean) in cells[8]
        assert cells[-2:] == [number(arm.metrics[ACCURACY].mean), "3"]
        assert ("=" in cells[0]) == (arm.name in found.tied)
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(rf"\{rule}") == 1


def test_an_arm_without_a_result_has_dashes(make_run):
    text = paper_table(analyze([make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}, seeds=(0,), missing=[("b", 0)]).root]))
    assert re.search(r"^-- & b & -- .* & 0/1 \\\\$", text, re.MULTILINE)


@pytest.mark.slow
def test_many_arms_make_a_long_table(make_run):
    arms = {f"arm {n}": (0.9, 0.5, 0.5, 0.5) for n in range(45)}
    text = paper_table(analyze([make_run(arms, seeds=(0,)).root]))
    assert r"\begin{longtable}" in text
    assert r"needs \usepackage{booktabs} \usepackage{longtable}" in text


def test_it_compiles(hostile, make_run, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex on this machine")
    long = make_run({f"arm {n} " + "and so on " * 6: (0.9,) * 4 for n in range(45)}, seeds=(0,), study="long")
    for name, ledger in (("short", hostile), ("long", long)):
        (tmp_path / f"{name}.tex").write_text(paper_table(analyze([ledger.root])), encoding="utf-8")
    main = (
        r"\documentclass{article}\usepackage{booktabs,array,longtable}\begin{document}"
        r"\input{short}\input{long}\end{document}"
    )
    (tmp_path / "main.tex").write_text(main, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "main.pdf").stat().st_size > 10_000


def test_footnotes_tell_the_settings_behind_every_name(make_run):
    text = paper_table(analyze([make_run(GRID, configs=GRID_CONFIGS, grid=True).root]))
    table, _, notes = text.partition("\\end{tabular}")
    assert "LDAM + SWA" in table
    assert "loss=" not in table
    assert "LDAM + SWA: loss=ldam, loss.max\\_margin=0.5, loss.scale=30.0, average=swa, average.start=0.25" in notes
    assert "All arms: data.bands=all" in notes
    assert notes.index("All arms") < notes.index("\\end{table}")


def test_a_long_table_has_its_footnotes_as_comments(make_run):
    configs = {f"average.start={k / 100}": {"average": {"kind": "swa", "start": k / 100}} for k in range(41)}
    made = make_run(dict.fromkeys(configs, (0.9, 0.5, 0.6, 0.4)), seeds=(0,), configs=configs, grid=True)
    _, _, notes = paper_table(analyze([made.root])).partition("\\end{longtable}}\n")
    assert "% SWA (start 0.4): average.start=0.4.\n" in notes
    assert all(line.startswith("% ") for line in notes.splitlines())

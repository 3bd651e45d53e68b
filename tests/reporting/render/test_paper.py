"""The folder for a paper: its files, the same whenever written, and that LaTeX compiles it where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from raysat.api.reports import report
from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.figures.page import PAPER
from raysat.reporting.render import paper
from raysat.reporting.render.paper import paper_files, write_paper
from tests.helpers.report import GRID, GRID_CONFIGS
from tests.reporting.render.test_latex import HOSTILE

LATIN = "".join(map(chr, range(0x00C0, 0x017F)))  # letters that the escape lets through as they are


@pytest.fixture(scope="module", name="grid")
def _grid(make_shared_run) -> Analysis:
    run = make_shared_run(GRID, seeds=range(7), configs=GRID_CONFIGS, grid=True, study="grid")
    return analyze([run.root])


@pytest.fixture(scope="module", name="files")
def _files(grid: Analysis) -> dict[str, bytes]:
    return paper_files(grid)


@pytest.mark.slow
def test_every_figure_is_there_in_both_widths(files: dict[str, bytes]) -> None:
    texts = {"table.tex", "methods.tex", "methods.md", "raysat.bib", "main.tex"}
    assert texts <= files.keys()
    figures = [name for name in files if name not in texts]
    drawn = {name.rpartition("-")[0] for name in figures}
    assert len(drawn) > 4
    assert set(figures) == {f"{name}-{target.name}.pdf" for name in drawn for target in PAPER}
    main = files["main.tex"].decode()
    assert {f"figures/{name}" for name in re.findall(r"includegraphics\{figures/(.+?)-single\}", main)} == drawn
    for name in ("methods", "table"):
        assert rf"\input{{{name}}}" in main
    cites = re.findall(r"\\cite\{(.+?)\}", files["methods.tex"].decode())
    cited = {work for works in cites for work in works.split(",")}
    assert cited == set(re.findall(r"\\bibitem\{(.+?)\}", main))
    assert cited == set(re.findall(r"^@\w+\{(.+?),$", files["raysat.bib"].decode(), re.MULTILINE))


@pytest.mark.slow
def test_the_same_findings_are_the_same_texts(
    grid: Analysis, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "draw", lambda *_: ())  # whose bytes test_paper_figures.py compares
    texts = paper_files(grid)
    assert {name for name in texts if name != "main.tex"} == {"table.tex", "methods.tex", "methods.md", "raysat.bib"}
    assert all(files[name] == text for name, text in texts.items() if name != "main.tex")


def test_figures_of_an_earlier_paper_do_not_stay(tmp_path: Path) -> None:
    content = {"table.tex": b"t", "figures/curves-single.pdf": b"c", "figures/confusion-single.pdf": b"o"}
    write_paper(tmp_path, content)
    (tmp_path / "paper/figures/mine.pdf").write_bytes(b"mine")
    del content["figures/confusion-single.pdf"]
    assert [file.name for file in write_paper(tmp_path, content)] == ["table.tex", "curves-single.pdf"]
    left = {file.name for file in (tmp_path / "paper/figures").iterdir()}
    assert left == {"curves-single.pdf", "mine.pdf"}


@pytest.mark.slow
@pytest.mark.parametrize("which", ["grid", "hostile"])
def test_it_compiles(
    which: str, files: dict[str, bytes], make_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex on this machine")
    if which == "hostile":
        monkeypatch.setattr(paper, "draw", lambda *_: ())
        arms = {f"{n} {name}": (0.9, 0.5 + 0.05 * n, 0.6, 0.4) for n, name in enumerate([*HOSTILE, LATIN, "^^41"])}
        arms |= {"[bracket first": (0.9,) * 4, "*star": (0.8,) * 4}
        classes = ("a_b", "50 %", r"\bad", "d & e")
        run = make_run(arms, study=r"host\ile_%", classes=classes, missing=[("6 ", 0)], seeds=(0, 1))
        files = paper_files(analyze([run.root]), ("balanced_accuracy", "recall", "nll"))
    write_paper(tmp_path, files)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    for _ in range(2):
        done = subprocess.run(
            command, check=False, cwd=tmp_path / "paper", capture_output=True, text=True, errors="replace"
        )
        missing = re.search(r"File `(.+?)\.sty' not found", done.stdout)
        if missing:
            pytest.skip(f"this LaTeX lacks {missing[1]}")
        assert done.returncode == 0, done.stdout[-1500:]
    assert "undefined" not in done.stdout
    assert which == "hostile" or "Overfull" not in done.stdout
    assert (tmp_path / "paper/main.pdf").stat().st_size > 20_000
    if which == "grid" and shutil.which("pdffonts"):
        fonts = subprocess.run(["pdffonts", tmp_path / "paper/main.pdf"], check=True, capture_output=True, text=True)
        assert "DejaVuSans" in fonts.stdout
        assert "Type 3" not in fonts.stdout


@pytest.mark.slow
def test_the_api_writes_it_beside_the_report(make_run, tmp_path: Path) -> None:
    run = make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}, seeds=(0,))
    found = report(run.root, out=tmp_path / "out", formats=["csv"], latex=True, columns=["icv"])
    named = {str(file.relative_to(tmp_path / "out")) for file in found.files}
    assert {"report.csv", "paper/main.tex", "paper/table.tex", "paper/figures/tradeoff-single.pdf"} <= named
    assert all(file.is_file() for file in found.files)
    assert "ICV" in (tmp_path / "out/paper/table.tex").read_text()
    assert "Balanced acc." not in (tmp_path / "out/paper/table.tex").read_text()

"""``raysat report`` and ``raysat compare``, from the command line to the files."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.helpers.report import GRID, GRID_CONFIGS

pytestmark = pytest.mark.slow

ALL = [
    "effects.csv",
    *(f"report.{end}" for end in ("csv", "html", "json", "md", "tex")),
    "trials.csv",
    "trials.parquet",
]


@pytest.fixture
def run(make_run):
    return make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True, study="quick").root


def test_it_writes_every_format_and_says_what_was_found(raysat, run):
    result = raysat("report", run, "--combination", "loss=ldam,average=swa")
    assert (result.code, result.err) == (0, "")
    folder = run / "report"
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ALL
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert figures
    assert {name.rsplit(".", 1)[0] + end for name in figures for end in (".svg", ".png")} == figures
    text = (folder / "report.md").read_text(encoding="utf-8")
    for name in figures:
        assert (f"](figures/{name})" in text) == name.endswith(".svg")
    assert "comes first, balanced accuracy" in result.out
    assert "= tied with the best" in result.out
    assert f"wrote {len(figures)} files in" in result.out


def test_formats_where_to_and_what_ranks_can_be_chosen(raysat, run, tmp_path):
    out = tmp_path / "reports" / "mine"
    words = ("--out", out, "--format", "csv,json", "--rank-by", "worst_recall")
    result = raysat("report", run, *words, "--baseline", "loss=ldam, average=swa")
    assert result.code == 0
    assert sorted(path.name for path in out.rglob("*")) == ["effects.csv", "report.csv", "report.json", "trials.csv"]
    value = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert (value["rank_by"], value["baseline"]) == ("worst_recall", "loss=ldam, average=swa")
    assert "Ranked by higher worst-class recall, then higher balanced accuracy, then lower ICV" in result.out


def test_the_same_run_gives_the_same_files(raysat, run, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        assert raysat("report", run, "--out", folder, "--format", "csv,parquet,json,tex").code == 0
    files = [{path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")} for folder in folders]
    assert len(files[0]) == 6
    assert files[0] == files[1]


def test_what_an_earlier_report_left_and_this_one_has_not_is_deleted(raysat, run, make_run, tmp_path):
    out = tmp_path / "out"
    raysat("report", run, "--out", out)
    for name in ("mine", "together"):  # the second as earlier versions called the figure of combinations
        (out / "figures" / f"{name}.svg").write_text("", encoding="utf-8")
    one = make_run({"a": (0.9, 0.5, 0.5, 0.5)}, study="one").root
    assert raysat("report", one, "--out", out, "--format", "json").code == 0
    assert (out / "effects.csv").exists()  # other formats stay as they are
    assert raysat("report", one, "--out", out).code == 0
    assert not (out / "effects.csv").exists()
    assert not (out / "figures" / "combination.svg").exists()
    assert not (out / "figures" / "together.svg").exists()
    assert (out / "figures" / "mine.svg").exists()


def test_several_runs_make_one_report(raysat, run, make_run, tmp_path):
    other = make_run({"new": (0.9, 0.9, 0.9, 0.9)}, study="other").root
    result = raysat("report", run, other, "--out", tmp_path / "both", "--format", "csv")
    assert result.code == 0
    assert "quick + other" in result.out
    assert (tmp_path / "both" / "report.csv").read_text(encoding="utf-8").count("\n") == 6


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--format", "pdf"], "unknown format 'pdf'", 2),
        (["--format", "md,,csv"], "empty name", 2),
        (["--rank-by", "accuracy"], "accuracy never ranks", 2),
        (["--rank-by", "icvv"], "did you mean 'icv'", 2),
        (["--rank-by", "kappa"], "its classes have no order", 2),
        (["--baseline", "loss=ldam"], "no finished arm is called 'loss=ldam'", 2),
        (["--combination", "loss=ldam"], "2 to 4 factors", 2),
        (["--columns", "icv"], "--columns is of --latex", 2),
        (["--latex", "--columns", "ivc"], "did you mean 'icv'", 2),
        (["--latex", "--columns", "kappa"], "no arm has weighted kappa", 2),
        (["RUN"], "named twice", 2),
        (["RUN/trials"], "is not a run", 2),
    ],
)
def test_a_mistake_is_one_error_and_nothing_is_written(raysat, run, tmp_path, words, message, code):
    given = [run if word == "RUN" else run / "trials" if word == "RUN/trials" else word for word in words]
    result = raysat("report", run, *given, "--out", tmp_path / "out")
    assert result.code == code
    assert message in result.err
    assert result.err.count("error: ") == 1
    assert "Traceback" not in result.err
    assert not (tmp_path / "out").exists()


def test_several_runs_need_a_place_and_nothing_finished_is_an_error(raysat, run, make_run):
    empty = make_run({"a": (0.5,) * 4}, study="empty", seeds=(0,), missing=[("a", 0)]).root
    assert "--out" in raysat("report", run, empty).err
    result = raysat("report", empty)
    assert result.code == 2
    assert "empty has no finished trial to report" in result.err
    assert not (empty / "report").exists()


def test_a_folder_that_cannot_be_written_is_one_error(raysat, run, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = raysat("report", run, "--out", tmp_path / "file" / "below", "--format", "csv")
    assert result.code == 3
    assert "cannot be written" in result.err


def test_compare_prints_and_writes_what_changed(raysat, run, make_run, tmp_path):
    arms = dict.fromkeys(GRID, (0.5, 0.5, 0.5, 0.5))
    other = make_run(arms, seeds=range(3), configs=GRID_CONFIGS, study="quick", folder="other").root
    result = raysat("compare", run, other, "--out", tmp_path / "compare.md")
    assert (result.code, result.err) == (0, "")
    assert "paired by seed and patch" in result.out
    text = (tmp_path / "compare.md").read_text(encoding="utf-8")
    assert all(name in text for name in GRID)
    nothing = raysat("compare", run, tmp_path)
    assert nothing.code == 2
    assert "is not a run" in nothing.err


def test_a_terminal_that_writes_ascii_alone(run):
    command = [sys.executable, "-m", "raysat", "report", str(run), "--format", "csv"]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert b"comes first" in done.stdout
    assert done.stdout.isascii()


def test_a_file_where_figures_go_leaves_no_page_without_pictures(raysat, run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "figures").write_text("", encoding="utf-8")
    result = raysat("report", run, "--out", tmp_path / "out")
    assert result.code == 2
    assert "figures is no folder" in result.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["figures"]

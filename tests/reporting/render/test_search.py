"""What is shown of a search: val decides, test stands beside it, nothing is lost."""

import csv
import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from raysat.reporting.figures.search import search_png
from raysat.reporting.format.search import search_blocks
from raysat.reporting.render.rows import rows_csv, search_rows
from raysat.reporting.render.terminal import Blocks
from raysat.search.load import Search
from raysat.search.log import Candidate, Log
from raysat.study.distribution import ParamValue
from tests.helpers.search import candidate, finished, load, log_of

TEXT = """
study: hunt
base: {optim: {epochs: 2}}
search:
  optim.lr: {log_uniform: [0.001, 0.1]}
  optim.batch_size: {int: [2, 9]}
  optim.weight_decay: {uniform: [0, 1]}
  loss: {choice: [{kind: cross_entropy}, {kind: ldam}, {kind: ldam, scale: 5}, {kind: focal}]}
  loss.max_margin: {uniform: [0.1, 1]}
"""
DRAWN: dict[str, ParamValue] = {"loss": 0, "optim.lr": 0.01, "optim.batch_size": 4, "optim.weight_decay": 0.0}
LDAM: dict[str, ParamValue] = DRAWN | {"loss": 2, "loss.max_margin": 0.25}


@pytest.fixture(name="search")
def _search(tmp_path: Path) -> Search:
    return load(tmp_path, TEXT)


def all_ends(search: Search) -> list[Candidate]:
    return [
        finished(search, 0, None, 0.5, 0.25),
        finished(search, 1, LDAM, 0.75, 0.125),
        finished(search, 2, DRAWN, 0.25, 0.5),
        candidate(search, 3, DRAWN, state="stopped", curve=(0.125,)),
        candidate(search, 4, DRAWN, state="failed"),
        candidate(search, 5, DRAWN),
    ]


def shown(search: Search, log: Log, *, width: int = 120, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, highlight=False, markup=False)
    console.print(Blocks(search_blocks(search, log, {f"{4:016x}": "the loss became NaN"})))
    file.seek(0)
    return file.read()


def test_the_table_is_ranked_by_val_and_shows_test_beside_it(search: Search) -> None:
    text = shown(search, log_of(search, all_ends(search)))
    rows = [line.split() for line in text.splitlines()[2:] if line and line[0] in "123–"]
    assert [row[:2] for row in rows] == [
        ["1", "#1"], ["2", "base"], ["3", "#2"], ["–", "#3"], ["–", "#4"], ["–", "#5"]
    ]  # fmt: skip
    assert rows[0][2:6] == ["0.750", "0.1250", "0.250", "2/2"]
    assert [row[2] for row in rows[3:]] == ["stopped", "failed", "interrupted"]
    assert rows[3][6] == "1/2"
    joined = " ".join(text.split())
    assert "loss=ldam(scale=5), optim.lr=0.01, optim.batch_size=4, loss.max_margin=0.25" in joined
    assert "judged by balanced accuracy on val (50 patches), then lower ICV; n = 1 training seed (0)" in text
    assert "test (49 patches) is reported beside it, and decided nothing" in text
    assert "the best of 3 on val is too good by chance alone" in text
    assert "#4 failed: the loss became NaN" in text


def test_it_says_where_nothing_beats_the_base(search: Search) -> None:
    text, worse = "nothing that was tried beats the base", finished(search, 2, DRAWN, 0.25, 0.5)
    base = finished(search, 0, None, 0.5, 0.25)
    assert text in shown(search, log_of(search, [base, worse]))
    assert text in shown(search, log_of(search, [base, candidate(search, 1, DRAWN, state="stopped", curve=(0.1,))]))
    assert text not in shown(search, log_of(search, [base]))
    assert text not in shown(search, log_of(search, [base, finished(search, 1, LDAM, 0.75, 0.125)]))


def test_it_says_where_nothing_finished(search: Search) -> None:
    failed = [candidate(search, number, DRAWN, state="failed") for number in range(2)]
    assert "every candidate failed: there is nothing to confirm" in shown(search, log_of(search, failed))
    stopped = candidate(search, 2, DRAWN, state="stopped", curve=(0.1,))
    assert "no candidate finished: there is nothing to confirm" in shown(search, log_of(search, [*failed, stopped]))
    assert "nothing to confirm" not in shown(search, log_of(search, [*failed, candidate(search, 2, DRAWN)]))


def test_without_a_test_split_it_says_that_the_best_is_optimistic(search: Search) -> None:
    ends = [each.model_copy(update={"test": None}) for each in all_ends(search)]
    text = shown(search, log_of(search, ends, reported="val"))
    assert "test bal. acc." not in text
    assert "val is also the split that is reported, so the best figure here is optimistic" in text


def test_the_base_stays_in_a_long_table(search: Search) -> None:
    ends = [finished(search, number, DRAWN, 0.5 + number / 1000, 0.0) for number in range(40)]
    ends[7] = candidate(search, 7, DRAWN, state="stopped", curve=(0.125,))
    text = shown(search, log_of(search, ends))
    assert "39  base" in text
    assert "and 27 more candidates: 26 finished, 1 stopped" in text


def test_any_terminal_can_show_it(search: Search) -> None:
    text = shown(search, log_of(search, all_ends(search)), width=80, encoding="ascii")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 120
    assert "1  #1" in text


def test_the_csv_holds_every_candidate(search: Search) -> None:
    rows = list(csv.DictReader(io.StringIO(rows_csv(search_rows(search, log_of(search, all_ends(search)))))))
    assert [row["candidate"] for row in rows] == ["1", "0", "2", "3", "4", "5"]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "", "", ""]
    assert [row["state"] for row in rows] == ["finished"] * 3 + ["stopped", "failed", "interrupted"]
    assert (rows[0]["val_balanced_accuracy"], rows[0]["test_balanced_accuracy"]) == ("0.75", "0.25")
    assert (rows[0]["loss"], rows[0]["loss.max_margin"], rows[1]["optim.lr"]) == ("ldam(scale=5)", "0.25", "0.001")
    assert (rows[2]["loss"], rows[2]["loss.max_margin"]) == ("cross_entropy", "")


@pytest.mark.slow
@pytest.mark.parametrize("kept", [6, 1, 0])
def test_the_picture_draws_whatever_there_is(search: Search, kept: int) -> None:
    """Also a search of which nothing finished."""
    ends = all_ends(search)
    candidates = ends[:kept] if kept == 6 else ends[6 - kept :]
    image = Image.open(io.BytesIO(search_png(search, log_of(search, candidates))))
    assert image.size == (1320, 1056)
    if kept == 6:
        blue, red, grey = (0, 114, 178), (213, 94, 0), (140, 140, 140)
        colours = {pixel[:3] for _, pixel in image.convert("RGB").getcolors(1 << 24) or []}
        assert {blue, red} <= colours
        assert any(all(abs(a - b) < 12 for a, b in zip(pixel, grey, strict=True)) for pixel in colours)

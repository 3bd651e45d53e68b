"""The leaderboard on terminals of every width, with and without colour and Unicode."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, ECE, ICV, ICV_ROOT, MACRO_F1, RECALL
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.format.pages import overview
from raysat.reporting.render.run import read_leaderboard
from raysat.reporting.render.terminal import Blocks
from tests.helpers.report import GRID, GRID_CONFIGS

pytestmark = pytest.mark.slow

LONG = "loss=ldam, reweight=drw(beta=0.9999), sampler=inverse_frequency, schedule=triangular(max_lr=0.001), average=swa"


def printed(board: Leaderboard, width: int, *, encoding: str = "utf-8", colour: bool = False) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    kind = {"force_terminal": True, "color_system": "standard"} if colour else {}
    Console(file=file, width=width, _environ={}, **kind).print(Blocks(overview(board, None)))
    return raw.getvalue().decode(encoding)


def rows(text: str) -> list[str]:
    """Of the leaderboard, which comes first."""
    lines = text.split("\n\n")[1].splitlines()
    return [line for line in lines if re.match(r" *(\(?\d+\)?=?|–) +\S", line)]


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (60, "# arm balanced acc. ICV F1 n"),
        (80, "# arm balanced acc. ICV F1 acc. n"),
        (100, "# arm balanced acc. ICV F1 recall by class acc. n"),
        (140, "# arm balanced acc. ICV √ICV F1 published recall by class acc. n"),
    ],
)
def test_the_columns_follow_the_width(board, width, headings):
    text = printed(board, width)
    head = next(line for line in text.splitlines() if line.strip().startswith("#"))
    assert head.split() == headings.split()
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    assert len(rows(text)) == 7
    assert ("recall by class: crop_grass, built, water, forest" in text) == (width >= 100)


def test_columns_are_aligned_and_values_are_the_boards(board):
    lines = rows(printed(board, 140))
    assert len({line.index("±") for line in lines}) == 1
    for line, arm in zip(lines, board.arms, strict=True):
        metrics = arm.metrics
        balanced = metrics[BALANCED_ACCURACY]
        recalls = " ".join(f"{s.mean:.2f}".removeprefix("0") if s.mean < 0.995 else "1.0" for s in arm.by_class(RECALL))
        assert re.sub(" +", " ", line).strip() == (
            f"{f'({arm.rank})' if arm.short else arm.rank} {arm.name} {arm.published.label} "
            f"{balanced.mean:.3f} ± {balanced.sd:.3f} "
            f"{metrics[ICV].mean:.4f} {metrics[ICV_ROOT].mean:.3f} {metrics[MACRO_F1].mean:.3f} "
            f"{arm.published.balanced_accuracy:.4f} {recalls} "
            f"{metrics[ACCURACY].mean:.3f} {'2/3' if arm.n == 2 else '3'}"
        )


def test_it_says_what_failed_what_is_missing_and_what_is_not_published(board):
    text = " ".join(printed(board, 80).split())
    assert "table2 test split of demo, 50 patches; 19 of 21 trials finished" in text
    assert "(3) cross-entropy + AugMix 1 failed: the loss became NaN at epoch 3" in text
    assert "(2) cross-entropy, bands 6-5-2 2 missing: not trained yet" in text
    assert "Rank in brackets: an arm that lacks seeds of the others" in text


def test_the_best_is_bold_on_a_terminal_and_plain_text_has_no_codes(board):
    best = f"{board.arms[0].metrics[BALANCED_ACCURACY].mean:.3f}"
    assert f"\x1b[1m{best}\x1b[0m" in printed(board, 100, colour=True)
    accuracy = f"{max(arm.metrics[ACCURACY].mean for arm in board.arms):.3f}"
    assert f"\x1b[1m{accuracy}\x1b[0m" not in printed(board, 100, colour=True)
    assert "\x1b" not in printed(board, 100)


def test_a_console_without_unicode_gets_ascii(board):
    text = printed(board, 140, encoding="ascii")
    assert "+- " in text
    assert "root ICV" in text
    assert len({line.index("+-") for line in rows(text)}) == 1
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_long_and_hostile_names_wrap_and_stay_whole(make_run, width):
    arms = {
        LONG: (0.9, 0.5, 0.5, 0.4),
        "[i]x[/i] \x1b[31m": (0.8,) * 4,
        "表" * 40: (0.7,) * 4,
        "Q" * 200: (0.1,) * 4,
    }
    board = collect(make_run(arms, seeds=(0,), failed={("Q" * 200, 0): "[red]no"}))
    text = printed(board, width)
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    assert len(rows(text)) == 4
    column = slice(3, next(line.index("balanced") for line in text.splitlines() if line.startswith("#")))
    assert r"[i]x[/i] \x1b[31m" in text
    assert "[red]no" in text
    table = text.split("─\n", 1)[1].split("\n\n")[0] if "─\n" in text else text
    assert table.count("Q") == 200
    assert table.count("表") == 40
    words = "".join(line[column] for line in table.splitlines())
    assert all(word in re.sub(r"\s", "", words) for word in ("average=swa", "max_lr=0.001"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(40, 200))
def test_it_fits_every_width_from_40_on(board, width):
    text = printed(board, width)
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    assert all(f"{arm.metrics[BALANCED_ACCURACY].mean:.3f}" in text for arm in board.arms)


def test_nothing_finished_is_shown_as_such(make_run):
    missing = [("a", 0), ("b", 0)]
    text = printed(collect(make_run({"a": (1.0,) * 4, "b": (1.0,) * 4}, seeds=(0,), missing=missing)), 80)
    assert "0 of 2 trials finished" in text
    assert len(rows(text)) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_published_balanced_accuracies_stand_beside_ours_with_the_difference(make_run, table2, encoding):
    board, replication = read_leaderboard(make_run(table2, reference="table2"))
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Console(file=file, width=80, _environ={}).print(Blocks(overview(board, replication)))
    text = raw.getvalue().decode(encoding)
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= 80
    beside = text[text.index("ours − published" if encoding == "utf-8" else "ours - published") :].splitlines()
    row = r"(\(\d\)).* (\d\.\d{3}) \S+ \d\.\d{3} +(\d\.\d{4})  (\S+) (\S+) (\S+)  (\d)$"
    found = {match[1]: match.groups()[1:] for line in beside if (match := re.match(row, line))}
    assert list(found) == [arm.name for arm in board.arms]
    for arm in board.arms:
        ours, published, difference, *ends, n = found[arm.name]
        mean = arm.metrics[BALANCED_ACCURACY].mean
        assert (ours, published, n) == (f"{mean:.3f}", f"{arm.published.balanced_accuracy:.4f}", "3")
        expected = mean - arm.published.balanced_accuracy
        assert float(difference.replace("−", "-")) == pytest.approx(expected, abs=5.1e-4)
        low, high = (float(end.strip("[],").replace("−", "-")) for end in ends)
        assert low <= expected <= high
    assert "Rawal & Pradhan 2020" in " ".join(text.split())


def test_ties_pareto_arms_and_what_ranks_are_marked(board):
    first, second, *_ = (arm.name for arm in board.arms)
    raw = io.StringIO()
    found = analyze([board.arms[0].sources[0].ledger.root], rank_by="icv")
    marked = replace(found, board=board, tied=frozenset({second}), pareto=frozenset({first}))
    Console(file=raw, width=140, _environ={}).print(Blocks(overview(board, None, marked)))
    lines = rows(raw.getvalue())
    assert re.match(rf" *1 +{re.escape(first)}.* ◆ ", lines[0])
    assert re.match(r" *2= +\S", lines[1])
    assert "◆" not in lines[1]
    assert "Ranked by lower ICV, then higher balanced accuracy, then higher macro F1" in raw.getvalue()
    assert "= tied with the best" in raw.getvalue()
    assert "=" not in printed(board, 60)


def test_a_metric_that_ranks_has_a_column(make_run):
    found = analyze([make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}).root], rank_by="ece")
    raw = io.StringIO()
    Console(file=raw, width=140, _environ={}).print(Blocks(overview(found.board, None, found)))
    head = next(line for line in raw.getvalue().splitlines() if line.startswith("#"))
    assert head.split()[:3] == ["#", "arm", "ECE"]
    assert f"{found.ranked[0].metrics[ECE].mean:.3f}" in rows(raw.getvalue())[0]


def test_compact_names_have_their_names_in_files_below_the_table(make_run):
    text = printed(collect(make_run(GRID, configs=GRID_CONFIGS, grid=True)), 100)
    assert "  LDAM + SWA  " in text
    assert "\nLDAM + SWA: loss=ldam, average=swa\n" in text
    assert "\ncross-entropy: loss=cross_entropy, average=none\n" in text
    many = {f"average.start={k / 100}": {"average": {"kind": "swa", "start": k / 100}} for k in range(13)}
    made = make_run(dict.fromkeys(many, (0.9, 0.5, 0.6, 0.4)), seeds=(0,), configs=many, grid=True, folder="many")
    assert "average.start=" not in printed(collect(made), 100)


def test_of_very_many_arms_those_that_lead_are_shown_and_the_others_counted(board):
    arms = [replace(board.arms[0], name=f"arm {number}", rank=number) for number in range(1, 1001)]
    lines = printed(replace(board, arms=tuple(arms)), 120).splitlines()
    assert len(lines) < 70
    assert re.findall(r"^ *\d+ +arm (\d+) ", "\n".join(lines), re.MULTILINE) == [str(n) for n in range(1, 51)]
    assert "... 950 more rows: the files have all" in lines

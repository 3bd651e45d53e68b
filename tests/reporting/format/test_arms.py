"""What each arm is: whole settings behind compact names."""

from __future__ import annotations

from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.format.arms import arms_table, name_notes, settings_notes
from raysat.reporting.format.cells import arm_cell
from raysat.reporting.format.leaderboard import leaderboard
from tests.helpers.report import GRID, GRID_CONFIGS

LONG = {"plain": {}, "gan": {"synthetic": {"kind": "dcgan", "classes": ["a" * 90, "b" * 90, "c" * 90, "d" * 90]}}}


def test_the_table_has_each_arms_names_and_settings(make_run):
    board = collect(make_run(GRID, configs=GRID_CONFIGS, grid=True))
    table = arms_table(board)
    assert [heading.text for heading in table.headings] == ["arm", "name in files and options", "settings"]
    rows = {row[0].text: (row[1].text, row[2].text) for row in table.rows}
    assert rows["LDAM + SWA"] == (
        "loss=ldam, average=swa",
        "loss=ldam, loss.max_margin=0.5, loss.scale=30.0, average=swa, average.start=0.25, average.every=0.125",
    )
    assert "optim.batch_size=" in table.caption
    assert "loss=" not in table.caption


def test_named_arms_keep_their_names_with_their_settings_beside(make_run):
    configs = {"mine": {}, "other": {"loss": "ldam"}}
    table = arms_table(collect(make_run(dict.fromkeys(configs, (0.9,) * 4), configs=configs)))
    assert [heading.text for heading in table.headings] == ["arm", "settings"]
    assert {row[0].text for row in table.rows} == {"mine", "other"}


def test_settings_are_told_whole_however_long_they_are(make_run):
    arms = collect(make_run(dict.fromkeys(LONG, (0.9,) * 4), configs=LONG))
    text = arms_table(arms).rows[-1][-1].text
    for letter in "abcd":
        assert letter * 90 in text
    assert arm_cell(arms.arms[-1]).hint == text
    assert any(text in note for note in settings_notes(arms))


def test_a_plan_that_tells_no_settings_has_no_table_and_no_notes(make_run):
    board = collect(make_run({"a": (0.9,) * 4, "b": (0.8,) * 4}))
    assert not arms_table(board).rows
    assert [*name_notes(board), *settings_notes(board)] == []


def test_the_leaderboard_and_the_options_know_arms_by_their_compact_names(make_run):
    run = make_run(GRID, configs=GRID_CONFIGS, grid=True)
    table = leaderboard(collect(run)).pick("arm")
    assert {cell.text for (cell,) in table.rows} == {"cross-entropy", "cross-entropy + SWA", "LDAM", "LDAM + SWA"}
    assert analyze([run.root], baseline="LDAM").baseline == "loss=ldam, average=none"

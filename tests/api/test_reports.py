"""Reports and comparisons through the Python API: tidy frames of what the pages say."""

import json

import pytest

import raysat
from raysat.errors import UsageError
from raysat.metrics.catalog import BALANCED_ACCURACY
from tests.helpers.report import GRID, GRID_CONFIGS

pytestmark = pytest.mark.slow


@pytest.fixture
def run(make_run):
    return raysat.open_run(make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True).root)


def test_a_report_gives_differences_with_their_intervals_tidily(run):
    report = run.report()
    frame = report.differences()
    assert frame.index.names == ["arm", "to", "metric"]
    for arm, estimates in report.analysis.to_baseline.items():
        row, estimate = frame.loc[(arm, "baseline", "balanced_accuracy")], estimates[BALANCED_ACCURACY]
        assert (row["value"], row["low"], row["high"]) == (estimate.value, estimate.low, estimate.high)
        assert (row["p"], row["p_holm"], row["n"]) == (estimate.p, estimate.p_holm, 3)
    assert report.to_frame().index.tolist() == [arm.name for arm in report.analysis.board.arms]
    assert set(report.effects().index.get_level_values("kind")) == {"main", "interaction", "synergy", "together"}
    assert repr(report) == f"<Report of {report.analysis.board.study!r}: best {report.analysis.best!r}>"
    assert report.analysis.best in str(report)


def test_every_table_of_the_page_is_a_frame(run):
    report = run.report(combinations=["loss=ldam,average=swa"])
    tables = report.tables
    assert {"leaderboard", "to_best", "to_baseline", "main_effects", "combination", "cost"} <= set(tables)
    for name, table in tables.items():
        assert report.table(name).shape == (len(list(table.lines)), len(table.headings))
    with pytest.raises(UsageError, match="no table 'leaderbord'"):
        report.table("leaderbord")


def test_files_are_written_where_that_is_asked_for(run, tmp_path):
    assert raysat.report(run).files == ()
    report = raysat.report([run.path], out=tmp_path / "out", formats=("json", "csv"), rank_by="worst_recall")
    assert sorted(file.name for file in report.files) == ["effects.csv", "report.csv", "report.json", "trials.csv"]
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["rank_by"] == "worst_recall"
    with pytest.raises(UsageError, match="named twice"):
        raysat.report([run, run.path])
    with pytest.raises(UsageError, match="unknown format 'cvs'"):
        raysat.report(run, formats=("cvs",))


def test_two_runs_are_compared_arm_by_arm(run, make_run, tmp_path):
    other = make_run(
        {name: tuple(max(0.1, r - 0.1) for r in recalls) for name, recalls in GRID.items()}, seeds=range(3)
    )
    comparison = raysat.compare(run, other.root, out=tmp_path / "comparison.md")
    frame = comparison.to_frame()
    assert frame.index.names == ["arm", "metric"]
    for change in comparison.compared.changes:
        value = frame.loc[(change.arm, "balanced_accuracy"), "value"]
        assert value == pytest.approx(change.balanced_accuracy[1] - change.balanced_accuracy[0])
    assert (tmp_path / "comparison.md").read_text(encoding="utf-8") == comparison.to_markdown()
    assert "B − A" in str(comparison)

"""Published results on known data sets: shipped rows with a source each, recognised data, differences said plainly."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import raysat
from raysat.data.importers.droughtwatch import CLASSES as COWS
from raysat.data.patch_store import origin, patch_counts
from raysat.errors import UsageError
from raysat.reporting.analysis import reference
from raysat.reporting.analysis.benchmarks import compare_published, known, load
from raysat.reporting.format.benchmark import benchmark_sentences, benchmark_table
from raysat.reporting.format.pages import report_page
from raysat.reporting.render.html import to_html
from raysat.reporting.render.markdown import to_markdown
from raysat.storage.plan_file import PlanFile
from tests.helpers.data import patches, splits_of, write_store

EUROSAT = load("eurosat").classes


def plan(classes, **data):
    return PlanFile.model_validate(
        {"study": "s", "data": {"name": "d", **data}, "classes": list(classes), "reported": "test", "arms": []}
    )


def test_every_shipped_row_has_a_source_and_a_metric():
    assert known() == ("droughtwatch", "eurosat")
    for benchmark in map(load, known()):
        assert sum(benchmark.splits) == benchmark.patches
        for row in benchmark.rows:
            assert row.source
            assert any(value is not None for value in (row.accuracy, row.balanced_accuracy, row.macro_f1))


def test_the_tables_that_studies_replicate_are_rows_and_not_written_twice():
    rows = {row.label: row for row in load("droughtwatch").rows}
    for name in ("table1", "table2"):
        table = reference.load(name)
        for published in table.rows:
            row = rows[f"{published.arm} {published.label}"]
            assert row.accuracy == published.accuracy
            assert row.balanced_accuracy == published.balanced_accuracy
            assert row.source == table.source


def test_the_classes_are_those_that_importers_give(real_data):
    assert load("droughtwatch").classes == COWS
    folders = sorted(entry.name for entry in (real_data / "eurosat/tif").iterdir())
    assert list(EUROSAT) == folders


@pytest.mark.parametrize(
    ("classes", "data", "name"),
    [
        (EUROSAT, {}, "eurosat"),
        (EUROSAT[::-1], {"sensor": "sentinel2"}, "eurosat"),
        (EUROSAT, {"sensor": "landsat8"}, None),
        (EUROSAT[:-1], {"sensor": "sentinel2"}, None),
        (COWS, {"source": "droughtwatch"}, "droughtwatch"),
        (COWS, {"synthetic": True}, None),  # the demo
        (("none", "some"), {"source": "droughtwatch"}, "droughtwatch"),
        (("a", "b"), {}, None),
    ],
)
def test_data_are_recognised(classes, data, name):
    if name is None:
        with pytest.raises(UsageError, match="the run's data are") as caught:
            compare_published("auto", [plan(classes, **data)])
        assert "droughtwatch, eurosat" in caught.value.hint
    else:
        assert compare_published("auto", [plan(classes, **data)]).benchmark.name == name


def test_a_name_wins_and_an_unknown_one_is_refused():
    found = compare_published("eurosat", [plan(("a", "b"))])
    assert (found.benchmark.name, found.same_classes) == ("eurosat", False)
    with pytest.raises(UsageError, match="unknown benchmark 'eurosta'") as caught:
        compare_published("eurosta", [plan(EUROSAT)])
    assert "eurosat" in caught.value.hint


def test_where_a_converted_store_comes_from(tmp_path):
    store = write_store(tmp_path / "s", patches(9), np.arange(9) % 2, splits_of(9), source={"kind": "droughtwatch"})
    assert origin(store) == "droughtwatch"
    assert patch_counts(store) == (3, 3, 3)
    raysat.convert(store.path, tmp_path / "x", to="torchgeo")
    assert origin(raysat.import_image_folder(tmp_path / "x", tmp_path / "t").store) == "droughtwatch"
    assert origin(write_store(tmp_path / "u", patches(9), np.arange(9) % 2, splits_of(9), source={"kind": 3})) is None


@pytest.fixture
def report_of(make_run):
    """A function that reports a made-up run of ten classes, whose plan says so many patches."""

    def make(counts=None, classes=EUROSAT, name="auto", **options):
        arms = {"plain": [0.9] * len(classes), "better": [0.97] * len(classes)}
        ledger = make_run(arms, classes=classes, sizes=(20,), study="eu", **options)
        file = ledger.root / "plan.json"
        content = json.loads(file.read_text())
        content["data"]["patches"] = counts
        file.write_text(json.dumps(content))
        return ledger, raysat.report(ledger.root, compare_published=name)

    return make


def test_a_part_of_the_data_is_said_plainly(report_of):
    _, found = report_of([148, 50, 49])
    told = list(benchmark_sentences(found.analysis.board, found.analysis.benchmark))
    assert told[0].startswith(
        "Published numbers are of EuroSAT's 27,000 patches; the common split (16,200 train, 5,400 val, 5,400 test) is "
    )
    assert told[1].startswith("This run has 247 patches (148 train, 50 val, 49 test), 0.9 % of them, in another split")
    best = max((row for row in found.analysis.benchmark.benchmark.rows), key=lambda row: row.accuracy)
    ours = found.analysis.board.ranked[0].metrics
    accuracy = next(summary for metric, summary in ours.items() if metric.name == "accuracy")
    assert told[2] == (
        f"Highest published accuracy: 0.9910 ({best.label}; {best.source}). "
        f"Ours: {accuracy.mean:.3f} ± {accuracy.sd:.3f}, n = 3 (better)."
    )
    assert all(said in str(found) for said in ("Published results on EuroSAT", "0.9857", "247 patches"))


def test_all_of_the_data_and_older_runs(report_of):
    _, whole = report_of([16200, 5400, 5400], folder="whole")
    assert any("This run has as many in each split" in said for said in _told(whole))
    _, old = report_of(None, folder="old")
    assert "How many patches this run has is not recorded; its test split has 200." in _told(old)


def test_other_classes_are_said(report_of):
    _, found = report_of([9, 9, 9], classes=("built", "forest"), name="eurosat")
    assert "Its classes are others, 2 for 10: built, forest." in _told(found)


def _told(found):
    return list(benchmark_sentences(found.analysis.board, found.analysis.benchmark))


def test_the_table_has_ours_before_the_published_ones(report_of):
    _, found = report_of([148, 50, 49])
    table = benchmark_table(found.analysis.board, found.analysis.benchmark)
    names = [row[0].text for row in table.rows]
    rows = load("eurosat").rows
    assert names == ["better", "plain", *(row.label for row in rows)]
    accuracy = [heading.text for heading in table.headings].index("accuracy")
    assert [row[accuracy].value for row in table.rows[2:]] == [row.accuracy for row in rows]
    assert [row[-1].text for row in table.rows] == ["this run"] * 2 + [row.source for row in rows]
    frame = found.table("benchmark")
    assert len(frame) == 2 + len(rows)


def test_pages_have_it(report_of):
    _, found = report_of([148, 50, 49])
    page = report_page(found.analysis)
    section = next(section for section in page.sections if section.key == "benchmark")
    page = replace(page, sections=[section])
    for text in (to_markdown(page), to_html(page, [])):
        assert "Published results on the same data" in text
        assert "10.1109/JSTARS.2019.2918242" in text
        assert "This run has 247 patches" in text


def test_the_command_shows_it_where_it_is_asked_for(raysat, report_of, tmp_path):
    ledger, _ = report_of([148, 50, 49])
    words = ("report", ledger.root, "--out", tmp_path / "r", "--format", "json")
    result = raysat(*words, "--compare-published")
    assert (result.code, result.err) == (0, "")
    assert "Published results on EuroSAT" in result.out
    assert "doi:10.1109/JSTARS.2019.2918242" in result.out
    value = json.loads((tmp_path / "r/report.json").read_text(encoding="utf-8"))["benchmark"]
    assert (value["name"], value["patches_here"], value["same_classes"]) == ("eurosat", [148, 50, 49], True)
    assert len(value["published"]) == len(load("eurosat").rows)
    assert "Its classes are others, 10 for 4" in raysat(*words, "--compare-published", "droughtwatch").out
    assert "Published results" not in raysat(*words).out
    assert json.loads((tmp_path / "r/report.json").read_text(encoding="utf-8"))["benchmark"] is None


def test_data_of_no_benchmark_are_an_error_and_nothing_is_written(raysat, make_run, tmp_path):
    run = make_run({"a": (0.9, 0.5, 0.5, 0.5)}).root
    result = raysat("report", run, "--out", tmp_path / "r", "--compare-published")
    assert result.code == 2
    assert "--compare-published: the run's data are of 4 classes that no known benchmark has" in result.err
    assert not (tmp_path / "r").exists()

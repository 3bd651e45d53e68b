"""Planned contrasts in a report: a family of their own, in every writer; nothing changes where none is planned."""

import csv
import io
import json

import pytest

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.factors import reference_arm
from raysat.reporting.analysis.significance import holm
from raysat.reporting.format.headline import summary_sentences
from raysat.reporting.format.planned import EXPLORATORY
from raysat.reporting.render.write import write_report
from raysat.storage.plan_file import ContrastEntry
from tests.helpers.report import GRID_CONFIGS, config_of

ARMS = {"plain": (0.9, 0.3, 0.3, 0.3), "A": (0.9, 0.6, 0.6, 0.6), "B": (0.9, 0.4, 0.3, 0.3), "C": (0.9, 0.3, 0.4, 0.3)}
PLANNED = (("A", "plain", "balanced_accuracy"), ("B", "plain", "icv"))


def plan(ledger, *contrasts):
    entries = tuple(ContrastEntry(arm=arm, to=to, metric=metric) for arm, to, metric in contrasts)
    ledger.write_plan("study: x\n", ledger.read_plan().model_copy(update={"compare": entries}))


def test_holm_is_over_the_planned_alone_and_the_rest_is_a_family_of_its_own(make_run):
    ledger = make_run(ARMS, seeds=range(8))
    before = analyze([ledger.root])
    plan(ledger, *PLANNED)
    found = analyze([ledger.root])
    assert found.planned is not None
    estimates = [each.estimate for each in found.planned.differences]
    assert [each.p_holm for each in estimates] == holm([each.p for each in estimates])
    for metric, planned in ((BALANCED_ACCURACY, "A"), (ICV, "B")):
        rest = {arm: of[metric] for arm, of in found.to_baseline.items() if arm != planned}
        assert [each.p_holm for each in rest.values()] == holm([each.p for each in rest.values()])
        assert found.to_baseline[planned][metric].p_holm is None
        assert found.to_baseline[planned][metric].p == before.to_baseline[planned][metric].p
    said = summary_sentences(found)
    assert said[0].startswith("Planned: 1 of 2 contrasts differs at 5 % after Holm")
    assert EXPLORATORY in said


def test_an_arm_that_has_not_finished_has_no_estimate(make_run):
    ledger = make_run({name: ARMS[name] for name in ("plain", "A")})
    plan(ledger, ("A", "plain", "icv"), ("gone", "plain", "icv"))
    found = analyze([ledger.root]).planned
    assert found is not None
    assert [each.estimate is None for each in found.differences] == [False, True]


@pytest.mark.slow
def test_every_writer_shows_planned_contrasts_and_none_does_without(make_run, tmp_path):
    ledger = make_run(ARMS, seeds=range(4))
    formats = ("md", "json", "csv", "tex", "html")
    write_report(analyze([ledger.root]), tmp_path / "without", formats)
    plan_text = (ledger.root / "plan.json").read_text()
    assert '"compare"' not in plan_text  # the plans of studies without it stay what they were
    plan(ledger, *PLANNED)
    write_report(analyze([ledger.root]), tmp_path / "with", formats)
    for name in ("report.md", "report.html", "report.tex", "report.json"):
        without, with_ = ((tmp_path / kind / name).read_text(encoding="utf-8") for kind in ("without", "with"))
        mark = '"contrasts"' if name.endswith("json") else "Planned contrasts"
        assert mark not in without
        assert mark in with_
    rows = list(csv.DictReader(io.StringIO((tmp_path / "with" / "planned.csv").read_text())))
    assert [(row["arm"], row["to"], row["metric"]) for row in rows] == list(PLANNED)
    value = json.loads((tmp_path / "with" / "report.json").read_text())
    assert [each["difference"]["value"] for each in value["planned"]["contrasts"]] == [
        pytest.approx(float(row["value"])) for row in rows
    ]
    plan(ledger)
    write_report(analyze([ledger.root]), tmp_path / "with", ("csv",))
    assert not (tmp_path / "with" / "planned.csv").exists()


def test_the_reference_is_the_arm_without_any_method_or_the_first(make_run):
    configs = {arm: config_of(**sections) for arm, sections in GRID_CONFIGS.items()}
    reversed_ = dict(reversed(configs.items()))
    assert reference_arm(reversed_, list(configs)) == "loss=cross_entropy, average=none"
    assert reference_arm({"x": configs["loss=ldam, average=none"]}, []) == "x"
    ledger = make_run(dict.fromkeys(configs, (0.9, 0.5, 0.5, 0.5)), configs=GRID_CONFIGS, grid=True)
    assert analyze([ledger.root]).baseline == reference_arm(configs, list(configs))

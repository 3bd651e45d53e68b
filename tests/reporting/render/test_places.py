"""A report of a run that knows places, beside one of a run that knows none: what it says, draws and leaves out."""

import json

import numpy as np
import pytest

from raysat.api.reports import report
from raysat.data.groups import Grouping, Groups
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import analyze
from raysat.storage.ledger import Ledger
from raysat.storage.places import KeptPlaces, digest_of, encode_places, keep_places
from tests.helpers.report_fixtures import MakeRun

ARMS = {"plain": (0.6, 0.5, 0.7, 0.8), "ldam": (0.7, 0.7, 0.7, 0.8)}


def with_places(run: Ledger, groups: int, *, apart: float = 500.0, space: bool = True) -> Ledger:
    plan = run.read_plan()
    indices = run.read_predictions(plan.trial_ids[0]).indices
    rng, n = np.random.default_rng(0), len(indices)
    codes = np.arange(n) % groups
    content = encode_places(
        KeptPlaces(
            indices=indices,
            groups=Groups(codes=codes, grouping=Grouping(by="scene")),
            space=rng.uniform(0, 1e5, (groups, 3))[codes] + rng.normal(0, 500, (n, 3)) if space else None,
            apart=np.linspace(apart, 2e4, n) if space else None,
            near=1000.0,
        )
    )
    keep_places(run.root, content)
    run.write_plan("study: table2\n", plan.model_copy(update={"places": digest_of(content)}))
    return run


def read(run: Ledger, out) -> tuple[dict, str, str, str]:
    report(run.root, out=out)
    texts = [(out / f"report.{kind}").read_text(encoding="utf-8") for kind in ("md", "html", "tex")]
    return json.loads((out / "report.json").read_text(encoding="utf-8")), *texts


@pytest.mark.slow
def test_a_report_by_group_says_so_everywhere(make_run: MakeRun, tmp_path):
    found, *texts = read(with_places(make_run(ARMS), 23), tmp_path / "report")
    assert found["places"]["resampled"] == "groups"
    assert found["places"]["groups"]["n"] == 23
    assert found["places"]["near"]["within"] >= 1
    for text in texts:
        assert "Intervals draw whole groups of the 50 patches: 23 scenes." in text
    markdown = texts[0]
    assert "lie within 1 km of a training patch" in markdown
    assert {"near-training.png", "error-correlation.svg"} <= {
        each.name for each in (tmp_path / "report/figures").iterdir()
    }


@pytest.mark.slow
def test_few_groups_are_named_and_no_place_is_no_figure(make_run: MakeRun, tmp_path):
    _, markdown, *_ = read(with_places(make_run(ARMS), 4, space=False), tmp_path / "report")
    assert "4 groups say little of how places differ" in markdown
    assert "near-training" not in markdown


@pytest.mark.slow
def test_one_group_is_drawn_by_patch(make_run: MakeRun, tmp_path):
    found, markdown, *_ = read(with_places(make_run(ARMS), 1, space=False), tmp_path / "report")
    assert found["places"]["resampled"] == "patches"
    assert "All test patches are of one group (1 scene)" in markdown


def test_intervals_by_group_differ_and_values_do_not(make_run: MakeRun):
    plain, known = (analyze([run.root]) for run in (make_run(ARMS), with_places(make_run(ARMS, folder="known"), 12)))
    assert plain.places is None
    for arm in ARMS:
        one, other = (each.means[arm][BALANCED_ACCURACY] for each in (plain, known))
        assert one.value == other.value
        assert (one.low, one.high) != (other.low, other.high)

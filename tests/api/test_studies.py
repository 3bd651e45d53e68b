"""Studies, searches and plans through the Python API."""

import os
from pathlib import Path

import pandas as pd
import pytest

import raysat
from raysat.data.store import PatchStore
from raysat.errors import PlanError, RaysatError, UsageError
from raysat.study.source import shipped_studies

TINY = {"model.name": "test_resnet", "optim.batch_size": 16}


@pytest.mark.parametrize("name", shipped_studies())
def test_what_ships_loads_by_name(name: str) -> None:
    load = raysat.load_search if name == "hpo" else raysat.load_study
    assert load(name).name == name
    assert name in repr(load(name))


def test_a_study_shows_what_its_arms_differ_in() -> None:
    study = raysat.load_study("table2")
    frame = study.to_frame()
    assert frame.index.tolist() == [arm.name for arm in study.arms]
    assert frame.loc["(4)", "loss.kind"] == "ldam"
    assert frame.loc["(1)", "data.bands"] == "all"
    assert "optim.lr" not in frame.columns, "every arm has the same"
    assert frame.loc["(4)", "augment.width"] is pd.NA, "it does not augment"
    assert [str(frame[name].dtype) for name in ("augment.width", "augment.jsd", "loss.scale")] == [
        "Int64", "boolean", "float64",
    ]  # fmt: skip
    assert "(6)  bands=agriculture, loss=ldam, reweight=drw, schedule=triangular, average=swa" in str(study)
    assert "schedule=triangular" in study._repr_html_()


def test_names_are_text_in_html() -> None:
    study = raysat.load_study({"arms": {"<script>alert(1)</script>": {}, "[red]b[/red]": {"optim.lr": 0.1}}})
    assert "<script>" not in study._repr_html_()
    assert "[red]b[/red]" in str(study)


def test_a_plan_counts_and_says_what_is_finished(tmp_path: Path) -> None:
    plan = raysat.plan(raysat.load_study("table2", overrides=TINY, epochs=4, seeds=2))
    frame = plan.to_frame(tmp_path)
    assert frame.index.names == ["arm", "seed"]
    assert len(frame) == 14 == plan.n_trials
    assert not frame["finished"].any()
    summary = plan.summary(tmp_path)
    assert summary.missing_trials == len(plan.trials)
    assert frame["images"].sum() == summary.samples_alone
    assert "14 (7 arms x 2 seeds)" in str(plan)


@pytest.mark.slow
def test_an_estimate_is_measured_where_it_is_asked_for(landsat_store: PatchStore, tmp_path: Path) -> None:
    study = raysat.load_study("table2", overrides=TINY, epochs=4, seeds=2)
    plan = raysat.plan(study, landsat_store.path)
    assert plan.summary(tmp_path).estimate is None
    estimate = plan.summary(tmp_path, estimate=True).estimate
    assert estimate is not None
    assert (estimate.gpus, estimate.slots * estimate.cpus <= (os.cpu_count() or 1)) == (0, True)
    longer = raysat.plan(raysat.load_study("table2", overrides=TINY, epochs=400, seeds=2), landsat_store.path)
    assert (much := longer.summary(tmp_path, estimate=True).estimate) is not None
    assert much.seconds > 10 * estimate.seconds > 0


def test_a_store_that_is_open_is_as_good_as_its_path(landsat_store: PatchStore) -> None:
    study = {"base": {"model": {"name": "test_resnet"}}}
    by_path = raysat.plan(study, landsat_store.path)
    assert raysat.plan(study, raysat.open_store(landsat_store.path)).trials == by_path.trials
    assert (by_path.data, by_path.workers) == (str(landsat_store.path), 1)


def test_errors_name_parameters_as_python_does() -> None:
    with pytest.raises(UsageError) as caught:
        raysat.load_study("quickstart", seeds=99)
    assert str(caught.value) == "seeds 99: the study has 8"
    with pytest.raises(PlanError, match=r"timm knows no model 'no_such_model' \(arm"):
        raysat.plan(raysat.load_study("table2", overrides={"model.name": "no_such_model"}))
    assert issubclass(UsageError, RaysatError)

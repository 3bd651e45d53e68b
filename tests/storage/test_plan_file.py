"""``plan.json``: what a plan says is what a report reads, whichever raysat wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from raysat.data.importers.synthetic import synthesize
from raysat.data.store import PatchStore
from raysat.planning.build import make_plan
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import PlanFile
from raysat.study.load import load_study

OLDEST = {
    "study": "s",
    "data": {"name": "demo", "path": "no longer read"},
    "classes": ["a", "b"],
    "reported": "val",
    "arms": [
        {"name": "one", "trials": [{"seed": 0, "id": "x"}, {"seed": 1, "id": "y"}]},
        {"name": "again", "trials": [{"seed": 0, "id": "x"}]},
    ],
}


def test_what_an_older_raysat_did_not_write_is_none() -> None:
    plan = PlanFile.model_validate_json(json.dumps(OLDEST))
    assert (plan.reference, plan.command, plan.images, plan.generate) == (None, None, None, ())
    assert (plan.data.fingerprint, plan.data.ordinal, plan.arms[0].grid) == (None, False, False)
    assert not plan.data.synthetic
    assert plan.trial_ids == ("x", "y")


@pytest.mark.parametrize("change", [{"classes": []}, {"arms": [{"name": "one"}]}, {"reported": None}, {"format": "1"}])
def test_what_is_no_plan_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PlanFile.model_validate_json(json.dumps(OLDEST | change))


def test_a_plan_says_what_it_was_made_of(landsat_store: PatchStore, tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text("study: two\nseeds: [3, 5]\narms: {plain: {}, ldam: {loss: {kind: ldam}}}\n", encoding="utf-8")
    made = make_plan(load_study(file), landsat_store, data="demo", command="raysat ablate")
    ledger = Ledger(tmp_path / "run")
    ledger.write_plan(made.study.text, made.to_file())
    plan = ledger.read_plan()
    assert (plan.study, plan.command, plan.classes, plan.reported) == ("two", "raysat ablate", ("a", "b", "c"), "test")
    assert (plan.data.name, plan.data.fingerprint) == ("demo", landsat_store.fingerprint)
    assert not plan.data.synthetic
    assert {arm.name: {trial.seed: trial.id for trial in arm.trials} for arm in plan.arms} == made.trial_ids
    assert plan.images is not None
    assert plan.images.alone == made.samples_seen


def test_a_plan_on_simulated_patches_says_so(tmp_path: Path) -> None:
    store = synthesize(tmp_path / "store", size=100).store
    file = tmp_path / "one.yaml"
    file.write_text("study: one\nseeds: 1\narms: {plain: {}}\n", encoding="utf-8")
    assert make_plan(load_study(file), store).to_file().data.synthetic


def test_a_plan_tells_the_arms_of_its_grid_by_compact_names_and_all_settings(
    landsat_store: PatchStore, tmp_path: Path
) -> None:
    file = tmp_path / "grid.yaml"
    grid = "{loss: [{kind: cross_entropy}, {kind: ldam}], data.bands: [all, [B6, B5]]}"
    file.write_text(f"study: grid\nseeds: 1\ngrid: {grid}\narms: {{LDAM: {{}}}}\n", encoding="utf-8")
    plan = make_plan(load_study(file), landsat_store).to_file()
    compact = {arm.name: arm.compact for arm in plan.arms}
    assert compact["LDAM"] == ""  # named by the user
    assert sorted(filter(None, compact.values())) == [
        "LDAM, all bands", "LDAM, bands B6-B5", "cross-entropy, all bands", "cross-entropy, bands B6-B5",
    ]  # fmt: skip
    ldam = next(arm for arm in plan.arms if arm.compact == "LDAM, bands B6-B5")
    assert ldam.settings == ("data.bands=B6-B5", "loss=ldam", "loss.max_margin=0.5", "loss.scale=30.0")
    assert "reweight=none" in plan.settings

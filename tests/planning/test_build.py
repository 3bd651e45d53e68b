"""Plans: what is trained, under which ids, and how much it is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.config.families.images import AugMix
from raysat.config.schema import Config, Trial, canonical_json, digest
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import BandError
from raysat.planning.build import Plan, make_plan
from raysat.study.load import load_study


def make_store(path: Path, *, bands: tuple[str, ...], sensor: str | None, value: int = 7) -> PatchStore:
    with StoreWriter(path, bands=bands, classes=("a", "b"), sensor=sensor, source={"kind": "test"}) as writer:
        for index in range(10):
            patch = np.full((len(bands), 4, 4), value + index, dtype=np.uint8)
            writer.add(patch, index % 2, "train" if index < 6 else "val")
        return writer.close()


@pytest.fixture(name="landsat")
def _landsat(tmp_path: Path) -> PatchStore:
    return make_store(tmp_path / "landsat", bands=tuple(f"B{n}" for n in range(1, 12)), sensor="landsat8")


def plan_of(folder: Path, text: str, store: PatchStore) -> Plan:
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return make_plan(load_study(file), store)


def test_jobs_run_seed_by_seed_and_every_cell_has_one(tmp_path: Path, landsat: PatchStore) -> None:
    plan = plan_of(tmp_path, "seeds: 2\narms: {a: {}, b: {loss: {kind: ldam}}}\n", landsat)
    assert [(job.arm, job.trial.seed) for job in plan.trials] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert {arm: list(seeds) for arm, seeds in plan.trial_ids.items()} == {"a": [0, 1], "b": [0, 1]}
    assert len({job.id for job in plan.trials}) == 4


def test_equal_work_is_one_job_however_it_is_written(tmp_path: Path, landsat: PatchStore) -> None:
    text = "arms: {a: {data.bands: agriculture}, b: {data.bands: [6, 5, 2]}, c: {data.bands: [B6, B5, B2]}, d: {}}\n"
    plan = plan_of(tmp_path, text, landsat)
    assert len(plan.trials) == 2
    assert plan.trial_ids["a"] == plan.trial_ids["b"] == plan.trial_ids["c"] != plan.trial_ids["d"]
    assert plan.n_trials == 4
    assert plan.trials[0].trial.config.data.bands == ("B6", "B5", "B2")


def test_the_same_study_runs_on_another_sensor(tmp_path: Path) -> None:
    bands = (*(f"B{n:02d}" for n in range(1, 13)), "B8A")
    store = make_store(tmp_path / "sentinel", bands=bands, sensor="sentinel2")
    plan = plan_of(tmp_path, "base: {data: {bands: agriculture}}\n", store)
    assert plan.trials[0].trial.config.data.bands == ("B11", "B08", "B02")


def test_images_count_every_pass_of_training(tmp_path: Path, landsat: PatchStore) -> None:
    text = "base: {optim: {epochs: 5}}\narms: {plain: {}, augmix: {augment: {kind: augmix}}}\n"
    plan = plan_of(tmp_path, text, landsat)
    assert [job.samples_seen for job in plan.trials] == [5 * 6, 3 * 5 * 6]
    assert plan.samples_seen == 4 * 5 * 6


def test_ids_depend_on_configuration_seed_and_pixels_alone(tmp_path: Path, landsat: PatchStore) -> None:
    text = "study: one\narms: {a: {}}\n"
    first = plan_of(tmp_path, text, landsat).trials[0].id
    renamed = "study: two\narms: {other name: {}}\n"
    assert plan_of(tmp_path, renamed, landsat).trials[0].id == first
    copy = make_store(tmp_path / "copy", bands=landsat.bands, sensor="landsat8")
    assert plan_of(tmp_path, text, copy).trials[0].id == first
    changed = make_store(tmp_path / "changed", bands=landsat.bands, sensor="landsat8", value=8)
    assert plan_of(tmp_path, text, changed).trials[0].id != first
    assert plan_of(tmp_path, "base: {optim: {lr: 0.002}}\n", landsat).trials[0].id != first
    assert plan_of(tmp_path, "seeds: [1]\n", landsat).trials[0].id != first


def test_a_band_that_the_store_lacks_names_the_arm(tmp_path: Path, landsat: PatchStore) -> None:
    with pytest.raises(BandError, match=r"yaml:1: data\.bands: band 'B12' is not in the store \(arm 'a'\)") as caught:
        plan_of(tmp_path, "arms: {a: {data.bands: [B12]}}\n", landsat)
    assert "did you mean 'B" in (caught.value.hint or "")


def test_workers_are_part_of_the_id_where_there_are_several(tmp_path: Path, landsat: PatchStore) -> None:
    """Batch norm sees a share of the batch then: another computation."""
    file = tmp_path / "study.yaml"
    file.write_text("base: {}\n", encoding="utf-8")
    ids = [make_plan(load_study(file), landsat, workers=workers).trials[0].id for workers in (1, 2, 4)]
    assert len(set(ids)) == 3
    assert ids[0] == make_plan(load_study(file), landsat).trials[0].id


@given(lr=st.floats(1e-6, 1.0), seed=st.integers(0, 2**32 - 1), depth=st.integers(1, 10))
def test_a_trial_survives_its_canonical_json(lr: float, seed: int, depth: int) -> None:
    config = Config.model_validate({"optim": {"kind": "sgd", "lr": lr}, "augment": {"kind": "augmix", "depth": depth}})
    trial = Trial(config=config, seed=seed)
    again = Trial.model_validate_json(canonical_json(trial))
    assert again == trial
    assert digest(again) == digest(trial)
    assert isinstance(again.config.augment, AugMix)


def test_the_digest_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1}) != digest({"a": 1, "b": [2, 1]})

"""What a plan says of weights that trials start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from raysat.errors import PlanError
from raysat.execution.prepare import prepare
from raysat.planning.idle_settings import idle_settings
from raysat.planning.weights_notes import weights_notes
from raysat.study.load import load_study
from tests.helpers.satellite import band_names, make_store
from tests.helpers.training import config

NAME = "torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO"


def study(**model: object) -> object:
    arms = {"random": {}, "weights": {"model": {"weights": NAME, **model}}, "again": {"model": {"weights": NAME}}}
    base = {"model": {"name": "resnet18"}, "optim": {"batch_size": 8}}
    return load_study({"base": base, "arms": arms, "seeds": [0]})


def test_bands_without_a_counterpart_and_the_licence_are_said(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", band_names("landsat8"), sensor="landsat8")
    plan = prepare(study(trains="head"), store, data="store")
    assert weights_notes(plan) == (
        "ResNet18_Weights.SENTINEL2_ALL_MOCO (licence CC-BY-4.0) has kernels of 8 of 11 bands; B8, B10, B11 take the "
        "mean of all kernels",
    )
    assert len({trial.id for trial in plan.trials}) == 3
    assert {trial.trial.config.model.weights_hash for trial in plan.trials} == {None, "a67b315599da38e3"}


def test_an_arm_whose_weights_do_not_fit_the_store_is_named(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", ("B4", "B3"), sensor="landsat8", level=0.1, dtype="float32")
    with pytest.raises(PlanError, match=r"weights.*other units"):
        prepare(study(), store, data="store")


def test_what_does_nothing_beside_other_settings_is_said() -> None:
    probe = config(model={"trains": "head", "layer_decay": 0.5})
    assert [idle.key for idle in idle_settings(probe, None)] == ["model.layer_decay"]
    assert not list(idle_settings(config(model={"trains": 1, "layer_decay": 0.5}), None))
    dofa = config(model={"weights": "torchgeo:DOFABase16_Weights.DOFA_MAE", "weights_scale": 10.0})
    assert [idle.key for idle in idle_settings(dofa, None)] == ["model.weights_scale"]
    assert not list(idle_settings(config(model={"weights": NAME, "weights_scale": 10.0}), None))

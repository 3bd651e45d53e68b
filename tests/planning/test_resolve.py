"""Settings that do nothing are left at their defaults, so that equal work has one id; the plan says them anyway."""

from __future__ import annotations

import pytest

from raysat.data.store import PatchStore
from raysat.execution.prepare import prepare
from raysat.planning.no_effect import no_effects
from raysat.study.load import load_study
from tests.helpers.satellite import band_names, make_store

DOFA = {"name": "vit_base_patch16_224", "weights": "torchgeo:DOFABase16_Weights.DOFA_MAE"}
MOCO = {"name": "resnet18", "weights": "torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO"}
PROBE = {"name": "test_resnet", "trains": "head"}
LAST = {"name": "test_resnet", "trains": 1}


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    return make_store(tmp_path_factory.mktemp("store") / "store", band_names("sentinel2"))


@pytest.mark.parametrize(
    ("model", "key", "values", "works"),
    [
        (PROBE, "layer_decay", (1, 0.5, 0.01), 1),
        (LAST, "layer_decay", (1, 0.5, 0.01), 3),
        (DOFA, "weights_scale", (1, 10, "standardised"), 1),
        (MOCO, "weights_scale", (1, 2, "standardised"), 3),
    ],
)
def test_what_does_nothing_makes_no_other_work(
    store: PatchStore, model: dict[str, object], key: str, values: tuple[object, ...], works: int
) -> None:
    arms = {str(value): {"model": {**model, key: value}} for value in values}
    plan = prepare(load_study({"base": {"optim": {"batch_size": 8}}, "arms": arms, "seeds": [0]}), store, data="store")
    assert len(plan.trials) == works
    said = {each.sentence.partition(":")[0]: each.arms for each in no_effects(plan) if key in each.sentence}
    assert said == ({f"model.{key} does nothing": tuple(arms)[1:]} if works == 1 else {})

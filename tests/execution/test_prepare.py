"""A plan is checked whole before anything starts; an error says which arm it is about."""

from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.errors import PlanError, UsageError
from raysat.execution.prepare import prepare
from tests.helpers.study import load

BASE = "base: {model: {name: test_resnet}, optim: {epochs: 4}, data: {bands: all}}\n"


def test_a_plan_keeps_what_it_was_asked_for(tmp_path: Path, landsat_store: PatchStore) -> None:
    study = load(tmp_path, BASE + "arms: {a: {}, b: {average.kind: swa}}")
    plan = prepare(study, landsat_store, data="mine", command="raysat ablate")
    assert (plan.data, plan.command, len(plan.trials), len(plan.train_jobs)) == ("mine", "raysat ablate", 2, 1)
    assert len(prepare(study, landsat_store, data="mine", reuse_epochs=False).train_jobs) == 2
    assert prepare(study, landsat_store, data="mine", workers=2).trials[0].id != plan.trials[0].id


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ("{a: {}, b: {model.name: no_such_model}}", "study.yaml:2: model.name: "),
        ("{a: {}, b: {data.bands: [B9]}}", "study.yaml:2: data.bands: "),
        ("{a: {}, b: {synthetic: {kind: dcgan, classes: [x]}}}", "study.yaml:2: synthetic.classes: "),
        ("{a: {model.trains: 1}, b: {model.trains: 99}}", "study.yaml:2: model.trains is 99, and test_resnet has "),
        ("{a: {}, b: {model: {name: levit_128s, trains: head}}}", "model 'levit_128s' has no classifier "),
        ("{a: {}, b: {model: {name: pit_ti_224, layer_decay: 0.7}}}", "the layers of model 'pit_ti_224'"),
    ],
)
def test_an_arm_that_cannot_train_is_named(tmp_path: Path, landsat_store: PatchStore, arms: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(load(tmp_path, BASE + f"arms: {arms}"), landsat_store, data="mine")
    assert message in caught.value.message
    assert caught.value.message.endswith("(arm 'b')")


def test_a_generator_that_cannot_be_trained_names_its_arm(
    tmp_path: Path, landsat_store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raysat.generation.check.MIN_SIDE", 64)  # pixels; the store's patches have 32
    study = load(tmp_path, BASE + "arms: {a: {}, b: {synthetic: {kind: dcgan, classes: [b]}}}")
    with pytest.raises(PlanError, match=r"study\.yaml:2: the patches of .* are 32 x 32 pixels"):
        prepare(study, landsat_store, data="mine")

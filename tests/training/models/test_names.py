"""Model names are checked against timm's source, and against timm where that does not say."""

from __future__ import annotations

import subprocess
import sys

import pytest
import timm

from raysat.errors import PlanError
from raysat.training.models import names as model_names


def test_the_source_spells_out_every_model_that_timm_lists() -> None:
    found = {name for name in model_names._spelled_out() if "." not in name}
    assert found == set(timm.list_models())


def test_tags_read_from_the_source_are_of_models_that_timm_knows() -> None:
    tagged = [name for name in model_names._spelled_out() if "." in name]
    assert len(tagged) > 1000
    assert all(timm.is_model(name) for name in tagged)
    assert "resnet18.a1_in1k" in tagged


@pytest.mark.parametrize("name", ["resnet18", "resnet18.a1_in1k", "tf_efficientnet_b0_ns", "cspresnet50w.untrained"])
def test_a_known_name_passes(name: str) -> None:
    model_names.check_name(name)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("resnet19", "knows no model 'resnet19'", "'resnet18'"),
        ("ResNet18", "knows no model", "'resnet18'"),
        ("timm/resnet18", "knows no model", "'resnet18'"),
        ("qqqqzzzz", "knows no model", "timm.list_models"),
        ("resnet18.bogus", "no pretrained tag 'bogus' of 'resnet18'", "resnet18.a1_in1k"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(name: str, message: str, hint: str) -> None:
    with pytest.raises(PlanError, match=message) as found:
        model_names.check_name(name)
    assert hint in (found.value.hint or "")


def test_names_that_the_source_does_not_hold_are_asked_of_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_names, "_spelled_out", frozenset)
    model_names.check_name("resnet18.a1_in1k")
    with pytest.raises(PlanError):
        model_names.check_name("resnet19")


def test_a_known_name_needs_neither_timm_nor_torch() -> None:
    code = (
        "import sys; from raysat.training.models.names import check_name; check_name('resnet18.a1_in1k');"
        "sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

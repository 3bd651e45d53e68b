"""Models of plugins beside those of timm: which a mapping means, what it keeps, and how arms are called by them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import raysat
from raysat.config.describe import methods
from raysat.config.merge import override
from raysat.config.naming import compact_names, own_settings
from raysat.config.plugins.settings import METHODS
from raysat.config.schema import Config, Model, canonical_json, digest
from raysat.config.yaml_source import YamlValue
from raysat.errors import PluginError, StudyError
from raysat.planning.settings import differences
from raysat.reporting.analysis.factors import reference_arm
from raysat.study.load import load_study
from raysat.study.schema import study_schema
from tests.helpers.paths import ROOT
from tests.helpers.plugins import plugin_text, written

PLUGIN = ROOT / "examples" / "plugins" / "small_net.py"
TIMM = {"name": "test_resnet", "pretrained": False, "stem": "native", "classifier": "linear"}
OWN = {"kind": "small_net", "width": 4}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    METHODS.forget()


def arms(**own: dict[str, Any]) -> dict[str, Config]:
    """Configurations of a study with these arms, over a model of timm."""
    study = load_study({"base": {"model": {"name": "test_resnet"}}, "arms": own})
    return {arm.name: arm.config for arm in study.arms}


def test_a_model_of_timm_is_what_it_was() -> None:
    """What names it, and its hash, are those of raysat before plugins had models, whether one is named or not."""
    for _ in range(2):
        assert digest(Config().identity()) == "9d057ec0e95d8597"
        cosine = Config.model_validate({"model": {"name": "resnet50", "classifier": "cosine"}})
        assert digest(cosine.identity()) == "6e330ba6956f0fd4"
        assert canonical_json(Config().identity()["model"]) == (
            '{"classifier":"linear","name":"resnet18","pretrained":false,"stem":"native"}'
        )
        raysat.load_plugin(PLUGIN)


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        (TIMM, {"kind": "small_net", "width": 4}, OWN),
        (TIMM, {"kind": "no_such"}, {"kind": "no_such"}),
        (OWN, {"kind": "small_net"}, OWN),
        (OWN, {"depth": 3}, {**OWN, "depth": 3}),
        (OWN, {"name": "test_resnet"}, {"name": "test_resnet"}),
        (TIMM, {"name": "resnet18"}, {**TIMM, "name": "resnet18"}),
        (OWN, {"kind": "small_net", "name": "resnet18"}, {**OWN, "name": "resnet18"}),  # refused: it is both
    ],
)
def test_an_override_names_the_one_or_the_other(base: Any, over: Any, merged: Any) -> None:
    raysat.load_plugin(PLUGIN)
    assert override(YamlValue({"model": base}), YamlValue({"model": over})).value == {"model": merged}


def test_the_command_line_names_either_in_all_arms() -> None:
    raysat.load_plugin(PLUGIN)
    study = {"base": {"model": {"name": "test_resnet", "stem": "adapter"}}, "arms": {"a": {}, "b": {"model": OWN}}}
    chosen = load_study(study, overrides={"model.kind": "small_net"})
    widths = [(arm.config.model.name, arm.config.model.width) for arm in chosen.arms]
    assert widths == [("small_net", 16), ("small_net", 4)]
    chosen = load_study(study, overrides={"model.name": "resnet18"})
    assert [(arm.config.model.name, arm.config.model.stem) for arm in chosen.arms] == [
        ("resnet18", "adapter"),
        ("resnet18", "native"),
    ]


@pytest.mark.parametrize(
    ("model", "loaded", "says", "hint"),
    [
        ({"kind": "small_net"}, False, "model.kind must be that of a plugin's model, got 'small_net'", "load_plugin"),
        ({"kind": "resnet50"}, False, "got 'resnet50'", "those of timm are called by model.name"),
        ({"kind": "smal_net"}, True, "model.kind must be one of small_net, got", "did you mean 'small_net'?"),
        ({"kind": ["small_net"]}, True, "model.kind must be one of", "compare several with arms"),
        ({"kind": "small_net", "name": "resnet18"}, True, "a model has a name, of timm, or a kind, of", "leave one of"),
        ({"name": "resnet18", "width": 3}, True, "unknown key 'model.width'", "small_net has it"),
        ({"kind": "small_net", "width": 0}, True, "model.width must be >= 1, got 0", "1 or more"),
        ("small_net", True, "model must be a mapping", "write model: {kind: small_net}"),
        ("resnet50", True, "model must be a mapping", "write model: {name: resnet50}"),
        (
            {"kind": "small_net", "plugin": "0123456789abcdef"},
            False,
            "small_net is a method of the plugin 01",
            "name its",
        ),
    ],
)
def test_a_mistake_is_a_line_with_a_hint(model: Any, loaded: bool, says: str, hint: str) -> None:
    if loaded:
        raysat.load_plugin(PLUGIN)
    with pytest.raises(StudyError) as caught:
        load_study({"base": {"model": model}})
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in (caught.value.hint or "")


def test_arms_are_told_apart_by_their_models() -> None:
    raysat.load_plugin(PLUGIN)
    found = arms(plain={}, small={"model": {"kind": "small_net"}}, wide={"model": {"kind": "small_net", "width": 32}})
    names = {"plain": "test_resnet", "small": "small_net, width 16", "wide": "small_net, width 32"}
    assert compact_names(found) == names
    assert "model=test_resnet" in own_settings(found)[0]["plain"]
    varied = {each.name: each.values for each in differences(found, ["B1"]).varied}
    assert varied == {"model": ("test_resnet", "small_net"), "model.width": ("16", "32")}
    settings = {name: config.model_dump(mode="json") for name, config in found.items()}
    assert reference_arm(settings, ()) == "plain"


def test_a_schema_and_a_description_have_both() -> None:
    plugin = raysat.load_plugin(PLUGIN)
    assert [method.name for method in plugin.methods] == ["small_net"]
    assert [method.name for method in methods("model")] == ["model", "small_net"]
    schema = Draft202012Validator(study_schema())
    for model, valid in (
        ({"name": "resnet18"}, True), ({"kind": "small_net", "width": 3}, True), ({"width": 3}, True),
        ({"kind": "small_net", "name": "resnet18"}, False), ({"kind": "resnet18"}, False),
        ({"kind": "small_net", "width": 0}, False), ({"no": 3}, False),
    ):  # fmt: skip
        assert schema.is_valid({"study": "s", "base": {"model": model}}) == valid, model


def test_one_that_takes_the_place_of_raysats_own_words_is_refused(tmp_path: Path) -> None:
    shadow = plugin_text("model").replace("amount: float", "pretrained: float")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PluginError) as caught:
            raysat.load_plugin(written(tmp_path, shadow))
    assert "Own: the field pretrained is raysat's own" in caught.value.message
    text = "import warnings\nwarnings.warn('its own', stacklevel=1)\n" + plugin_text("model")
    with pytest.warns(UserWarning, match="its own"):
        raysat.load_plugin(written(tmp_path, text))


def test_a_kind_may_be_plain_text_with_a_hyphen(tmp_path: Path) -> None:
    text = plugin_text("model").replace('Literal["own"] = "own"', 'str = "small-net"')
    raysat.load_plugin(written(tmp_path, text))
    config = Config.model_validate({"model": {"kind": "small-net"}})
    assert (config.model.name, config.model.pretrained, config.model.stem) == ("small-net", False, "native")
    with pytest.raises(ValueError, match="literal_error"):
        type(config.model).model_validate({"kind": "other"})
    assert isinstance(Config().model, Model)
    assert Config.model_validate(config.model_dump(mode="json")) == config

"""What configurations differ in, and how values read."""

import pytest

from raysat.config.diff import acting, changes, flatten, label
from raysat.config.families.learning import Adam, Sgd
from raysat.config.families.losses import CrossEntropy, Ldam
from raysat.config.families.schedules import OneCycle
from raysat.config.merge import override
from raysat.config.schema import Config, Data, variants
from raysat.config.validate import validate_config
from raysat.config.yaml_source import YamlValue


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([6, 5, 2], "6-5-2"),
        (("B6", "B5"), "B6-B5"),
        ([], "none"),
        ("all", "all"),
        (None, "None"),
        (True, "True"),
        (1e-05, "1e-05"),
        (10**60, "1000000…0000 (61 digits)"),
        ({"kind": "ldam"}, "ldam"),
        ({"kind": "triangular", "max_lr": 0.001}, "triangular(max_lr=0.001)"),
    ],
)
def test_a_value_reads_the_same_everywhere(value: object, text: str) -> None:
    assert label(value) == text


def test_settings_are_flat_in_the_order_of_a_configuration() -> None:
    settings = flatten(Config(data=Data(bands=(6, 5)), loss=Ldam()))
    assert settings["data.bands"] == [6, 5]
    assert settings["loss.max_margin"] == 0.5
    assert [key for key in settings if key.startswith("loss.")] == ["loss.kind", "loss.max_margin", "loss.scale"]
    assert flatten({"a": {"b": {"c": 1}}, "d": [2], "e": {}}) == {"a.b.c": 1, "d": [2], "e": {}}


def test_changes_are_what_another_kind_has_and_what_the_same_kind_has_otherwise() -> None:
    base = Config(optim=Adam(lr=0.1))
    assert changes(base, base) == {}
    assert changes(Config(optim=Adam(lr=0.2), loss=Ldam()), base) == {
        "optim.lr": 0.2,
        "loss.kind": "ldam",
        "loss.max_margin": 0.5,
        "loss.scale": 30.0,
    }


def test_a_rate_that_the_schedule_replaces_is_no_change() -> None:
    cyclic = Config(optim=Adam(lr=0.2), schedule=OneCycle())
    assert not any(key.startswith("optim") for key in changes(cyclic, Config()))
    assert changes(Config(), cyclic)["optim.lr"] == Config().optim.lr


@pytest.mark.parametrize(
    ("model", "idle"),
    [
        ({}, {"weights_scale", "weights_hash"}),
        ({"weights": "a.pth"}, {"weights_hash"}),
        ({"trains": "head"}, {"layer_decay", "weights_scale", "weights_hash"}),
    ],
)
def test_what_does_nothing_beside_others_is_left_out_and_so_not_tuned(model: dict[str, str], idle: set[str]) -> None:
    config = Config.model_validate({"model": model})
    assert flatten(config).keys() - acting(config).keys() == {f"model.{name}" for name in idle}


@pytest.mark.parametrize("section", Config.model_fields)
def test_changes_laid_over_the_base_make_the_configuration(section: str) -> None:
    base = Config(optim=Sgd(lr=0.3, epochs=7), loss=CrossEntropy(label_smoothing=0.5))
    for kind in variants(section):
        config = Config.model_validate({section: {"kind": kind}} if kind else {})
        tree = YamlValue(base.model_dump(mode="json"))
        for key, value in changes(config, base).items():
            tree = override(tree, YamlValue(value).nested_under(*key.split(".")))
        merged = validate_config(tree, arm="")
        if not config.schedule.sets_own_lr:
            assert merged == config
        assert flatten(merged) | {"optim.lr": 0} == flatten(config) | {"optim.lr": 0}


def test_every_schedule_says_whether_it_sets_its_own_rates() -> None:
    own = {kind for kind, schedule in variants("schedule").items() if schedule.sets_own_lr}  # type: ignore[attr-defined]
    assert own == {"triangular", "triangular2", "exp_range", "one_cycle"}

"""Compact names of configurations: short, as the field says them, and no two alike."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.config.diff import acting
from raysat.config.naming import compact_names, own_settings
from raysat.config.schema import Config, variants

BANDS = [f"B{number}" for number in range(1, 12)]
OFF = {"none", "uniform", "constant"}
METHODS = ("loss", "reweight", "sampler", "schedule", "average", "augment", "synthetic")
CLR = {"kind": "triangular"}


def names(*settings: dict[str, Any], bands: list[str] = BANDS, kept: tuple[str, ...] = ()) -> list[str]:
    """The compact names of configurations that are called 0, 1, 2 ..."""
    configs = {str(k): Config.model_validate(each) for k, each in enumerate(settings)}
    return list(compact_names(configs, bands, kept=kept).values())


def test_methods_are_joined_by_plus_and_called_as_papers_do():
    grid = [
        {"loss": {"kind": loss}, "reweight": {"kind": reweight}, "schedule": schedule}
        for loss, reweight, schedule in itertools.product(
            ("cross_entropy", "ldam"), ("none", "drw"), ({"kind": "constant"}, CLR)
        )
    ]
    assert names(*grid) == [
        "cross-entropy", "cross-entropy + CLR", "cross-entropy + DRW", "cross-entropy + DRW + CLR",
        "LDAM", "LDAM + CLR", "LDAM + DRW", "LDAM + DRW + CLR",
    ]  # fmt: skip


def test_what_all_have_is_left_out_and_the_one_without_any_method_is_called_by_its_loss():
    base = {"loss": {"kind": "ldam"}, "augment": {"kind": "augmix"}}
    assert names(base, base | {"average": {"kind": "swa"}}) == ["LDAM", "SWA"]


def test_other_settings_follow_after_commas():
    lr = {"optim": {"kind": "adam", "lr": 0.01}}
    assert names({}, lr, lr | {"average": {"kind": "ema"}}) == ["lr 0.001", "lr 0.01", "EMA, lr 0.01"]
    assert names({}, {"optim": {"kind": "sgd", "lr": 0.1}}) == ["Adam", "SGD"]
    assert names({}, {"model": {"name": "resnet50", "pretrained": True, "stem": "adapter"}}) == [
        "resnet18, not pretrained, native stem", "resnet50, pretrained, adapter stem",
    ]  # fmt: skip


def test_weights_and_what_of_a_network_is_trained_are_told_in_short():
    s2 = "torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO"
    models = [{}, {"weights": s2}, {"weights": "/a/my.pth", "weights_hash": "0" * 16}]
    assert names(*({"model": model} for model in models)) == [
        "random weights", "ResNet18 SENTINEL2_ALL_MOCO", "my.pth"
    ]  # fmt: skip
    trained = [{"weights": s2, "trains": trains} for trains in ("all", "head", 1, 2)]
    assert names(*({"model": model} for model in trained)) == [
        "all layers", "linear probe", "last stage", "last 2 stages"
    ]  # fmt: skip


def test_a_rate_that_a_schedule_replaces_is_no_setting():
    assert names({}, {"schedule": CLR}) == ["cross-entropy", "CLR"]


def test_settings_of_one_method_that_differ_stand_beside_it():
    margins = [{"loss": {"kind": "ldam", "max_margin": margin}} for margin in (0.3, 0.5)]
    assert names({}, *margins) == ["cross-entropy", "LDAM (max margin 0.3)", "LDAM (max margin 0.5)"]
    warm = {"schedule": {"kind": "constant", "warmup": 0.1}}
    assert names({}, warm) == ["cross-entropy", "constant schedule (warmup 0.1)"]


def test_bands_are_listed_or_counted_or_called_by_those_that_lack():
    asked = (BANDS, ["B6", "B5", "B2"], BANDS[:-1], BANDS[:8], "agriculture")
    assert names(*({"data": {"bands": bands}} for bands in asked)) == [
        "all bands", "bands B6-B5-B2", "without B11", "8 bands", "bands agriculture",
    ]  # fmt: skip


def test_what_a_count_makes_alike_is_told_apart_by_the_setting_itself():
    first, second = names({"data": {"bands": BANDS[:8]}}, {"data": {"bands": BANDS[1:9]}})
    assert first == "8 bands (data.bands=B1-B2-B3-B4-B5-B6-B7-B8)"
    assert second == "8 bands (data.bands=B2-B3-B4-B5-B6-B7-B8-B9)"


def test_equal_configurations_and_names_that_are_taken_keep_the_names_they_have():
    assert names({}, {}) == ["0", "1"]
    configs = {"LDAM": Config(), "grid": Config.model_validate({"loss": {"kind": "ldam"}})}
    assert compact_names(configs, kept=["LDAM"]) == {"LDAM": "LDAM", "grid": "LDAM (loss=ldam, loss.max_margin=0.5, "
                                                     "loss.scale=30.0)"}  # fmt: skip
    assert compact_names({"0": Config()}) == {"0": "cross-entropy"}
    assert compact_names({}) == {}


@pytest.mark.parametrize("section", METHODS)
def test_every_method_of_every_family_has_a_name_of_its_own(section):
    given_ = {"synthetic": {"dcgan": {"classes": "minority", "equalise": True}}}.get(section, {})
    kinds = [kind for kind in variants(section) if kind not in OFF]
    made = names({}, *({section: {"kind": kind} | given_.get(kind, {})} for kind in kinds))
    assert len(set(made)) == len(made)
    assert not any("_" in name or "=" in name for name in made)


kinds = st.fixed_dictionaries(
    {section: st.sampled_from([{"kind": kind} for kind in variants(section)]) for section in METHODS[:-1]}
)


@given(st.lists(kinds, min_size=1, max_size=12))
def test_no_two_are_alike_and_each_setting_is_told_once(settings):
    configs = {f"arm {k}": Config.model_validate(each) for k, each in enumerate(settings)}
    short = compact_names(configs, BANDS)
    assert len(set(short.values())) == len(configs)
    own, shared = own_settings(configs)
    for arm, config in configs.items():
        told = [*own[arm], *shared]
        assert len(told) == len(set(told)) == len(acting(config))
        assert {text.partition("=")[0] for text in told} == {key.removesuffix(".kind") for key in acting(config)}
    assert (len(configs) > 1) or not own["arm 0"]

"""What arms differ in: every value of it, and whether each combination is an arm."""

from typing import Any

from raysat.config.schema import Config
from raysat.planning.settings import Varied, describe, differences

BANDS = ("B2", "B5", "B6")


def config(**parts: Any) -> Config:
    return Config.model_validate({"data": {"bands": BANDS}} | parts)


def test_a_grid_is_every_combination_of_what_it_varies() -> None:
    arms = {
        f"{loss} {switch}": config(loss={"kind": loss}, reweight={"kind": switch})
        for loss in ("cross_entropy", "ldam")
        for switch in ("none", "drw")
    }
    found = differences(arms, BANDS)
    assert found.varied == (
        Varied(name="reweight", values=("none", "drw")),
        Varied(name="loss", values=("cross_entropy", "ldam")),
    )
    assert found.of["ldam none"] == ("reweight=none", "loss=ldam")
    assert found.every_combination
    assert not differences(dict(list(arms.items())[:3]), BANDS).every_combination


def test_values_that_only_some_arms_have_and_rates_of_a_schedule_are_told_apart() -> None:
    arms = {
        "plain": config(optim={"kind": "adam", "lr": 0.1, "epochs": 4}),
        "ldam": config(loss={"kind": "ldam", "max_margin": 0.3}, data={"bands": BANDS[:1]}),
        "cyclic": config(schedule={"kind": "triangular"}),
    }
    found = differences(arms, BANDS)
    assert {each.name: each.values for each in found.varied} == {
        "bands": ("all", "B2"),
        "optim.lr": ("0.1", "0.001"),
        "loss": ("cross_entropy", "ldam"),
        "loss.max_margin": ("0.3",),
        "schedule": ("constant", "triangular"),
        "epochs": ("4", "40"),
    }
    assert "optim.lr" not in " ".join(found.of["cyclic"])
    assert not found.every_combination


def test_one_axis_is_no_combination() -> None:
    found = differences({"a": config(), "b": config(loss={"kind": "ldam"})}, BANDS)
    assert (len(found.varied), found.every_combination) == (1, False)


def test_a_description_names_what_is_set_apart_from_the_defaults() -> None:
    assert describe(config(), BANDS) == ["bands=all"]
    set_ = config(loss={"kind": "ldam", "scale": 9.0}, optim={"kind": "sgd", "lr": 0.1}, data={"bands": ("B6", "B2")})
    assert describe(set_, BANDS) == ["bands=B6-B2", "optim=sgd", "optim.lr=0.1", "loss=ldam", "loss.scale=9.0"]

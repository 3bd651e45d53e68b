"""What arms differ in, from their configurations."""

from __future__ import annotations

import pytest

from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.factors import Design, design
from tests.helpers.report import GRID, GRID_CONFIGS, config_of


@pytest.fixture
def of(make_run):
    """The design of arms with these settings."""

    def made(configs: dict[str, dict], **options) -> Design:
        arms = dict.fromkeys(configs, (0.8, 0.7, 0.6, 0.5))
        return design(collect(make_run(arms, seeds=(0,), configs=configs, **options)).arms)

    return made


def described(made: Design) -> dict[str, tuple[str, ...]]:
    return {factor.name: factor.levels for factor in made.factors}


def test_a_grid_is_balanced_and_its_first_levels_are_without_the_method(of):
    found = of(dict(reversed(GRID_CONFIGS.items())), grid=True)
    assert described(found) == {"loss": ("cross_entropy", "ldam"), "average": ("none", "swa")}
    assert found.balanced
    assert found.grid
    assert found.arm({"loss": "ldam", "average": "none"}) == "loss=ldam, average=none"


def test_a_grid_that_lacks_a_cell_is_not_balanced(of):
    assert not of(dict(list(GRID_CONFIGS.items())[:3])).balanced


def test_named_rows_beside_a_grid_are_no_part_of_it(make_run):
    ledger = make_run({**GRID, "extra": (0.5,) * 4}, configs={**GRID_CONFIGS, "extra": {"augment": "augmix"}})
    plan = ledger.read_plan()
    arms = tuple(arm.model_copy(update={"grid": arm.name != "extra"}) for arm in plan.arms)
    ledger.write_plan("", plan.model_copy(update={"arms": arms}))
    found = design(collect(ledger).arms)
    assert set(found.arms) == set(GRID)
    assert set(described(found)) == {"loss", "average"}
    assert found.balanced


def test_methods_that_always_come_together_are_one_factor(of):
    found = of(
        {
            "plain": {},
            "bands": {"data": {"bands": ["B6", "B5", "B2"]}},
            "ldam": {"loss": "ldam", "reweight": "drw"},
            "both": {"loss": "ldam", "reweight": "drw", "data": {"bands": ["B6", "B5", "B2"]}},
        }
    )
    assert described(found)["loss + reweight"] == ("cross_entropy + none", "ldam + drw")
    assert found.balanced


def test_methods_that_come_together_are_one_factor_in_whatever_order_they_are_met(of):
    fast, slow = {"kind": "adam", "lr": 0.01}, {"kind": "adam", "lr": 0.001}
    found = of(
        {
            "a": {"loss": "ldam", "optim": fast},
            "b": {"loss": "ldam", "optim": fast, "average": "swa"},
            "c": {"optim": slow},
            "d": {"optim": slow, "average": "swa"},
        }
    )
    assert described(found) == {"optim.lr + loss": ("0.001 + cross_entropy", "0.01 + ldam"), "average": ("none", "swa")}
    assert found.balanced


def test_other_bands_are_another_level_however_many(of):
    bands = [[f"B{n}" for n in range(first, first + 7)] for first in (1, 2)]
    found = of(
        {f"{n} {loss}": {"loss": loss, "data": {"bands": bands[n]}} for n in (0, 1) for loss in ("ldam", "focal")}
    )
    assert described(found)["bands"] == ("B1-B2-B3-B4-B5-B6-B7", "B2-B3-B4-B5-B6-B7-B8")
    assert found.balanced


def test_a_setting_that_all_arms_have_is_a_factor_and_one_of_a_kind_alone_is_part_of_its_label(of):
    found = of(
        {
            "a": {"optim": {"kind": "adam", "lr": 0.001}},
            "b": {"optim": {"kind": "adam", "lr": 0.01}},
            "c": {"loss": {"kind": "ldam", "max_margin": 0.3}},
            "d": {"loss": {"kind": "ldam", "max_margin": 0.7}},
        }
    )
    assert described(found) == {
        "optim.lr": ("0.001", "0.01"),
        "loss": ("cross_entropy", "ldam(max_margin=0.3)", "ldam(max_margin=0.7)"),
    }


def test_factors_come_in_the_order_of_a_configuration_and_many_bands_by_their_number(of):
    many = [f"B{n}" for n in range(1, 12)]
    found = of({"a": {"data": {"bands": many}, "augment": "augmix"}, "b": {"data": {"bands": ["B6", "B5"]}}, "c": {}})
    assert list(described(found)) == ["bands", "augment"]
    assert "11 bands" in described(found)["bands"]
    assert "B6-B5" in described(found)["bands"]


def test_arms_that_are_equal_have_no_factor(of):
    found = of({"a": {}, "b": {}})
    assert (found.factors, found.balanced) == ((), False)
    assert config_of()["loss"]["kind"] == "cross_entropy"

"""Searches: which configurations they hold, and what each mistake in one says."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from raysat.config.families.losses import Ldam
from raysat.errors import StudyError
from raysat.search.load import Search, boundary_study, load_search
from raysat.search.options import Asha, Budget, Confirm, NoPruner, Random, Tpe
from raysat.search.parameters import boundary_points, count_boundary_points
from raysat.study.distribution import ParamValue
from raysat.study.load import load_study
from tests.helpers.paths import SPACES
from tests.helpers.search import load

OPTIMS = [{"kind": "sgd"}, {"kind": "adam"}, {"kind": "adamw", "weight_decay": 0.05}]
BANDS = ["all", "agriculture", [6, 5, 2]]
BASE = {
    "optim": {"kind": "sgd", "epochs": 8, "momentum": 0.5, "lr": 0.02},
    "schedule": {"kind": "cosine", "warmup": 0.1},
}
MIXED = {
    "base": BASE,
    "search": {
        "optim.lr": {"log_uniform": [1e-4, 0.123456]},
        "optim": {"choice": OPTIMS},
        "optim.momentum": {"uniform": [0.0, 0.99]},
        "optim.batch_size": {"int": [2, 9]},
        "loss.kind": {"choice": ["focal", "cross_entropy"]},
        "loss.gamma": {"uniform": [0, 5]},
        "model.classifier": {"choice": ["cosine", "linear"]},
        "data.bands": {"choice": BANDS},
    },
}


def dump(folder: Path, document: dict[str, Any], name: str) -> Path:
    file = folder / name
    YAML(typ="safe").dump(document, file)
    return file


@pytest.fixture(scope="module", name="mixed")
def _mixed(tmp_path_factory: pytest.TempPathFactory) -> Search:
    return load_search(dump(tmp_path_factory.mktemp("mixed"), MIXED, "mixed.yaml"))


def any_of(search: Search, pick: st.DataObject) -> dict[str, ParamValue]:
    """Draw any candidate of a search."""
    params: dict[str, ParamValue] = {}
    while parameter := search.next_parameter(params):
        low, high = parameter.distribution.boundary()[0], parameter.distribution.boundary()[-1]
        whole = isinstance(low, int)
        params[parameter.name] = pick.draw(st.integers(low, int(high)) if whole else st.floats(low, high))
    return params


def rounded(value: float, low: float, high: float) -> float:
    number = min(max(float(f"{value:.4g}"), low), high)
    return number if number >= 1e-12 else 0.0  # no setting may be smaller, and not 0


@settings(max_examples=60)
@given(pick=st.data())
def test_a_candidate_is_an_arm_with_the_params_values(
    tmp_path_factory: pytest.TempPathFactory, mixed: Search, pick: st.DataObject
) -> None:
    """Written by hand as an arm of a study, the same values give the same; what does not apply is not params."""
    params = any_of(mixed, pick)
    optim: dict[str, Any] = {
        **OPTIMS[int(params["optim"])],
        "lr": rounded(params["optim.lr"], 1e-4, 0.123456),
        "batch_size": params["optim.batch_size"],
    }
    loss: dict[str, Any] = {"kind": ["focal", "cross_entropy"][int(params["loss.kind"])]}
    assert ("optim.momentum" in params) == (optim["kind"] == "sgd")
    assert ("loss.gamma" in params) == (loss["kind"] == "focal")
    if "optim.momentum" in params:
        optim["momentum"] = rounded(params["optim.momentum"], 0.0, 0.99)
    if "loss.gamma" in params:
        loss["gamma"] = rounded(params["loss.gamma"], 0.0, 5.0)
    arm = {
        "optim": optim,
        "loss": loss,
        "model.classifier": ["cosine", "linear"][int(params["model.classifier"])],
        "data.bands": BANDS[int(params["data.bands"])],
    }
    study = dump(tmp_path_factory.mktemp("arm"), {"base": BASE, "arms": {"by hand": arm}}, "study.yaml")
    assert mixed.config(params) == load_study(study).arms[0].config


def test_corners_are_all_there_are_and_valid(mixed: Search) -> None:
    found = list(boundary_points(mixed.parameters))
    assert count_boundary_points(mixed.parameters) == len(found)
    optim = 2 * 2 * 2 + 2 * (2 * 2)  # lr, batch size and momentum of SGD; lr and batch size of the two others
    assert len(found) == optim + (2 + 1) + 2 + 3
    study = boundary_study(mixed)
    assert len(study.arms) == 1 + len(found)
    assert study.arms[0].config == mixed.base
    assert {arm.config.optim.batch_size for arm in study.arms} == {2, 9, 32}
    assert {arm.config.optim.lr for arm in study.arms} == {1e-4, 0.123456, 0.02}


def test_a_base_inside_the_space_is_found_there(mixed: Search, tmp_path: Path) -> None:
    params = mixed.base_params()
    assert params is None  # its batch size of 32 lies outside
    inside = load(tmp_path, "base: {loss: {kind: ldam}}\nsearch: {loss.max_margin: {uniform: [0.1, 1]}}\n")
    assert inside.base_params() == {"loss.max_margin": 0.5}
    assert inside.config({"loss.max_margin": 0.5}) == inside.base


def test_the_shipped_search() -> None:
    search = load_search(SPACES / "hpo.yaml")
    assert (search.name, search.seed, search.options.budget.trials) == ("hpo", 0, 30)
    assert search.base_params() is not None
    assert isinstance(search.options.sampler, Tpe)
    assert isinstance(search.options.pruner, Asha)
    losses = [search.config(point).loss for point in boundary_points(search.parameters)]
    assert {loss.kind for loss in losses} == {"cross_entropy", "ldam", "balanced_softmax"}
    assert {loss.max_margin for loss in losses if isinstance(loss, Ldam)} == {0.2, 0.8}


def test_rules_have_defaults_and_options_win(tmp_path: Path) -> None:
    text = "search: {optim.lr: {uniform: [0.1, 0.2]}}\n"
    plain = load(tmp_path, text)
    assert (plain.name, plain.seed) == ("hpo", 0)
    assert (plain.options.sampler, plain.options.pruner, plain.options.confirm) == (
        Tpe(),
        NoPruner(),
        Confirm(best=3, seeds=5),
    )
    assert plain.options.budget == Budget(trials=20)
    text += "seeds: [7]\nsampler: {kind: random, seed: 3}\nstop: {kind: asha, grace: 0.3}\nbudget: {hours: 2}\n"
    rules = load(tmp_path, text, trials=5).options
    assert (rules.sampler, rules.pruner) == (Random(seed=3), Asha(grace_period=0.3))
    assert rules.budget == Budget(trials=5, hours=2)
    assert load(tmp_path, text, hours=0.5).options.budget == Budget(hours=0.5)
    assert (load(tmp_path, text).seed, load(tmp_path, text, seed=4).seed) == (7, 4)


def test_what_the_command_line_sets_is_not_searched(tmp_path: Path) -> None:
    text = """
    search:
      optim.lr: {uniform: [0.1, 0.2]}
      model: {choice: [{name: resnet18}, {name: resnet34}]}
      loss: {choice: [{kind: ldam}, {kind: cross_entropy}]}
      loss.scale: {uniform: [1, 40]}
    """
    options = {"model.name": "test_resnet", "loss": {"kind": "ldam"}}
    search = load(tmp_path, text, overrides=options, epochs=3)
    assert [parameter.name for parameter in search.parameters] == ["optim.lr", "loss.scale"]
    config = search.config({"optim.lr": 0.15, "loss.scale": 7.0})
    assert (config.model.name, config.optim.epochs, config.optim.lr, config.loss) == (
        "test_resnet", 3, 0.15, Ldam(scale=7.0),
    )  # fmt: skip
    with pytest.raises(StudyError, match="nothing to search: overrides fixes every parameter"):
        load(tmp_path, "search: {optim.lr: {uniform: [0.1, 0.2]}}", overrides={"optim.lr": 1})


def test_choices_that_read_alike_are_arms_of_their_own(tmp_path: Path) -> None:
    """``label`` writes a list and a text in the same way; what is checked at one is not checked at the other."""
    search = load(tmp_path, "search: {data.bands: {choice: [[6, 5], ['6', 5], [7, 5]]}}\n")
    arms = {arm.name: arm.config.data.bands for arm in boundary_study(search).arms}
    assert arms == {
        "base": search.base.data.bands,
        "data.bands=6-5": (6, 5),
        "data.bands=6-5 (2)": ("6", 5),
        "data.bands=7-5": (7, 5),
    }


RATES = "search:\n  optim.lr: {uniform: [0.1, 0.2]}\n"


@pytest.mark.parametrize(
    "text",
    [
        RATES + "  schedule: {choice: [{kind: triangular}, {kind: cosine}]}\n",
        "base: {schedule: {kind: one_cycle}}\n" + RATES + "  schedule.kind: {choice: [one_cycle, constant]}\n",
        "base: {schedule: {kind: one_cycle}}\nsearch:\n  optim: {choice: [{kind: sgd}, {kind: adam}]}\n",
    ],
)
def test_a_rate_is_searched_where_some_schedule_reads_it(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).parameters


@pytest.mark.parametrize(("epochs", "grace"), [(2, 0.25), (4, 0.85), (3, 0.5)])
def test_early_stopping_may_have_one_look(tmp_path: Path, epochs: int, grace: float) -> None:
    text = f"search: {{optim.lr: {{uniform: [0.1, 0.2]}}}}\nstop: {{kind: asha, grace: {grace}}}\n"
    assert isinstance(load(tmp_path, text, epochs=epochs).options.pruner, Asha)


def test_labels_tell_corners_apart(mixed: Search) -> None:
    labels = [tuple(mixed.labels(point).items()) for point in boundary_points(mixed.parameters)]
    assert all(one != other for one, other in itertools.combinations(labels, 2))

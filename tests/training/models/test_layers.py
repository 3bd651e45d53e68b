"""Which layers training moves, and how fast."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import timm
import torch
from torch import nn

from raysat.config.schema import Config, Model
from raysat.errors import PlanError
from raysat.training import optimizers
from raysat.training.models.build import build
from raysat.training.models.layers import check_layers, freeze, keeps_statistics, rate_factors, set_training
from tests.helpers.training import TINY, MakeStore, config, run


def moving(network: nn.Module) -> set[str]:
    return {name.partition(".")[0] for name, parameter in network.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    ("trains", "parts"),
    [
        ("all", {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"}),
        ("head", {"fc"}),
        (1, {"layer4", "fc"}),
        (3, {"layer2", "layer3", "layer4", "fc"}),
    ],
)
def test_stages_from_the_last_are_trained(trains: str | int, parts: set[str]) -> None:
    model = Model(name="resnet18", trains=trains)
    network = build(model, bands=4, classes=3, size=(32, 32))
    freeze(network, model)
    assert moving(network) == parts
    for each in (network, copy.deepcopy(network)):
        set_training(each.eval())
        still = {name for name, module in each.named_children() if not module.training}
        assert still == ({"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"} - parts)
        assert all(not module.training for name in still for module in each.get_submodule(name).modules())
        assert keeps_statistics(each) >= {each.get_submodule(name) for name in still}


def test_blocks_of_a_vit_are_its_stages() -> None:
    model = Model(name="test_vit", trains=2)
    network = build(model, bands=3, classes=2, size=(160, 160))
    freeze(network, model)
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    blocks = len(network.blocks)
    assert {name.split(".")[1] for name in trained if name.startswith("blocks")} == {str(blocks - 2), str(blocks - 1)}
    assert {"norm.weight", "head.weight"} < trained


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        (Model(name="resnet18", trains=5), "model.trains is 5, and resnet18 has 5 stages"),
        (Model(name="resnet18", trains=99), "has 5 stages"),
    ],
)
def test_more_stages_than_there_are_is_refused(model: Model, cause: str) -> None:
    with pytest.raises(PlanError, match=cause) as found:
        check_layers(model)
    assert found.value.hint == "set model.trains: all, or to 4 or fewer"


def test_a_model_whose_layers_are_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

    monkeypatch.setattr(timm, "create_model", lambda *_, **__: Bare())
    for model, cause in (
        (Model(name="resnet18", trains="head"), "has no classifier"),
        (Model(name="resnet18", layer_decay=0.5), "does not say the layers"),
    ):
        with pytest.raises(PlanError, match=cause):
            check_layers(model)


@pytest.mark.parametrize(
    "model",
    [
        {"weights": "x.pth", "pretrained": True},
        {"weights": "x.pth", "stem": "adapter"},
        {"trains": "head", "stem": "adapter"},
        {"layer_decay": 0.5, "stem": "adapter"},
        {"trains": 0},
        {"trains": True},
        {"trains": "tail"},
        {"layer_decay": 0.0},
        {"layer_decay": 0.001},
        {"layer_decay": 1.5},
        {"weights_scale": 0.0},
        {"weights": "x.pth", "weights_scale": "none"},
        {"weights_scale": 10.0},
        {"weights_scale": "standardised"},
        {"weights": "x.pth", "weights_hash": "zz"},
        {"weights_hash": "0123456789abcdef"},
    ],
)
def test_what_cannot_be_is_refused(model: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="model"):
        Config.model_validate({"model": model})


def test_rates_are_the_schedules_times_a_factor() -> None:
    model = Model(name=TINY, layer_decay=0.5)
    network = build(model, bands=3, classes=2, size=(32, 32))
    factors = rate_factors(network, model)
    assert factors is not None
    optimizer = optimizers.build(config().optim, network, factors)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(network.parameters()))
    optimizers.set_learning_rate(optimizer, torch.tensor(0.25, dtype=torch.float64))
    rates = {id(p): float(group["lr"]) for group in optimizer.param_groups for p in group["params"]}
    assert len(optimizer.param_groups) == len(set(factors.values())) > 3
    for name, parameter in network.named_parameters():
        assert rates[id(parameter)] == 0.25 * factors[name]
    assert factors["fc.weight"] == 1
    other = optimizers.build(config().optim, copy.deepcopy(network), factors)
    optimizers.restore(other, optimizers.state(optimizer, 0.25))
    level = optimizers.build(config().optim, copy.deepcopy(network))
    with pytest.raises(ValueError, match="other settings"):
        optimizers.restore(level, optimizers.state(optimizer, 0.25))


def test_a_linear_probe_has_the_whole_rate(make_store: MakeStore) -> None:
    """Wherever timm says a model's layers, so that plans leave ``layer_decay`` out of a probe's id."""
    store = make_store({"train": (4, 2, 2), "val": (2, 2, 2)})
    for name in (TINY, "test_vit"):
        optim = {"epochs": 2, "batch_size": 4, "lr": 0.01}
        models = [{"name": name, "trains": "head", "layer_decay": decay} for decay in (1.0, 0.5)]
        one, other = (run(config(model=model, optim=optim), store)[1].state_dict for model in models)
        assert all(torch.equal(value, other[key]) for key, value in one.items()), name


def test_layers_that_are_slower_move_less(make_store: MakeStore) -> None:
    """SGD's first epoch of one step: each weight moves by its factor of what it would move by."""
    store = make_store({"train": (4, 2, 2), "val": (2, 2, 2)})
    optim = {"kind": "sgd", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "epochs": 1, "batch_size": 8}
    starts = config(model={"layer_decay": 0.5})
    states = [run(config(model={"layer_decay": d}, optim=optim), store)[1].state_dict for d in (1.0, 0.5)]
    still = run(config(model={"layer_decay": 1.0}, optim={**optim, "lr": 1e-12}), store)[1].state_dict
    network = build(starts.model, bands=3, classes=3, size=(16, 16))
    factors = rate_factors(network, starts.model)
    assert factors is not None
    for name, factor in factors.items():
        whole, slow = (state[name] - still[name] for state in states)
        np.testing.assert_allclose(slow, whole * factor, rtol=2e-3, atol=2e-7)

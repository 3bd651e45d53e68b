"""Models of plugins: made by their function from the seed alone, tried once, and refused in a line where they fail."""

from __future__ import annotations

import pickle

import pytest
import torch

from raysat.config.plugins.settings import METHODS, ModelSettings
from raysat.config.schema import Config
from raysat.errors import PluginError, TrainingError
from raysat.training.device import network_channels_last
from raysat.training.models.build import build, cpu_state
from raysat.training.models.names import check_model
from raysat.training.models.rebuild import rebuild
from tests.helpers.paths import ROOT
from tests.helpers.plugins import plugin_text, source_of_text, used

OF = {"bands": 5, "classes": 3, "size": (24, 20)}
PLUGIN = ROOT / "examples" / "plugins" / "small_net.py"
FLAT = "torch.nn.Flatten(), torch.nn.Linear"
WRONG = {  # body by what is said of it
    "own.py:14: ZeroDivisionError: division by zero": "1 / 0",
    "own.py:12: model: own returns a NoneType, not a torch.nn.Module": "return None",
    "own.py:12: model: own returns a type, not a torch.nn.Module": "return torch.nn.Linear",
    "own.py:12: model: own returns a network without a weight to train": "return torch.nn.Flatten()",
    "own.py: model: own cannot take 5 x 24 x 20 patches: RuntimeError: mat1": (
        f"return torch.nn.Sequential({FLAT}(7, classes))"
    ),
    "own.py:12: model: own gives (2, 4) of 2 5 x 24 x 20 patches, not scores (2, 3)": (
        f"return torch.nn.Sequential({FLAT}(bands * 480, classes + 1))"
    ),
    "own.py:12: model: own gives (2, 3, 24, 20) of": "return torch.nn.Conv2d(bands, classes, 1)",
    "own.py:12: model: own gives nan of empty": (
        f"net = torch.nn.Sequential({FLAT}(bands * 480, classes)); net[1].bias.data[0] = float('nan'); return net"
    ),
    "own.py:14: TypeError": "return torch.nn.Linear()",
}


def own(kind: str = "own", **settings: object) -> ModelSettings:
    model = Config.model_validate({"model": {"kind": kind, **settings}}).model
    assert isinstance(model, ModelSettings)
    return model


@pytest.mark.parametrize("says", WRONG)
def test_what_is_no_network_is_a_line(says: str) -> None:
    with used(source_of_text(plugin_text("model", f"    {WRONG[says]}\n"))), pytest.raises(PluginError) as caught:
        build(own(), **OF)
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_a_view_of_what_lies_otherwise_is_found_before_training() -> None:
    """Patches and weights have their channels last in training: what torch cannot view then is refused at once."""
    body = """\
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Conv2d(bands, 4, 3, padding=1), torch.nn.Linear(4 * 480, classes)
        def forward(self, patches):
            return self.last(self.first(patches).view(len(patches), -1))
    return Net()
"""
    with (
        used(source_of_text(plugin_text("model", body))),
        pytest.raises(PluginError, match=r"own.py:19: RuntimeError: view"),
    ):
        build(own(), **OF)


def test_the_first_weights_are_those_of_the_seed() -> None:
    with used(PLUGIN):
        states = []
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            states.append(build(own("small_net", width=8, depth=1), **OF).state_dict())
    assert states[0]["0.weight"].shape == (8, 5, 3, 3)
    assert torch.equal(states[0]["0.weight"], states[1]["0.weight"])
    assert not torch.equal(states[0]["0.weight"], states[2]["0.weight"])


def test_it_comes_back_with_its_weights_and_no_others() -> None:
    with used(PLUGIN):
        model = own("small_net")
    network = build(pickle.loads(pickle.dumps(model)), **OF)  # noqa: S301  (as a worker gets it)
    network(torch.randn(6, 5, 24, 20))  # moves the running statistics
    again, patches = rebuild(model, cpu_state(network), **OF), torch.randn(2, 5, 24, 20)
    assert torch.equal(again.eval()(patches), network.eval()(patches))
    assert METHODS.of("model") == {}
    with pytest.raises(TrainingError, match=r"the weights do not fit small_net: 0.weight is 16 x 5 x 3 x 3, not 8 x 5"):
        rebuild(model.model_copy(update={"width": 8}), cpu_state(network), **OF)


def test_weights_of_three_dimensions_stay_as_they_lie() -> None:
    volumes = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 3), torch.nn.Conv2d(2, 2, 3))
    found = network_channels_last(volumes)
    assert found[0].weight.is_contiguous()
    assert found[1].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_kind_that_timm_has_as_a_name_is_refused() -> None:
    text = source_of_text(plugin_text("model").replace('"own"', '"test_resnet"'))
    with used(text), pytest.raises(PluginError, match="model: test_resnet is a model of timm, too"):
        check_model(own("test_resnet"))
    with used(PLUGIN):
        check_model(own("small_net"))

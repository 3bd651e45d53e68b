"""Models of plugins: made by their function from the seed alone, tried once, and refused in a line where they fail."""

from __future__ import annotations

import pickle

import pytest
import torch

from raysat.config.plugins.settings import METHODS, ModelSettings
from raysat.config.schema import Config, Model
from raysat.errors import PluginError, TrainingError
from raysat.training.device import network_channels_last
from raysat.training.models.build import assemble, build, cpu_state
from raysat.training.models.names import check_model
from raysat.training.models.plugin import check_scores, network_faults
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
    "own.py:12: model: own gives a tuple of 2 5 x 24 x 20 patches in training, not scores (2, 3)": """
    class Net(torch.nn.Linear):
        def forward(self, patches):
            scores = super().forward(patches.mean((2, 3)))
            return (scores, patches) if self.training else scores
    return Net(bands, classes)""",
    "own.py: model: own cannot train on 5 x 24 x 20 patches: ValueError: Expected more than 1": (
        f"return torch.nn.Sequential({FLAT}(bands * 480, classes), torch.nn.Unflatten(1, (classes, 1)), "
        "torch.nn.InstanceNorm1d(classes, track_running_stats=True), torch.nn.Flatten())"
    ),
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


@pytest.mark.parametrize("end", ["raise SystemExit(5)", "import sys; sys.exit(5)"])
def test_a_network_that_ends_the_process_is_an_error_of_its_line(end: str) -> None:
    body = f"""\
    class Net(torch.nn.Linear):
        def forward(self, patches):
            if len(patches) == 4: {end}
            return super().forward(patches.mean((2, 3)))
    return Net(bands, classes)
"""
    with used(source_of_text(plugin_text("model", body))):
        network = build(own(), **OF)
        with pytest.raises(PluginError, match=r"own.py:16: SystemExit: 5"), network_faults(own()):
            network(torch.zeros(4, 5, 24, 20))
        with pytest.raises(SystemExit), network_faults(own()):  # of somebody else
            raise SystemExit(5)
        with pytest.raises(KeyboardInterrupt), network_faults(own()):
            raise KeyboardInterrupt


def test_a_look_in_training_mode_leaves_the_seeds_weights_and_what_is_drawn_next() -> None:
    """Statistics, numbers of dropout and what the network counts are those of one that was only evaluated."""
    body = """\
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.last, self.calls = torch.nn.BatchNorm2d(bands, momentum=0.5), torch.nn.Linear(bands, 3), 0
        def forward(self, patches):
            self.calls += self.training
            return self.last(F.dropout(self.norm(patches).mean((2, 3)), 0.5, self.training))
    return Net()
"""
    with used(source_of_text(plugin_text("model", body))):
        found = []
        for make in (build, assemble):
            torch.manual_seed(3)
            network = make(own(), **OF)
            found.append((network.state_dict(), network.calls, torch.rand(3), network.training))
    (looked, calls, after, training), (plain, _, drawn, _) = found
    assert all(torch.equal(value, plain[name]) for name, value in looked.items())
    assert (calls, training) == (0, True)
    assert torch.equal(after, drawn)


def test_what_steps_get_of_a_plugins_network_is_looked_at() -> None:
    shape, scores = (4, 5, 24, 20), torch.zeros(4, 3)
    check_scores(Model(), None, shape, classes=3)  # of timm
    with used(PLUGIN):
        model = own("small_net")
    check_scores(model, scores, shape, classes=3, training=True)
    for wrong, says in (
        ((scores, 3), "small_net gives a tuple of 4 5 x 24 x 20 patches in training, not scores"),
        (scores[:3], r"gives \(3, 3\) of 4"),
        (scores.long(), "gives scores of torch.int64 in training"),
    ):
        with pytest.raises(PluginError, match=says):
            check_scores(model, wrong, shape, classes=3, training=True)

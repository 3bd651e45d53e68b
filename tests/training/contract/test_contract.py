"""The contract holds of every method of raysat's own, and notices each way in which a method can break it."""

from __future__ import annotations

import pytest

from raysat.config.families.base import Spec
from raysat.config.schema import Model, variants
from raysat.training.contract.checks import CHECKS
from raysat.training.contract.run import check_method, section_of
from tests.helpers.paths import ROOT
from tests.helpers.plugins import SOUND, plugin_text, source_of_text, used

pytestmark = pytest.mark.slow

BUILT_IN = {f"{section}.{kind}": member() for section in CHECKS for kind, member in variants(section).items()}
BUILT_IN["model."] = Model(name="test_resnet")  # in place of the default one, which takes minutes
CE = "F.cross_entropy(logits_BK, labels_B, reduction='none')"


def network(scores: str, *more: str) -> list[str]:
    """Lines of a model that is linear in the means of bands, with more parts, and that gives these scores."""
    return [
        "nn = torch.nn",
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        f"        self.linear = nn.Linear(bands, classes); {'; '.join(more)}",
        "    def forward(self, patches):",
        "        scores = self.linear(patches.mean((2, 3)))",
        f"        return {scores}",
        "    def count(self):",
        "        self.n += self.training",
        "        return self.n / 100",
        "return Net()",
    ]


# What a plugin does, a line after the other, which test notices it, and what that says.
BROKEN: dict[str, tuple[str, list[str], str, str]] = {
    "loss: detached": ("loss", [f"return {CE}.detach()"], "gradients", "finite differences"),
    "loss: of the batch": ("loss", [f"nats = {CE}", "return nats * nats.mean()"], "several workers", "another step"),
    "loss: double": ("loss", [f"return {CE}.double()"], "dtype", "torch.float64"),
    "loss: a mean": ("loss", [f"return {CE}.mean()"], "dtype", "own.py:12: loss: own returns torch.float32 ()"),
    "loss: on the CPU": ("loss", ["w = torch.ones(6)", f"return {CE} * w[: len(labels_B)]"], "device", "own.py:15"),
    "loss: overflows": ("loss", ["return logits_BK.exp().sum(1).log() - logits_BK[:, 0]"], "extremes", "inf"),
    "loss: looks": (
        "loss",
        ["n = int((labels_B == 0).sum())", f"return {CE} * (1.0 if n else 2.0)"],
        "step capture",
        "own.py:14: __int__ waits for the device",
    ),
    "loss: needs each class": (
        "loss",
        ["n_K = F.one_hot(labels_B, 3).sum(0)", f"return {CE} / n_K.min()"],
        "empty class",
        "inf",
    ),
    "loss: needs two classes": ("loss", [f"return {CE} / (labels_B != labels_B[0]).any()"], "one class", "inf"),
    "loss: keeps a count": (
        "loss",
        ["own.steps = getattr(own, 'steps', 0) + 1", f"return {CE} * (1 + 1 / own.steps)"],
        "determinism",
        "other weights each time",
    ),
    "sampler: global numbers": (
        "sampler",
        ["return np.random.permutation(len(labels_N))"],
        "positions",
        "it has other",
    ),
    "sampler: too few": (
        "sampler",
        ["return rng.permutation(len(labels_N))[1:]"],
        "positions",
        "not as many positions",
    ),
    "sampler: beyond": ("sampler", ["return rng.permutation(len(labels_N)) + 1"], "positions", "the positions 1 to"),
    "sampler: needs each class": (
        "sampler",
        ["return rng.permutation(len(labels_N)) // (1 if counts_K.all() else [][0])"],
        "empty class",
        "own.py:14: IndexError",
    ),
    "augment: own numbers": (
        "augment",
        ["return patches_BCHW + torch.rand(len(patches_BCHW), 1, 1, 1)"],
        "several workers",
        "another step than one",
    ),
    "augment: smaller": ("augment", ["return patches_BCHW[..., 1:]"], "determinism", "not patches as it was given"),
    "augment: on the CPU": ("augment", ["return patches_BCHW * torch.ones(3, 1, 1)"], "device", "own.py:14"),
    "augment: looks": (
        "augment",
        ["return patches_BCHW.flip(-1) if random_BR[0, 0] < 0.5 else patches_BCHW"],
        "step capture",
        "own.py:14: __bool__ waits",
    ),
    "schedule: negative": ("schedule", ["return 0.001 - step"], "rates", "gives -0.999 at step 1"),
    "schedule: remembers": (
        "schedule",
        ["own.last = getattr(own, 'last', lr) * 0.9", "return own.last"],
        "rates",
        "depends on what was asked before",
    ),
    "average: remembers": (
        "average",
        ["own.calls = getattr(own, 'calls', 0) + 1", "return own.calls"],
        "determinism",
        "other weights each time",
    ),
    "average: negative": ("average", ["return -epoch"], "resumed", "gives -1 for epoch 1"),
    "schedule: text": ("schedule", ["return 'high'"], "rates", "gives 'high'"),
    "model: unused": (
        "model",
        network("scores", "self.more = nn.Linear(2, 2)"),
        "gradients",
        "no gradient reaches more",
    ),
    "model: detached": ("model", network("scores.detach()"), "gradients", "no gradient leaves the scores"),
    "model: double": ("model", network("scores.double()"), "dtype", "scores are torch.float64"),
    "model: on the CPU": ("model", network("scores * self.w", "self.w = torch.ones(classes)"), "device", "cpu"),
    "model: looks": (
        "model",
        network("scores if scores.sum() > 0 else -scores"),
        "step capture",
        "own.py:21: __bool__",
    ),
    "model: of three bands": (
        "model",
        [
            "nn = torch.nn",
            "return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes))",
        ],
        "bands and sizes",
        "model: own cannot take 1 x 16 x 16 patches: RuntimeError",
    ),
    "model: drops out for ever": ("model", network("F.dropout(scores, 0.5)"), "evaluation", "other scores each time"),
    "model: of the batch": ("model", network("scores - scores.mean(0)"), "evaluation", "on the other patches"),
    "model: needs a second class": ("model", network("scores / (len(patches) - 1)"), "one class", "not finite"),
    "model: global numbers": (
        "model",
        [
            "np.random.seed()",
            *network("scores * self.w", "self.w = nn.Parameter(torch.tensor(np.random.rand(classes)).float())"),
        ],
        "first weights",
        "one seed begins with other weights each time",
    ),
    "model: one network": (
        "model",
        [
            "nn = torch.nn",
            "own.net = getattr(own, 'net', None) or nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))",
            "return own.net",
        ],
        "first weights",
        "make new layers in each call",
    ),
    "model: seeds": (
        "model",
        ["torch.manual_seed(0)", *network("scores")],
        "first weights",
        "it seeds torch's generator",
    ),
    "model: hides a number": (
        "model",
        network("scores * self.scale + self.count()", "self.n = 0", "self.scale = 1 + torch.rand(())"),
        "rebuilt",
        "gives other scores",
    ),
    "model: remembers": (
        "model",
        network("scores * (1 + self.count())", "self.n = 0"),
        "resumed",
        "what goes on from a checkpoint trains other weights",
    ),
}


# Where nothing else can be tried.
UNMADE = {
    "no network": (["return None"], "own.py:12: model: own returns a NoneType, not a torch.nn.Module"),
    "raises": (["1 / 0"], "own.py:14: ZeroDivisionError: division by zero"),
    "a tuple in training": (
        network("(scores, patches) if self.training else scores"),
        "own.py:12: model: own gives a tuple of 2 3 x 16 x 16 patches in training, not scores (2, 3)",
    ),
    "not finite": (network("scores / 0"), "own.py:12: model: own gives "),
    "ends the process": (network("scores if len(patches) == 1 else exit(3)"), "own.py:21: SystemExit: 3"),
}


def faults(settings: Spec) -> dict[str, str]:
    return {found.check: found.fault for found in check_method(settings) if found.fault}


@pytest.mark.parametrize("name", BUILT_IN)
def test_raysats_own_methods_keep_it(name: str) -> None:
    assert section_of(BUILT_IN[name]) == name.partition(".")[0]
    assert faults(BUILT_IN[name]) == {}


@pytest.mark.parametrize("section", SOUND)
def test_sound_plugins_keep_it(section: str) -> None:
    with used(source_of_text(plugin_text(section))) as plugin:
        assert faults(plugin.settings[0]()) == {}


@pytest.mark.parametrize("name", ["poly1.py", "small_net.py"])
def test_the_examples_keep_it(name: str) -> None:
    with used(ROOT / "examples" / "plugins" / name) as plugin:
        assert faults(plugin.settings[0]()) == {}


@pytest.mark.parametrize("name", BROKEN)
def test_each_way_to_break_it_is_noticed_and_named(name: str) -> None:
    section, lines, check, says = BROKEN[name]
    body = "".join(f"    {line}\n" for line in lines)
    with used(source_of_text(plugin_text(section, body))) as plugin:
        found = faults(plugin.settings[0]())
    assert check in found, found
    assert says in found[check]


@pytest.mark.parametrize("name", UNMADE)
def test_of_a_model_that_cannot_be_made_no_more_is_said(name: str) -> None:
    lines, says = UNMADE[name]
    with used(source_of_text(plugin_text("model", "".join(f"    {line}\n" for line in lines)))) as plugin:
        (found,) = check_method(plugin.settings[0]())
    assert found.check == "network"
    assert found.fault.partition("/nowhere/")[2].startswith(says)


def test_a_model_that_ends_the_process_in_a_batch_is_a_finding() -> None:
    body = "".join(f"    {line}\n" for line in network("scores if len(patches) == 2 else exit(3)"))
    with used(source_of_text(plugin_text("model", body))) as plugin:
        assert faults(plugin.settings[0]())["gradients"] == "SystemExit: 3"


def test_a_model_that_is_called_like_one_of_timm_is_a_finding() -> None:
    with used(source_of_text(plugin_text("model").replace('"own"', '"test_resnet"'))) as plugin:
        (found,) = check_method(plugin.settings[0]())
    assert "model: test_resnet is a model of timm, too" in found.fault

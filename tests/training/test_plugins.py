"""Methods of plugins that do what raysat's own do train the same weights; posteriors and augmentations are applied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.errors import PluginError
from raysat.training.check import check
from raysat.training.checkpoint import decode
from raysat.training.loop import Training
from raysat.training.losses import posterior_logits
from raysat.training.models.rebuild import rebuild
from tests.helpers.plugins import SOUND, plugin_text, source_of_text, used
from tests.helpers.training import MakeStore, config, run

pytestmark = pytest.mark.slow

LDAM = """\
    margins_K = 0.5 * (counts_K / counts_K.min()) ** -0.25
    own_BK = F.one_hot(labels_B, logits_BK.shape[1])
    return F.cross_entropy(30 * (logits_BK - own_BK * margins_K), labels_B, reduction="none")
"""
FLIP = """\
    return torch.where(random_BR[:, 0, None, None, None] < 0.5, patches_BCHW.flip(-1), patches_BCHW)
"""


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store()


@pytest.mark.parametrize(
    ("section", "built_in"),
    [
        ("loss", {"kind": "focal"}),
        ("sampler", {"kind": "inverse_frequency"}),
        ("augment", {"kind": "none"}),
        ("schedule", {"kind": "constant"}),
        ("average", {"kind": "swa", "start": 0.0, "every": 0.01}),
    ],
)
def test_a_twin_trains_the_same(store: PatchStore, section: str, built_in: dict[str, Any]) -> None:
    _, expected = run(config(**{section: built_in}), store)
    with used(source_of_text(plugin_text(section))):
        _, found = run(config(**{section: {"kind": "own"}}), store)
    assert found.probabilities.tobytes() == expected.probabilities.tobytes()
    assert all(torch.equal(value, found.state_dict[name]) for name, value in expected.state_dict.items())


def test_a_twin_of_a_model_trains_the_same(store: PatchStore) -> None:
    """To the bit, and is read back from its weights by itself, whether its code can do without numbers or not."""
    _, expected = run(config(), store)
    needs_numbers = SOUND["model"].replace("    return", "    float(torch.zeros(()))\n    return")
    for body in (SOUND["model"], needs_numbers):
        with used(source_of_text(plugin_text("model", body))):
            what = Config.model_validate(config().model_dump(exclude={"model"}) | {"model": {"kind": "own"}})
            _, found = run(what, store)
            again = rebuild(what.model, found.state_dict, bands=3, classes=3, size=store.images.shape[2:])
        assert found.probabilities.tobytes() == expected.probabilities.tobytes()
        assert all(torch.equal(value, found.state_dict[name]) for name, value in expected.state_dict.items())
        assert all(torch.equal(value, found.state_dict[name]) for name, value in again.state_dict().items())


@pytest.mark.parametrize("training", [True, False])
def test_a_model_that_gives_no_scores_of_some_batches_is_a_line(store: PatchStore, training: bool) -> None:
    body = f"""\
    class Net(torch.nn.Linear):
        def forward(self, patches):
            scores = super().forward(patches.mean((2, 3)))
            return scores if len(patches) == 2 or self.training is not {training} else (scores, patches)
    return Net(bands, classes)
"""
    when = " in training" if training else ""
    says = f"own.py:12: model: own gives a tuple of [0-9]+ 3 x [0-9x ]+ patches{when}, not scores"
    with used(source_of_text(plugin_text("model", body))), pytest.raises(PluginError, match=says):
        run(Config.model_validate({"model": {"kind": "own"}, "optim": {"kind": "adam", "batch_size": 8}}), store)


def test_a_model_that_fails_in_training_alone_names_its_line(store: PatchStore) -> None:
    body = """\
    class Net(torch.nn.Linear):
        def forward(self, patches):
            if self.training:
                patches = patches.no_such
            return super().forward(patches.mean((2, 3)))
    return Net(bands, classes)
"""
    with used(source_of_text(plugin_text("model", body))), pytest.raises(PluginError, match=r"own.py:17: AttributeErr"):
        run(Config.model_validate({"model": {"kind": "own"}, "optim": {"kind": "adam", "batch_size": 8}}), store)


def test_a_loss_may_say_what_scores_mean(store: PatchStore) -> None:
    text = plugin_text("loss", LDAM)
    scaled = text.replace("@loss(Own)", "@loss(Own, posterior=lambda settings, logits_BK: 30 * logits_BK)")
    parts = {"optim": {"kind": "sgd", "lr": 0.001, "batch_size": 8, "epochs": 1}}
    _, expected = run(config(loss={"kind": "ldam"}, **parts), store)
    with used(source_of_text(scaled)):
        _, found = run(config(loss={"kind": "own"}, **parts), store)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    with used(source_of_text(text)):  # without: the plain softmax, which is less sure
        _, plain = run(config(loss={"kind": "own"}, **parts), store)
    assert plain.probabilities.max(axis=1).mean() < found.probabilities.max(axis=1).mean() - 0.05


def test_cosines_are_sharpened_before_a_plugin_gets_them(store: PatchStore) -> None:
    with used(source_of_text(plugin_text("loss"))):
        scores = torch.tensor([[0.5, -0.25]])
        cosine = config(loss={"kind": "own"}, model={"classifier": "cosine"})
        torch.testing.assert_close(posterior_logits(cosine, scores), 30 * scores)
        torch.testing.assert_close(posterior_logits(config(loss={"kind": "own"}), scores), scores)


def test_an_average_is_that_of_its_weights(store: PatchStore) -> None:
    """Of the weights after three epochs, as 1 : 0 : 3, after a checkpoint too."""
    optim = {"kind": "sgd", "lr": 0.01, "batch_size": 8, "epochs": 3}
    parts = {"model": {"name": "test_vit"}, "optim": optim}  # without batch norm
    after = [run(config(**{**parts, "schedule": {"kind": "constant"}}), store)[1].state_dict]
    training = Training(Trial(config=config(**parts), seed=0), store, device=torch.device("cpu"))
    training.advance()
    after.insert(0, {name: value.clone() for name, value in training.state().network.items()})
    with used(source_of_text(plugin_text("average", "    return {1: 1, 2: 0, 3: 3}[epoch]\n"))):
        own = Trial(config=config(**parts, average={"kind": "own"}), seed=0)
        _, found = run(own.config, store)
        training = Training(own, store, device=torch.device("cpu"))
        training.advance()
        resumed = Training(own, store, device=torch.device("cpu"))
        resumed.restore(decode(training.state().encode()))
        resumed.advance()
        resumed.advance()
        again = resumed.result()
    for name, value in found.state_dict.items():
        torch.testing.assert_close(value, (after[0][name] + 3 * after[1][name]) / 4, rtol=1e-4, atol=1e-6)
        assert torch.equal(value, again.state_dict[name])


@pytest.mark.parametrize(
    ("body", "says"), [("    return -1\n", "gives -1 for epoch 1"), ("    return 0\n", "gives no epoch of 2 a weight")]
)
def test_an_average_of_nothing_is_refused(store: PatchStore, body: str, says: str) -> None:
    with used(source_of_text(plugin_text("average", body))), pytest.raises(PluginError, match=says):
        check(config(average={"kind": "own"}), store)


def test_an_augmentation_acts_in_training_alone(store: PatchStore) -> None:
    with used(source_of_text(plugin_text("augment", FLIP))):
        reports, found = run(config(augment={"kind": "own"}), store)
    others, plain = run(config(), store)
    assert reports[0].loss != others[0].loss
    assert found.samples_seen == plain.samples_seen

"""Last layers of ordinal losses: what they give, how they start, and what of a network they leave as it is."""

from __future__ import annotations

import pytest
import torch
from coral_pytorch.layers import CoralLayer
from torch import nn

from raysat.config.heads import Head, has_class_scores, head_of, outputs
from raysat.config.schema import Model, variants
from raysat.errors import PlanError, PluginError, TrainingError
from raysat.training.models.build import build, cpu_state
from raysat.training.models.classifiers import CoralClassifier, CosineClassifier
from raysat.training.models.first_look import look_at
from raysat.training.models.last_layer import check_last_layer
from raysat.training.models.rebuild import rebuild, weight_shapes
from tests.helpers.plugins import plugin_text, source_of_text, used
from tests.helpers.training import TINY, config

HEADS: tuple[Head, ...] = ("conditional", "cumulative")
CLASSES = 5


def made(head: Head, name: str = TINY, *, size: tuple[int, int] = (48, 48), **settings: str) -> nn.Module:
    torch.manual_seed(3)
    return build(Model(name=name, **settings), bands=4, classes=CLASSES, size=size, head=head)


def test_two_losses_have_no_score_for_each_class() -> None:
    heads = {kind: head_of(member()) for kind, member in variants("loss").items()}
    assert {kind: head for kind, head in heads.items() if head != "class_scores"} == {
        "corn": "conditional",
        "coral": "cumulative",
    }
    assert [kind for kind, member in variants("loss").items() if not has_class_scores(member())] == ["corn", "coral"]
    assert [outputs(head, CLASSES) for head in ("class_scores", *HEADS)] == [5, 4, 4]
    with used(source_of_text(plugin_text("loss"))) as plugin:
        assert has_class_scores(plugin.settings[0]())


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["resnet18", TINY, "test_efficientnet", "test_convnext", "vit_tiny_patch16_224"])
def test_any_linear_classifier_is_replaced_and_all_else_of_a_seed_stays(name: str, head: Head) -> None:
    plain, network = (made(each, name) for each in ("class_scores", head))
    before, after = plain.state_dict(), network.state_dict()
    changed = {key for key in before if before[key].shape != after[key].shape}
    assert len(changed) == 2  # weight and bias
    assert all(torch.equal(value, after[key]) for key, value in before.items() if key not in changed)
    for key in changed:
        if key.endswith("weight"):
            assert torch.equal(after[key], before[key][: 1 if head == "cumulative" else CLASSES - 1])
    scores = network(torch.randn(3, 4, 48, 48))
    assert scores.shape == (3, CLASSES - 1)
    scores.sum().backward()
    assert all(weight.grad is not None for weight in network.get_classifier().parameters())


def test_coral_starts_and_computes_as_the_authors_layer() -> None:
    torch.manual_seed(0)
    theirs = CoralLayer(7, CLASSES)
    ours = CoralClassifier(theirs.coral_weights.weight.detach(), CLASSES - 1)
    assert torch.equal(ours.bias, theirs.coral_bias)
    features = torch.randn(6, 7)
    torch.testing.assert_close(ours(features), theirs(features))
    assert (made("cumulative")(torch.randn(2, 4, 48, 48)).diff(dim=1) < 0).all()


def test_cosines_may_be_of_steps() -> None:
    network = made("conditional", classifier="cosine")
    (classifier,) = [module for module in network.modules() if isinstance(module, CosineClassifier)]
    assert len(classifier.weight) == CLASSES - 1
    assert network(torch.randn(2, 4, 48, 48)).abs().max() <= 1


def test_the_adapter_takes_an_ordinal_classifier() -> None:
    assert made("cumulative", stem="adapter", size=(51, 51))(torch.randn(2, 4, 51, 51)).shape == (2, CLASSES - 1)


@pytest.mark.parametrize("head", HEADS)
def test_weights_fit_the_head_that_they_were_trained_with_alone(head: Head) -> None:
    network, sizes = made(head), {"bands": 4, "classes": CLASSES, "size": (48, 48)}
    weights = cpu_state(network)
    again = rebuild(Model(name=TINY), weights, **sizes, head=head)
    patches = torch.randn(2, 4, 48, 48)
    torch.testing.assert_close(again.eval()(patches), network.eval()(patches))
    assert weight_shapes(Model(name=TINY), **sizes, head=head) == {k: tuple(v.shape) for k, v in weights.items()}
    for other in {"class_scores", *HEADS} - {head}:
        with pytest.raises(TrainingError, match="the weights do not fit"):
            rebuild(Model(name=TINY), weights, **sizes, head=other)


@pytest.mark.parametrize("head", HEADS)
def test_a_model_without_a_linear_classifier_is_refused(head: Head) -> None:
    kind = "corn" if head == "conditional" else "coral"
    with pytest.raises(PlanError, match=f"loss: {kind} needs a model that ends with a linear classifier") as found:
        check_last_layer(config(model={"name": "resnetv2_50"}, loss={"kind": kind}))
    assert "another loss" in (found.value.hint or "")
    check_last_layer(config(model={"name": "resnet18"}, loss={"kind": kind}))


def test_a_plugins_network_is_asked_for_a_score_for_each_step() -> None:
    body = "    nn = torch.nn\n    return nn.Sequential(nn.Flatten(), nn.Linear(bands * size[0] * size[1], {}))\n"
    sizes = {"bands": 2, "classes": CLASSES, "size": (8, 8), "head": "conditional"}
    with used(source_of_text(plugin_text("model", body.format("classes")))) as plugin:
        network = build(plugin.settings[0](), **sizes)
        assert network(torch.randn(3, 2, 8, 8)).shape == (3, CLASSES - 1)
        look_at(plugin.settings[0](), **sizes)
    with (
        used(source_of_text(plugin_text("model", body.format(CLASSES)))) as plugin,
        pytest.raises(PluginError, match=r"not scores \(2, 4\)"),
    ):
        look_at(plugin.settings[0](), **sizes)

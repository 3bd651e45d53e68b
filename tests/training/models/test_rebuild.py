"""A trained network is built anew with its weights, and only where they are its own."""

import pytest
import torch

from raysat.config.schema import Model
from raysat.errors import PlanError, TrainingError
from raysat.training.models.build import build
from raysat.training.models.rebuild import rebuild

OF = {"bands": 5, "classes": 3, "size": (32, 32)}
MODELS = {
    "native, linear": Model(name="test_resnet"),
    "adapter, cosine": Model(name="test_efficientnet", stem="adapter", classifier="cosine"),
    "of one size of patches": Model(name="test_vit"),
    "with pretrained weights": Model(name="test_resnet", pretrained=True),  # which are not looked for
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_network_comes_back_with_its_weights_and_what_is_derived(model):
    torch.manual_seed(1)
    network = build(model.model_copy(update={"pretrained": False}), **OF)
    again = rebuild(model, network.state_dict(), **OF)
    assert again.state_dict().keys() == network.state_dict().keys()
    patches = torch.randn(2, 5, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(again.eval()(patches), network.eval()(patches), rtol=0, atol=0)
    assert not any(value.is_meta for value in (*again.parameters(), *again.buffers()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fc.bias": None}, "fc.bias is missing"),
        ({"more": torch.zeros(1)}, "it has no 'more'"),
        ({"fc.weight": torch.zeros(3, 7)}, "fc.weight is 3 x 7, not 3 x "),
        ({"bn1.num_batches_tracked": torch.zeros(2)}, "bn1.num_batches_tracked is 2, not one value"),
        ({"fc.bias": torch.zeros(3).to_sparse()}, "fc.bias"),
    ],
)
def test_weights_of_another_network_are_told_from_its_own(change, words):
    model = MODELS["native, linear"]
    weights = build(model, **OF).state_dict() | change
    with pytest.raises(TrainingError, match=f"do not fit test_resnet: .*{words}") as caught:
        rebuild(model, {name: value for name, value in weights.items() if value is not None}, **OF)
    assert "\n" not in caught.value.message


def test_patches_that_a_network_does_not_take_are_refused():
    with pytest.raises(PlanError, match="cannot"):
        rebuild(Model(name="crossvit_9_240"), {}, bands=3, classes=2, size=(224, 224))

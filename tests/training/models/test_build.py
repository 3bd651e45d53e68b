"""Models by name, bands, stem and patch size; and what is said where one cannot be had."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from raysat.config.schema import Model
from raysat.errors import PlanError, TrainingError
from raysat.training import weights
from raysat.training.models import build as models
from raysat.training.models.last_layer import check_last_layer
from tests.helpers.training import TINY, config


@pytest.mark.parametrize("stem", ["native", "adapter"])
@pytest.mark.parametrize(
    ("name", "bands", "size"), [(TINY, 13, (24, 24)), ("test_efficientnet", 1, (32, 20)), (TINY, 3, (65, 65))]
)
def test_any_number_of_bands_gives_one_score_per_class(name: str, bands: int, size: tuple[int, int], stem: str) -> None:
    network = models.build(Model(name=name, stem=stem), bands=bands, classes=5, size=size)
    assert network.training
    assert network(torch.randn(2, bands, *size)).shape == (2, 5)


def test_the_native_stem_is_timms() -> None:
    torch.manual_seed(0)
    ours = models.build(Model(name=TINY), bands=11, classes=4, size=(16, 16))
    torch.manual_seed(0)
    theirs = timm.create_model(TINY, in_chans=11, num_classes=4)
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))


def test_the_adapter_is_the_authors() -> None:
    layers = list(models.adapter(10))
    found = [(type(layer), [tuple(p.shape) for p in layer.parameters()]) for layer in layers]
    # Weights of a transposed convolution are (in, out, k, k); no layer has a bias.
    expected = [(nn.ConvTranspose2d, [(10, 32, 2, 2)]), (nn.Conv2d, [(3, 32, 1, 1)]), (nn.ReLU, [])]
    assert found == expected
    assert models.adapter(10)(torch.zeros(1, 10, 65, 65)).shape == (1, 3, 62, 62)


def test_a_model_of_fixed_size_is_built_for_the_patches() -> None:
    for stem, side in (("native", 48), ("adapter", 51)):  # the adapter takes three pixels
        network = models.build(Model(name="vit_tiny_patch16_224", stem=stem), bands=4, classes=3, size=(side, side))
        assert network(torch.zeros(2, 4, side, side)).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("resnet19", "knows no model 'resnet19'", "resnet18"),
        ("ResNet18", "knows no model", "resnet18"),
        ("qqqqzzzz", "knows no model", "timm.list_models"),
        ("resnet18.bogus", "no pretrained tag 'bogus' of 'resnet18'", "resnet18.a1_in1k"),
        ("test_vit", "cannot take 3 x 65 x 65 patches: .* divisible by patch size", "convolutional"),
    ],
)
def test_a_model_that_cannot_be_is_refused(name: str, message: str, hint: str) -> None:
    with pytest.raises(PlanError, match=message) as found:
        models.build(Model(name=name), bands=3, classes=2, size=(65, 65))
    assert hint in (found.value.hint or "")
    assert found.value.__context__ is None or found.value.__suppress_context__


def test_patches_too_small_for_a_model_are_refused() -> None:
    with pytest.raises(PlanError, match="3 x 2 x 2 patches"):
        models.build(Model(name=TINY, stem="adapter"), bands=3, classes=2, size=(2, 2))


def test_pretrained_weights_offline_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(TrainingError, match="cannot be downloaded") as found:
        models.build(Model(name="resnet18", pretrained=True), bands=3, classes=2, size=(65, 65))
    assert "pretrained: false" in (found.value.hint or "")
    assert found.value.__suppress_context__


def test_pretrained_weights_pass_through_timms_own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def create(name: str, **options: object) -> nn.Module:
        asked.update(options, name=name)
        return nn.Sequential(nn.Flatten(), nn.Linear(7 * 16, 2))

    monkeypatch.setattr(timm, "create_model", create)
    monkeypatch.setattr(weights, "is_cached", lambda name: True)
    models.build(Model(name="resnet18", pretrained=True), bands=7, classes=2, size=(4, 4))
    assert asked == {"name": "resnet18", "pretrained": True, "in_chans": 7, "num_classes": 2}


def test_a_saved_state_is_a_copy() -> None:
    network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    state = models.cpu_state(network)
    before = network.weight.detach().clone()
    network.weight.data.zero_()
    torch.testing.assert_close(state["weight"], before)
    assert state["weight"].is_contiguous()
    assert models.parameter_count(network) == 4 * 3 * 9 + 4


def test_a_model_without_a_linear_classifier_is_refused_without_building_it() -> None:
    cosine = {"classifier": "cosine"}
    check_last_layer(config(model={"name": "resnet18"} | cosine))
    with pytest.raises(PlanError, match="needs a model that ends with a linear classifier"):
        check_last_layer(config(model={"name": "levit_128s"} | cosine))


@pytest.mark.parametrize("stem", ["native", "adapter"])
def test_a_cosine_arm_starts_from_the_weights_of_the_linear_one(stem: str) -> None:
    states = []
    for classifier in ("linear", "cosine"):
        torch.manual_seed(0)
        model = Model.model_validate({"name": "test_resnet", "stem": stem, "classifier": classifier})
        states.append(models.build(model, bands=4, classes=3, size=(32, 32)).state_dict())
    differ = [name for name, value in states[1].items() if not torch.equal(value, states[0][name])]
    assert differ == [name for name in states[1] if name.endswith("fc.weight")]

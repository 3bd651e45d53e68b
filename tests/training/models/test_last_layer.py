"""The last layer of a network, and timm's model in it, are found wherever they are."""

from __future__ import annotations

from torch import nn

from raysat.training.models import build as models
from raysat.training.models.backbone import placed_backbone
from raysat.training.models.last_layer import placed_last_layer
from tests.helpers.training import config


def test_a_classifier_is_found_behind_an_adapter_too() -> None:
    for stem in ("native", "adapter"):
        for classifier in ("linear", "cosine"):
            model = config(model={"stem": stem, "classifier": classifier}).model
            network = models.build(model, bands=4, classes=3, size=(32, 32))
            prefix, backbone = placed_backbone(network)
            assert prefix == ("" if stem == "native" else "backbone.")
            assert network.get_submodule(f"{prefix}conv1") is backbone.conv1
            place, _ = placed_last_layer(network)
            assert place == f"{prefix}fc"
    assert placed_last_layer(nn.Sequential(nn.Flatten(), nn.Linear(4, 2))) is None

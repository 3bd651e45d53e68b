"""The last layer of a network is found wherever it is."""

from __future__ import annotations

from torch import nn

from raysat.training.models import build as models
from raysat.training.models.last_layer import placed_last_layer
from tests.helpers.training import config


def test_a_classifier_is_found_behind_an_adapter_too() -> None:
    for stem in ("native", "adapter"):
        for classifier in ("linear", "cosine"):
            model = config(model={"stem": stem, "classifier": classifier}).model
            place, _ = placed_last_layer(models.build(model, bands=4, classes=3, size=(32, 32)))
            assert place == ("fc" if stem == "native" else "backbone.fc")
    assert placed_last_layer(nn.Sequential(nn.Flatten(), nn.Linear(4, 2))) is None

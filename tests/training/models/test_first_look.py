"""A plugin's model before a run: what only numbers show is found where it is small, and a large one is never made."""

from __future__ import annotations

import pytest
import torch

from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Config
from raysat.errors import PluginError
from raysat.training.models import first_look
from raysat.training.models.first_look import look_at
from tests.helpers.plugins import plugin_text, source_of_text, used

NAN = "    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(bands * 480, classes))\n"
NAN += "    net[1].weight.data.fill_(float('nan'))\n    return net\n"


def own(body: str | None) -> ModelSettings:
    with used(source_of_text(plugin_text("model", body))):
        model = Config.model_validate({"model": {"kind": "own"}}).model
    assert isinstance(model, ModelSettings)
    return model


def look(model: ModelSettings) -> None:
    look_at(model, bands=5, classes=3, size=(24, 20))


def test_scores_that_are_not_finite_are_found_in_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PluginError, match=r"own.py:12: model: own gives nan of empty 5 x 24 x 20 patches"):
        look(own(NAN))
    monkeypatch.setattr(first_look, "_MOST", 5 * 480 * 3 + 2)  # one less than it has
    look(own(NAN))


def test_a_large_one_is_looked_at_without_its_weights() -> None:
    """Which no memory would hold."""
    look(own("    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(bands * 480, 10**12),\n"
             "        torch.nn.Linear(10**12, classes))\n"))  # fmt: skip


def test_no_number_is_drawn() -> None:
    before = torch.get_rng_state()
    look(own(None))
    assert torch.equal(torch.get_rng_state(), before)

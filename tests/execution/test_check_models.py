"""Models that cannot be built with the loss of their arm are refused before Ray starts."""

from __future__ import annotations

import pytest

from raysat.errors import PlanError, PluginError
from raysat.execution.check_models import check_models
from tests.helpers.plugins import plugin_text, source_of_text, used
from tests.helpers.training import MakeStore, config


@pytest.mark.parametrize("loss", ["corn", "coral"])
def test_an_ordinal_loss_needs_a_linear_classifier(make_store: MakeStore, loss: str) -> None:
    store, ordinal = make_store(), {"loss": {"kind": loss}}
    check_models([config(), config(**ordinal), config(model={"name": "resnetv2_50"})], store)
    with pytest.raises(PlanError, match="needs a model that ends with a linear classifier, which 'resnetv2_50'"):
        check_models([config(), config(model={"name": "resnetv2_50"}, **ordinal)], store)


def test_a_plugins_network_is_tried_with_the_scores_of_each_loss(make_store: MakeStore) -> None:
    body = "    nn = torch.nn\n    return nn.Sequential(nn.Flatten(), nn.Linear(bands * size[0] * size[1], 3))\n"
    store = make_store()  # of three classes
    with used(source_of_text(plugin_text("model", body))) as plugin:
        plain = config().model_copy(update={"model": plugin.settings[0]()})
        check_models([plain], store)
        with pytest.raises(PluginError, match=r"not scores \(2, 2\)"):
            check_models([plain, plain.model_copy(update={"loss": config(loss={"kind": "corn"}).loss})], store)

"""Models that cannot be built with the loss of their arm are refused before Ray starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raysat.errors import PlanError, PluginError
from raysat.execution.check_models import check_models
from tests.helpers.plugins import plugin_text, source_of_text, used
from tests.helpers.satellite import band_names, make_store, save_file, trained, without_classifier
from tests.helpers.training import TINY, MakeStore, config


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


BANDS = ("B02", "B03", "B04")


def test_weights_that_no_training_could_start_from_are_refused_and_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path / "store", band_names("sentinel2"))
    state = without_classifier(trained(TINY, 3))
    path = save_file(tmp_path, state, bands=BANDS, sensor="sentinel2", std=10_000)
    model, reads = {"weights": str(path)}, []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *given, **options: (reads.append(1), load(*given, **options))[1])
    arms = [{"model": model}, {"model": model | {"trains": "head"}}, {"model": model, "data": {"bands": ["B02"]}}]
    check_models([config(**arm) for arm in arms], store)
    assert len(reads) == 1
    other = {"model": model | {"name": "resnet18"}}
    with pytest.raises(PlanError, match=r"^model.weights: .*weights.pth does not fit the network: the network has no"):
        check_models([config(**arm) for arm in [*arms, other]], store)
    save_file(tmp_path, state, bands=(*BANDS, "B08"), sensor="sentinel2", std=10_000)
    with pytest.raises(PlanError, match=r"does not fit the network: .* is \d+ x 3 x 3 x 3, not \d+ x 4 x 3 x 3"):
        check_models([config(**arms[0])], store)
    path.write_text("no weights")
    with pytest.raises(PlanError, match="holds no weights that can be read") as found:
        check_models([config(**arms[0])], store)
    assert found.value.exit_code == 2


def test_which_of_several_misfits_is_told_does_not_depend_on_their_order(tmp_path: Path) -> None:
    store, state = make_store(tmp_path / "store", BANDS), without_classifier(trained(TINY, 3))
    told = []
    for extra in (("b.x", "a.x"), ("a.x", "b.x")):
        path = save_file(tmp_path, state | dict.fromkeys(extra, torch.ones(1)), bands=BANDS)
        with pytest.raises(PlanError, match=r"the network has no 'a\.x'") as found:
            check_models([config(model={"weights": str(path)})], store)
        told.append(str(found.value))
    assert told[0] == told[1]

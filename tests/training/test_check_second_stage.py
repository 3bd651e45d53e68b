"""Second stages that cannot go on from the first one are refused, before anything is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.errors import PlanError
from raysat.execution.check_models import check_models
from raysat.training.check import check
from raysat.training.loop import Training
from raysat.training.models import last_layer
from tests.helpers.plugins import plugin_text, source_of_text, used
from tests.helpers.training import MakeStore, config, run

OPTIM = {"kind": "adam", "epochs": 2, "batch_size": 8}


def second(kind: str) -> dict[str, Any]:
    return {"second_stage": {"kind": kind, "epochs": 2}}


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store()


@pytest.mark.parametrize(
    ("kind", "parts", "message"),
    [
        ("crt", {"average": {"kind": "ema"}}, "average: ema would be read"),
        ("lws", {"model": {"classifier": "cosine"}}, "does not go by their length"),
        ("mislas", {"model": {"classifier": "cosine"}}, "does not go by their length"),
    ],
)
def test_what_cannot_go_on_is_refused(store: PatchStore, kind: str, parts: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message) as found:
        check(config(**parts, **second(kind)), store)
    assert found.value.hint


def test_methods_of_plugins_that_cannot_go_on_are_refused(store: PatchStore) -> None:
    with used(source_of_text(plugin_text("model"))), pytest.raises(PlanError, match="model: own is of a plugin"):
        check(Config.model_validate({"model": {"kind": "own"}, "optim": OPTIM, **second("crt")}), store)
    posterior = "@loss(Own, posterior=lambda settings, logits_BK: 2 * logits_BK)"
    with used(source_of_text(plugin_text("loss").replace("@loss(Own)", posterior))):
        check(config(loss={"kind": "own"}, **second("crt")), store)
        with pytest.raises(PlanError, match="loss: own has a posterior that is another function"):
            check(config(loss={"kind": "own"}, **second("lws")), store)
    with used(source_of_text(plugin_text("loss"))):
        own = config(loss={"kind": "own"}, optim=OPTIM, **second("lws"))
        check(own, store)
        assert np.isfinite(run(own, store)[1].probabilities).all()


def test_models_without_a_linear_classifier_are_refused(store: PatchStore) -> None:
    with pytest.raises(PlanError, match="second_stage: lws needs a model that ends with a linear classifier"):
        check_models([config(model={"name": "levit_128s"}, **second("lws"))], store)
    check_models([config(**second("lws")), config(model={"classifier": "cosine"}, **second("crt"))], store)


def test_they_are_refused_before_the_first_stage_where_nobody_looked(store: PatchStore, monkeypatch) -> None:
    monkeypatch.setattr(last_layer, "placed_last_layer", lambda network: None)
    with pytest.raises(PlanError, match="needs a model that ends with a linear classifier"):
        Training(Trial(config=config(**second("lws")), seed=0), store)

"""Influence-balanced loss: what it looks at, when it acts, and what it cannot be used with."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.errors import PlanError
from raysat.planning.jobs import plan_trial
from raysat.planning.resolve import resolve_config
from raysat.training import influence
from raysat.training.check import check
from raysat.training.models import build as models
from raysat.training.models.last_layer import check_last_layer, last_layer
from tests.helpers.plugins import plugin_text, source_of_text, used
from tests.helpers.training import MakeStore, config, run

IB = {"kind": "influence_balanced", "alpha": 10.0}


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store()


def test_gradients_flow_through_the_influence_as_in_the_authors_code() -> None:
    torch.manual_seed(0)
    features, weight = torch.randn(6, 5), torch.randn(3, 5)
    labels = torch.tensor([0, 1, 2, 2, 0, 1])

    def ours(features: torch.Tensor) -> torch.Tensor:
        logits = features @ weight.T.to(features.dtype)
        nats = F.cross_entropy(logits, labels, reduction="none")
        return influence.balanced(nats, logits, labels, features.abs().sum(1), alpha=7.0)

    assert torch.autograd.gradcheck(ours, (features.double().requires_grad_(),))


def test_it_stays_finite_at_extremes() -> None:
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4], [0.0, 0.0]], requires_grad=True)
    norms = torch.tensor([0.0, 1e4, 0.0], requires_grad=True)
    labels = torch.tensor([0, 0, 1])
    found = influence.balanced(F.cross_entropy(logits, labels, reduction="none"), logits, labels, norms, alpha=1.0)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(norms.grad).all()


@pytest.mark.parametrize("stem", ["native", "adapter"])
@pytest.mark.parametrize("classifier", ["linear", "cosine"])
def test_features_are_what_the_last_layer_is_given(stem: str, classifier: str) -> None:
    own = config(model={"stem": stem, "classifier": classifier}).model
    network = models.build(own, bands=2, classes=3, size=(16, 16)).eval()
    last = last_layer(network)
    with influence.feature_norms(last) as found, torch.no_grad():
        scores = network(torch.randn(4, 2, 16, 16))
    assert scores.shape == (4, 3)
    assert [norms.shape for norms in found] == [(4,)]
    assert not last._forward_pre_hooks  # looked at within alone
    with influence.feature_norms(None) as none:
        network(torch.randn(4, 2, 16, 16))
    assert none == []


def test_epochs_before_the_switch_are_those_of_the_arm_without(store: PatchStore) -> None:
    parts = {"optim": {"epochs": 4}}
    plain, deferred, at_once = (
        plan_trial(Trial(config=resolve_config(config(**parts, reweight=reweight), store), seed=0), store, arm="a")
        for reweight in ({"kind": "none"}, IB, IB | {"switch": 0.0})
    )
    assert plain.states[:3] == deferred.states[:3]
    assert len({plain.states[3], deferred.states[3], at_once.states[3]}) == 3
    assert at_once.states[1] != plain.states[1]
    (reports, _), (others, _) = (run(config(**parts, reweight=each), store) for each in ({"kind": "none"}, IB))
    same = [one.loss == other.loss for one, other in zip(reports, others, strict=True)]
    assert same == [True, True, False, False]


def test_what_has_no_features_to_look_at_is_refused(store: PatchStore) -> None:
    with (
        pytest.raises(PlanError, match="needs the features before the classifier"),
        used(source_of_text(plugin_text("model"))),
    ):
        check(Config.model_validate({"model": {"kind": "own"}, "reweight": IB}), store)
    with pytest.raises(PlanError, match="influence_balanced needs a model that ends with a linear classifier"):
        check_last_layer(config(model={"name": "levit_128s"}, reweight=IB))
    with pytest.raises(PlanError, match="influence_balanced is of a score for each class"):
        check(config(reweight=IB, loss={"kind": "corn"}), store)
    with pytest.raises(PlanError, match=r"reweight\.switch is 1"):
        check(config(reweight=IB | {"switch": 1.0}), store)

"""The cosine classifier: what it computes, how it starts, and where it goes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity
from torch import nn

from raysat.config.schema import Model
from raysat.errors import PlanError
from raysat.training.models import build as models
from raysat.training.models.classifiers import CosineClassifier
from raysat.training.models.last_layer import make_cosine
from tests.helpers.training import TINY


def test_scores_are_the_cosines_of_features_and_class_vectors() -> None:
    torch.manual_seed(0)
    head, features = CosineClassifier(20, 5), torch.randn(7, 20) * 40
    expected = cosine_similarity(features.numpy(), head.weight.detach().numpy())
    np.testing.assert_allclose(head(features).detach(), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(head(features), head(features / 1000))
    assert torch.isfinite(head(torch.zeros(2, 20))).all()


def test_class_vectors_start_as_in_the_papers_code() -> None:
    features, classes = 30, 400
    torch.manual_seed(0)
    ours = CosineClassifier(features, classes).weight
    torch.manual_seed(0)
    theirs = torch.empty(classes, features).uniform_(-1, 1)
    theirs = theirs.t().renorm_(2, 1, 1e-5).mul_(1e5).t()  # NormedLinear, whose weight is (features, classes)
    torch.testing.assert_close(ours.detach(), theirs)


def test_scores_are_exact_under_autocast() -> None:
    head, features = CosineClassifier(64, 3), torch.randn(8, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head(features)
    torch.testing.assert_close(found, head(features))


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["native", "adapter"])
@pytest.mark.parametrize("name", ["resnet18", TINY, "test_efficientnet", "test_convnext", "vit_tiny_patch16_224"])
def test_a_models_linear_classifier_is_replaced(name: str, stem: str) -> None:
    side = 51 if stem == "adapter" else 48
    size = (side, side)
    linear = models.build(Model(name=name, stem=stem), bands=4, classes=5, size=size)
    network = models.build(Model(name=name, stem=stem, classifier="cosine"), bands=4, classes=5, size=size)
    heads = [module for module in network.modules() if isinstance(module, CosineClassifier)]
    assert len(heads) == 1
    replaced = [module for module in linear.modules() if isinstance(module, nn.Linear)][-1]
    assert heads[0].weight.shape == replaced.weight.shape
    assert models.parameter_count(linear) - models.parameter_count(network) == len(replaced.bias)
    seen = []
    heads[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    scores = network(torch.randn(3, 4, *size))
    expected = cosine_similarity(seen[0].detach().numpy(), heads[0].weight.detach().numpy())
    np.testing.assert_allclose(scores.detach(), expected, rtol=1e-4, atol=1e-6)
    scores.sum().backward()
    assert heads[0].weight.grad.abs().sum() > 0


def test_equal_seeds_start_equal_cosine_classifiers() -> None:
    heads = []
    for _ in range(2):
        torch.manual_seed(5)
        network = models.build(Model(name=TINY, classifier="cosine"), bands=3, classes=4, size=(16, 16))
        heads.append(network.get_classifier().weight)
    torch.testing.assert_close(*heads, rtol=0, atol=0)


def test_a_model_without_a_linear_classifier_is_refused() -> None:
    with pytest.raises(PlanError, match=r"model\.classifier: cosine needs .* which 'resnetv2_50' does not") as found:
        models.build(Model(name="resnetv2_50", classifier="cosine"), bands=3, classes=2, size=(32, 32))
    assert "classifier: linear" in (found.value.hint or "")
    with pytest.raises(PlanError, match="which 'mine' does not"):
        make_cosine(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), "mine")

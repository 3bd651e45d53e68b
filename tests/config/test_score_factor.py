"""What scores are multiplied by is said once, and is what the posterior of every loss is computed with."""

from __future__ import annotations

import pytest
import torch

from raysat.config.schema import Config, variants
from raysat.config.score_factor import score_factor
from raysat.training.losses import posterior_logits


@pytest.mark.parametrize("classifier", ["linear", "cosine"])
@pytest.mark.parametrize("kind", variants("loss"))
def test_the_posterior_is_that_multiple_of_the_scores_or_another_function(kind: str, classifier: str) -> None:
    config = Config.model_validate({"loss": {"kind": kind}, "model": {"classifier": classifier}})
    scores, factor = torch.randn(7, 3, generator=torch.Generator().manual_seed(5)), score_factor(config)
    if kind in ("corn", "coral"):
        assert factor is None
    else:
        assert factor == (30.0 if kind == "ldam" or classifier == "cosine" else 1.0)
        assert torch.equal(posterior_logits(config, scores), factor * scores)
        assert torch.equal(posterior_logits(config, scores.bfloat16()), factor * scores.bfloat16().float())


def test_ldams_own_scale_holds_for_cosines_too() -> None:
    loss = {"kind": "ldam", "scale": 0.3}
    for classifier in ("linear", "cosine"):
        assert score_factor(Config.model_validate({"loss": loss, "model": {"classifier": classifier}})) == 0.3

"""Label-aware smoothing: how much is spread of each class's labels, and the loss of what is left."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from raysat.training.label_aware import smoothing_by_class
from raysat.training.soft_targets import smoothed

COUNTS = st.lists(st.integers(1, 100_000), min_size=2, max_size=8).map(np.array)


@given(counts=COUNTS, tail=st.floats(0, 0.4), more=st.floats(0, 0.5))
def test_larger_classes_are_smoothed_more_between_the_bounds(counts: np.ndarray, tail: float, more: float) -> None:
    head = tail + more
    spread = smoothing_by_class(counts, head=head, tail=tail)
    assert spread[counts.argmax()] == pytest.approx(head)
    if np.ptp(counts):
        assert spread[counts.argmin()] == pytest.approx(tail)
    assert (np.diff(spread[np.argsort(counts, kind="stable")]) >= -1e-12).all()
    middle = tail + more * (counts - counts.min()) / max(1, np.ptp(counts))
    assert (spread >= middle - 1e-12).all()  # concave: above the straight line


@given(counts=COUNTS)
def test_bounds_that_are_equal_hold_for_all(counts: np.ndarray) -> None:
    np.testing.assert_allclose(smoothing_by_class(counts, head=0.2, tail=0.2), 0.2)


def test_equal_shares_are_pytorchs_label_smoothing() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(32, 5) * 4, torch.randint(0, 5, (32,))
    expected = F.cross_entropy(logits, labels, label_smoothing=0.3, reduction="none")
    torch.testing.assert_close(smoothed(logits, labels, torch.full((32,), 0.3), torch.ones(5)), expected)


def test_gradients() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(7, 4, dtype=torch.float64, requires_grad=True), torch.randint(0, 4, (7,))
    spread, ones = torch.tensor([0.3, 0.2, 0.1, 0.0], dtype=torch.float64)[labels], torch.ones(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda each: smoothed(each, labels, spread, ones), logits)

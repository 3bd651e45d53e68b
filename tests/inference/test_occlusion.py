"""Occlusion maps of a planted model that reads one corner of a patch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from raysat.config.schema import Config
from raysat.data.model_inputs import ModelInputs
from raysat.data.store import PatchStore
from raysat.inference.classifier import Classifier
from raysat.inference.occlusion import cost, occluded, occlusion_subject, places
from raysat.storage.explanations import Occlusion
from raysat.training.patches import Scale

CPU = torch.device("cpu")


class ReadsACorner(nn.Module):
    """Scores the first class by how much of rows 2 to 5, columns 20 to 23, is not zero: not covered."""

    def forward(self, patches: Tensor) -> Tensor:
        seen = (patches[:, 0, 2:6, 20:24].abs() > 1e-4).float().mean(dim=(1, 2))
        return torch.stack([4 * seen - 2, torch.zeros_like(seen), torch.full_like(seen, -9.0)], dim=1)


def planted(store: PatchStore) -> Classifier:
    inputs, classes = ModelInputs.of(store, store.bands), store.classes
    network, scale = ReadsACorner(), Scale.from_stats(inputs.stats, CPU)
    return Classifier(config=Config(), inputs=inputs, classes=classes, network=network, device=CPU, scale=scale)


def test_heat_lies_where_the_model_looks(landsat_store: PatchStore) -> None:
    model = planted(landsat_store)
    subject = occlusion_subject(model.inputs, (0, 1, 4))
    assert (subject.mask, subject.stride) == (6, 2)
    seen: list[int] = []
    heat = occluded(model, landsat_store, subject, seen.append)
    np.testing.assert_array_equal(heat.labels, [0, 0, 0])
    np.testing.assert_allclose(heat.probability, np.exp(2) / (np.exp(2) + 1 + np.exp(-9)), atol=0.05)
    drop = heat.drop.reshape(3, 32, 32)
    reach = np.zeros((32, 32), bool)
    reach[:12, 14:30] = True  # what a square of 6 pixels can cover together with the corner
    assert np.abs(drop[:, ~reach]).max() < 1e-6
    inside = drop[:, 2:6, 20:24].mean(axis=(1, 2))
    assert (inside > 0.3).all()
    assert (inside > 2 * drop[:, reach].mean(axis=1)).all()
    assert sum(seen) == cost(subject)


@given(side=st.integers(1, 70), mask=st.integers(1, 70), stride=st.integers(1, 9))
def test_every_pixel_is_covered(side: int, mask: int, stride: int) -> None:
    mask, stride = min(mask, side), min(stride, mask)
    begins = places(side, mask, stride)
    assert sorted(set(begins)) == begins
    covered = {pixel for begin in begins for pixel in range(begin, begin + mask)}
    assert covered == set(range(side))


def bad() -> Iterator[dict[str, object]]:
    good = {"positions": (1, 2), "mask": 3, "stride": 1, "height": 8, "width": 8}
    for change in ({"positions": ()}, {"positions": (1, 1)}, {"positions": (-1,)}, {"mask": 9}, {"stride": 0}):
        yield {**good, **change}


@pytest.mark.parametrize("fields", list(bad()))
def test_squares_that_cannot_be_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Occlusion(**fields)

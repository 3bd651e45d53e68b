"""AugMix's kernel on a GPU, beside the same operations one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raysat.config.families.images import AugMix
from raysat.training.augment import augmix, augmix_fused
from raysat.training.step_inputs import to_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")

CUDA = torch.device("cuda")


def test_it_works_here() -> None:
    assert augmix_fused.fault(CUDA) is None
    assert augmix_fused.works_on(CUDA)


@pytest.mark.parametrize("jsd", [True, False])
@pytest.mark.parametrize(("bands", "height", "width"), [(11, 65, 65), (3, 64, 48), (1, 200, 130)])
def test_views_are_those_of_the_batch(bands: int, height: int, width: int, jsd: bool) -> None:
    """But for pixels that a warp left on the edge of a level."""
    rng = np.random.default_rng(bands)
    unit = torch.from_numpy(rng.random((8, bands, height, width), dtype=np.float32)).to(CUDA)
    drawn = augmix.draw(AugMix(jsd=jsd), 8, rng)
    expected = augmix.augmented_views(unit, to_device(augmix.chains(drawn, height=height, width=width), CUDA))
    table = to_device(augmix.chain_table(drawn, height=height, width=width), CUDA)
    found = augmix_fused.augmented_views(unit, table)
    assert ((found - expected).abs() > 1e-4).float().mean() < 1e-3
    assert torch.equal(augmix_fused.augmented_views(unit, table), found)


def test_it_can_be_recorded() -> None:
    rng = np.random.default_rng(0)
    units = [torch.from_numpy(rng.random((4, 11, 65, 65), dtype=np.float32)).to(CUDA) for _ in range(2)]
    table = to_device(augmix.chain_table(augmix.draw(AugMix(), 4, rng), height=65, width=65), CUDA)
    expected = [augmix_fused.augmented_views(unit, table) for unit in units]
    room, graph = units[0].clone(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = augmix_fused.augmented_views(room, table)
    for unit, views in zip(units, expected, strict=True):
        room.copy_(unit)
        graph.replay()
        assert torch.equal(found, views)

"""AugMix patch after patch, beside whole batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raysat.config.families.images import AugMix
from raysat.training import batch
from raysat.training.augment import augmix, augmix_by_patch
from raysat.training.patches import Scale
from raysat.training.step_inputs import Chains


def scale_of(bands: int) -> Scale:
    columns = torch.linspace(1, 2, 4 * bands).view(4, bands, 1, 1)
    return Scale(mean=100 * columns[0], std=50 * columns[1], low=5 * columns[2], span=240 * columns[3])


def of_batch(patches: torch.Tensor, scale: Scale, chains: Chains) -> torch.Tensor:
    return scale.normalise(scale.from_unit(augmix.augmented_views(scale.to_unit(patches), chains)))


@given(
    seed=st.integers(0, 2**32 - 1),
    bands=st.sampled_from([1, 3, 11]),
    size=st.tuples(st.integers(3, 24), st.integers(3, 24)),
    name=st.sampled_from(augmix.OPERATIONS),
)
@settings(max_examples=80)
def test_every_operation_is_the_same(seed: int, bands: int, size: tuple[int, int], name: str) -> None:
    """Levels to the bit, warps to rounding; shifts are exact here, and interpolated at whole pixels there."""
    rng, once = np.random.default_rng(seed), (4, 1, 1, 1)
    drawn = augmix.Draw(
        operation=np.full(once, augmix.OPERATIONS.index(name)),
        level=rng.choice((-1, 1)) * rng.uniform(0.1, 10, once),
        depth=np.ones(once[:3], dtype=np.int64),
        chain_weight=np.ones(once[:3]),
        mixed_weight=np.ones(once[:2]),
    )
    patches = torch.from_numpy(rng.integers(0, 256, (4, bands, *size)).astype(np.float32))
    chains, scale = augmix.chains(drawn, height=size[0], width=size[1]), scale_of(bands)
    found = augmix_by_patch.views(patches, scale, chains, with_clean=False)
    slack = {"translate": 1e-3, "rotate": 1e-5, "shear": 1e-5}.get(name.split("_", maxsplit=1)[0], 0.0)
    torch.testing.assert_close(found, of_batch(patches, scale, chains), rtol=0, atol=slack)


@pytest.mark.parametrize("jsd", [True, False])
@pytest.mark.parametrize(("width", "depth", "severity"), [(3, 3, 3), (1, 1, 10), (4, 2, 1)])
def test_views_are_those_of_the_batch_and_the_clean_patch_comes_first(
    jsd: bool, width: int, depth: int, severity: int
) -> None:
    rng = np.random.default_rng(depth)
    patches = torch.from_numpy(rng.integers(0, 256, (6, 5, 21, 17)).astype(np.float32))
    before, scale = patches.clone(), scale_of(5)
    drawn = augmix.draw(AugMix(jsd=jsd, width=width, depth=depth, severity=severity), 6, rng)
    chains = augmix.chains(drawn, height=21, width=17)
    found = augmix_by_patch.views(patches, scale, chains, with_clean=jsd)
    assert found.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(patches, before)
    if jsd:
        assert torch.equal(found[0], scale.normalise(patches))
    off = (found[int(jsd) :] - of_batch(patches, scale, chains)).abs()
    # A pixel that is interpolated to the edge of a level may fall on its other side.
    assert off.quantile(0.99) < 1e-3


@pytest.mark.parametrize(("bands", "is_by_patch"), [(3, False), (11, True)])
def test_large_patches_alone_are_taken_one_by_one(bands: int, is_by_patch: bool) -> None:
    rng, member, scale = np.random.default_rng(0), AugMix(), scale_of(bands)
    patches = torch.from_numpy(rng.integers(0, 256, (2, bands, 65, 65)).astype(np.float32))
    chains = augmix.chains(augmix.draw(member, 2, rng), height=65, width=65)
    found = batch.views(member, patches, scale, chains, by_patch=True)
    expected = (
        augmix_by_patch.views(patches, scale, chains, with_clean=True)
        if is_by_patch
        else batch.views(member, patches, scale, chains)
    )
    assert torch.equal(found, expected)


def test_a_shift_out_of_sight_leaves_nothing() -> None:
    steps = ((empty(3), empty(0), augmix.Rows(torch.tensor([1]), torch.tensor([[1.0, 0, 9, 0, 1, 0]]))),)
    chains = Chains(weights_bVW=torch.tensor([[[0.0, 1.0]]]), steps=steps)
    ones = Scale(mean=torch.zeros(1), std=torch.ones(1), low=torch.zeros(1), span=torch.ones(1))
    assert not augmix_by_patch.views(torch.ones(1, 1, 4, 4), ones, chains, with_clean=False).any()


def empty(parameters: int) -> augmix.Rows:
    return augmix.Rows(torch.zeros(0, dtype=torch.int64), torch.zeros(0, parameters))

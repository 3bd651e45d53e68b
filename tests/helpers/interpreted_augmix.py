"""Compares AugMix's kernel with ``augmix.py`` on the CPU, by Triton's interpreter; writes what it found as JSON.

    TRITON_INTERPRET=1 python -m tests.helpers.interpreted_augmix

The interpreter must be chosen before Triton is imported, and so in a process of its own.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from typing import Any

import numpy as np
import torch

from raysat.config.families.images import AugMix
from raysat.training import batch
from raysat.training.augment import augmix, augmix_fused
from raysat.training.patches import Scale

MEMBERS = {
    "as in the paper": AugMix(),
    "deep": AugMix(width=1, depth=4, severity=10),
    "wide": AugMix(width=4, depth=1, severity=10),
    "one view": AugMix(jsd=False),
}


def once(name: str, patches: int, level: float) -> augmix.Draw:
    """One operation for each patch, and nothing of the patch itself."""
    shape = (patches, 1, 1, 1)
    return augmix.Draw(
        operation=np.full(shape, augmix.OPERATIONS.index(name)),
        level=np.full(shape, level),
        depth=np.ones(shape[:3], dtype=np.int64),
        chain_weight=np.ones(shape[:3]),
        mixed_weight=np.ones(shape[:2]),
    )


def difference(unit: torch.Tensor, drawn: augmix.Draw) -> torch.Tensor:
    size = {"height": unit.shape[2], "width": unit.shape[3]}
    expected = augmix.augmented_views(unit, augmix.chains(drawn, **size))
    found = augmix_fused.augmented_views(unit, augmix.chain_table(drawn, **size))
    assert found.shape == expected.shape
    assert ((found >= 0) & (found <= 1)).all()
    return (found - expected).abs()


def of_operations() -> dict[str, float]:
    """The largest difference of each, of patches with more than a block of pixels, few pixels, and one level a band."""
    rng, found = np.random.default_rng(1), {}
    levels = (rng.integers(0, 256, (1, 2, 37, 41)), rng.integers(0, 256, (2, 3, 9, 7)))
    pictures = (*levels, np.full((1, 1, 37, 41), 77), np.full((1, 1, 1, 1), 255))
    for name in augmix.OPERATIONS:
        for picture in pictures:
            unit = torch.from_numpy(picture.astype(np.float32) / np.float32(255))
            for level in (-10.0, 7.3):
                off = difference(unit, once(name, len(unit), level)).max().item()
                found[name] = max(found.get(name, 0.0), off)
    return found


def of_chains(member: AugMix) -> float:
    """How many pixels of whole views differ by more than rounding: such as lie on the edge of a level."""
    rng = np.random.default_rng(2)
    unit = torch.from_numpy(rng.random((3, 2, 33, 40), dtype=np.float32))
    return float((difference(unit, augmix.draw(member, 3, rng)) > 1e-4).float().mean())


def of_views() -> float:
    """The largest difference of what a network sees, with the patch as it is first."""
    rng, columns = np.random.default_rng(3), torch.linspace(1, 2, 8).view(4, 2, 1, 1)
    scale = Scale(mean=100 * columns[0], std=50 * columns[1], low=5 * columns[2], span=240 * columns[3])
    patches = torch.from_numpy(rng.integers(0, 256, (2, 2, 20, 24)).astype(np.float32))
    drawn = once("solarize", 2, 5.0)
    written = (write(drawn, height=20, width=24) for write in (augmix.chains, augmix.chain_table))
    expected, found = (batch.views(AugMix(), patches, scale, each) for each in written)
    assert torch.equal(found[0], scale.normalise(patches))
    return float((found - expected).abs().max())


def causes() -> dict[str, str | None]:
    """What is said of a kernel that works, of one that cannot be compiled, and of one that computes something else."""
    kernel, cpu = augmix_fused._kernel, torch.device("cpu")
    found = {"works": augmix_fused.fault(cpu)}

    def missing() -> Any:
        raise RuntimeError("no C compiler\nwas found")

    def filling(value: float) -> Any:
        by_grid = defaultdict(lambda: lambda *tensors, **_: tensors[5].fill_(value))
        return lambda: by_grid

    for name, other in (("missing", missing), ("zeros", filling(0.0)), ("not a number", filling(math.nan))):
        augmix_fused._kernel = other
        found[name] = augmix_fused.fault(cpu)
    augmix_fused._kernel = kernel
    return found


if __name__ == "__main__":
    chains = {name: of_chains(member) for name, member in MEMBERS.items()}
    sys.stdout.write(
        json.dumps({"operations": of_operations(), "chains": chains, "views": of_views(), "causes": causes()})
    )

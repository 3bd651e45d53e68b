"""How many chips that a model is measured on overlap with chips that it is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rasterio.crs import CRS
from scipy.spatial import cKDTree

from raysat.data.chips.cuts import SceneHead
from raysat.data.scenes.grid import to_crs, to_map
from raysat.data.splits import SPLITS
from raysat.data.store import PatchStore


def overlapping(store: PatchStore, scenes: Sequence[SceneHead], size: int) -> int:
    """Count patches of val and test that share ground with one of train, across scenes too.

    Args:
        store: of chips.
        scenes: that they were cut from.
        size: rows and columns of a chip.

    Returns:
        The number of such patches; chips of another scene count where their centres are less than a chip apart.
    """
    places = store.places
    if places is None:
        return 0
    by_name = {scene.name[:200]: scene.grid for scene in scenes}
    first = next(iter(by_name.values()))
    pixels = np.full((len(store), 2), np.inf)
    for number, scene in enumerate(places.scenes):
        rows = np.flatnonzero(places.scene == number)
        there = to_crs(CRS.from_user_input(scene.crs), first.crs, places.x[rows], places.y[rows])
        pixels[rows] = np.column_stack(to_map(~first.transform, *there))
    known = np.isfinite(pixels).all(axis=1)
    training = known & (store.splits == SPLITS.index("train"))
    others = known & ~training
    if not others.any() or not training.any():
        return 0
    apart, _ = cKDTree(pixels[training]).query(pixels[others], p=np.inf, distance_upper_bound=size - 0.5)
    return int(np.isfinite(apart).sum())

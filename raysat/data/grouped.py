"""The groups of a store, and how near its reported patches are to those that it trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.data.geodesy import blocks, in_space, longitude_latitude, nearest
from raysat.data.groups import DEFAULT_BLOCK, Grouping, Groups, from_scenes
from raysat.data.patch_store import PatchStore
from raysat.errors import DataError

NEAR: Final = 1000.0  # metres: a patch that is nearer to a training patch is hardly another place


def store_groups(store: PatchStore) -> Groups | None:
    """Return the groups of a store's patches, as ``groups.py`` says; None where it knows no place and no group.

    Raises DataError where its places cannot be told in metres.
    """
    return named_groups(store) or block_groups(store, DEFAULT_BLOCK)


def named_groups(store: PatchStore) -> Groups | None:
    """Return the groups that a store was told of, else its named scenes; None where it names none."""
    if store.groups is not None:
        return store.groups
    codes = None if store.places is None else from_scenes(store.places.scene, store.places.names)
    return None if codes is None else Groups(codes=codes, grouping=Grouping(by="scene"))


def block_groups(store: PatchStore, side: float) -> Groups | None:
    """Return groups by block of so many metres; None where places are not known. Raises DataError as ``positions``."""
    if store.places is None:
        return None
    codes = blocks(*longitude_latitude(store.places), side)
    return Groups(codes=codes, grouping=Grouping(by="block", metres=float(side)))


def positions(store: PatchStore) -> npt.NDArray[np.float64] | None:
    """Return where the centres of a store's patches are in space (N, 3), metres; None where that is not known.

    Raises DataError where its places cannot be told in metres.
    """
    return None if store.places is None else in_space(*longitude_latitude(store.places))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reported:
    """The reported patches of a store: their groups and places, as far as they are known."""

    indices: npt.NDArray[np.int64]  # (n,), positions in the store
    groups: Groups | None
    space: npt.NDArray[np.float64] | None  # (n, 3), metres
    apart: npt.NDArray[np.float64] | None  # (n,), metres to the nearest training patch


def reported_patches(store: PatchStore) -> Reported | None:
    """Return what is known of the places of the reported patches; None where nothing is.

    A store whose places cannot be told in metres is one without, as nobody has asked for distances.
    """
    indices = store.indices(store.reported_split)
    try:
        groups, space = store_groups(store), positions(store)
    except DataError:
        groups, space = named_groups(store), None
    if (groups is None and space is None) or not len(indices):
        return None
    return Reported(
        indices=indices,
        groups=None if groups is None else groups.of(indices),
        space=None if space is None else space[indices],
        apart=None if space is None else nearest(space[indices], space[store.indices("train")]),
    )


def near_limit(store: PatchStore) -> float:
    """Metres below which two patches are hardly two places: ``NEAR``, or a patch's diagonal where that is more."""
    height, width = store.images.shape[2:]
    return max(NEAR, float(np.hypot(height, width)) * (store.pixel_size or 0.0))

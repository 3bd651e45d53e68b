"""By what the patches of a store are split, and what that comes to: its groups, its buffer, its folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from raysat.data.geodesy import nearest
from raysat.data.grouped import block_groups, named_groups, positions
from raysat.data.groups import Groups
from raysat.data.patch_store import PatchStore
from raysat.data.split_groups import DROPPED, Floats, Ints, apply_buffer, assign_folds, assign_groups
from raysat.data.splits import SPLITS
from raysat.data.store_meta import MAX_FACTS
from raysat.errors import DataError, UsageError, prefixed

SHARE: Final = 0.15  # of val and of test, where nobody names another
_FACTS: Final = frozenset(
    (
        "split",
        "split_seed",
        "split_from",
        "block_metres",
        "buffer_metres",
        "dropped_by_buffer",
        "val_share",
        "fold",
        "folds",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitBy:
    """How patches are to be split. Raises UsageError where that does not go together."""

    by: Literal["group", "spatial"]
    block: float | None = None  # side of a block, metres; of spatial splits
    buffer: float = 0.0  # metres between patches of two splits, at least
    val: float = SHARE  # share of every class
    test: float | None = None  # the same; None of folds, which share all out
    folds: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.by == "spatial" and self.block is None:
            raise UsageError("{--split} spatial needs the side of a block", hint="name one, as {--block} 10km")
        if self.by == "group" and self.block is not None:
            raise UsageError("{--block} is of {--split} spatial alone", hint="leave it out, or split by block")
        if self.folds is not None and self.test is not None:
            raise UsageError("{--test} and {--folds} exclude each other", hint="the test share of 5 folds is 1/5")
        if self.val + self.test_share >= 1:
            raise UsageError(
                f"shares of {self.val:.3g} for val and {self.test_share:.3g} for test leave nothing to train on",
                hint="the two must sum to less than 1: a smaller {--val}" + " or {--test}" * (self.folds is None),
            )

    @property
    def test_share(self) -> float:
        """Share of every class that a test split is to have."""
        if self.folds is not None:
            return 1 / self.folds
        return SHARE if self.test is None else self.test

    def source_of(self, store: PatchStore, fold: int, dropped: int) -> dict[str, Any]:
        """What a store says of where its patches are from and how they were split.

        Args:
            store: that they were in.
            fold: the number of the store that is made, from 1.
            dropped: patches that the buffer removed.

        Returns:
            What the other store said, but for how that was split, and this.
        """
        told: dict[str, Any] = {"split": self.by, "split_seed": self.seed, "split_from": store.fingerprint}
        if self.block is not None:
            told["block_metres"] = self.block
        if self.buffer:
            told |= {"buffer_metres": self.buffer, "dropped_by_buffer": dropped}
        if self.val != SHARE:
            told["val_share"] = self.val
        if self.folds is not None:
            told |= {"fold": fold, "folds": self.folds}
        kept = [(name, fact) for name, fact in store.source.items() if name not in _FACTS]
        return dict(kept[: MAX_FACTS - len(told)]) | told


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Division:
    """The split of each of N patches."""

    splits: Ints  # (N,), positions in SPLITS, DROPPED where the buffer removed it
    dropped: tuple[int, int, int]  # patches that train, val and test have lost

    @property
    def kept(self) -> Ints:
        """Positions of the patches that stay, ascending."""
        return np.flatnonzero(self.splits != DROPPED)

    def groups(self, codes: Ints) -> tuple[int, int, int]:
        """How many groups train, val and test have, where ``codes`` (N,) are the groups of the patches."""
        train, val, test = (len(np.unique(codes[self.splits == code])) for code in range(len(SPLITS)))
        return train, val, test

    def apart(self, space: Floats | None) -> float | None:
        """Metres from the patch of test that is nearest to one of train, by their places (N, 3)."""
        if space is None:
            return None
        train, test = (space[self.splits == SPLITS.index(name)] for name in ("train", "test"))
        return float(nearest(test, train).min())


def groups_of(store: PatchStore, how: SplitBy) -> Groups:
    """Return the groups that splits keep together. Raises DataError where a store knows none."""
    if how.block is not None:
        groups = block_groups(store, how.block)
        if groups is None:
            raise DataError(
                f"{store.path} does not know where its patches lie, so it has no blocks",
                hint="import them with coordinates, as GeoTIFFs and chips have them, or split by {--split} group",
            )
        return groups
    groups = named_groups(store)
    if groups is None:
        raise DataError(
            f"{store.path} knows no groups: no column named them, and its patches are of no two named scenes",
            hint="split by {--split} spatial, or import a manifest with a column group",
        )
    return groups


def space_of(store: PatchStore, how: SplitBy) -> Floats | None:
    """Return where the patches lie (N, 3), metres; None where that is not known.

    Raises DataError where a buffer needs it.
    """
    if not how.buffer:
        try:
            return positions(store)
        except DataError:  # what they lie apart is told where it is known
            return None
    space = positions(store)
    if space is None:
        raise DataError(
            f"{store.path} does not know where its patches lie, so there is no buffer between them",
            hint="leave {--buffer} out, or import the patches with coordinates",
        )
    return space


def divide(codes: Ints, labels: npt.NDArray[Any], space: Floats | None, how: SplitBy) -> tuple[Division, ...]:
    """Return the split of each patch, once for each fold.

    Args:
        codes: the groups that stay together, (N,).
        labels: the class of each patch, (N,).
        space: where they lie, (N, 3), metres; of a buffer.
        how: by what they are split.

    Returns:
        A division for each fold; else one.

    Raises:
        DataError: there are too few groups, or the buffer empties a split.
    """
    if how.folds is None:
        return (_buffered(assign_groups(codes, labels, val=how.val, test=how.test_share, seed=how.seed), space, how),)
    folds = assign_folds(codes, labels, folds=how.folds, val=how.val, seed=how.seed)
    made = []
    for number, splits in enumerate(folds, 1):
        with prefixed(f"fold {number} of {how.folds}", DataError):
            made.append(_buffered(splits, space, how))
    return tuple(made)


def _buffered(splits: Ints, space: Floats | None, how: SplitBy) -> Division:
    if not how.buffer or space is None:
        return Division(splits=splits, dropped=(0, 0, 0))
    found = apply_buffer(splits, space, how.buffer)
    return Division(splits=found.splits, dropped=found.dropped)

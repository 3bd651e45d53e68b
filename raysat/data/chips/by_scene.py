"""Splits of whole scenes: chips of one scene are alike, and stay together."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.data.splits import SPLITS
from raysat.errors import DataError
from raysat.formatting import plural

_SHARE: Final = 0.15  # of chips in val and in test, at least
_SEED: Final = 20261128  # fixed, so that the same scenes always split the same way


def split_scenes(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the split of each scene (S,), a position in SPLITS, given how many chips each has (S,).

    Test and val take scenes in a fixed random order until they have 15 % of the chips. Raises DataError for less than
    three scenes with chips.
    """
    with_chips = np.flatnonzero(counts)
    if len(with_chips) < len(SPLITS):
        raise DataError(
            f"{plural(len(with_chips), 'scene')} with chips cannot be split by scene into train, val and test",
            hint="give three scenes or more, or another split by {--split-column}",
        )
    splits = np.zeros(len(counts), np.int64)
    order = np.random.default_rng(_SEED).permutation(with_chips)
    left = len(order)
    for code in (SPLITS.index("test"), SPLITS.index("val")):
        taken = 0
        while taken < _SHARE * counts.sum() and left > 1 + (code == SPLITS.index("test")):
            left -= 1
            splits[order[left]] = code
            taken += counts[order[left]]
    return splits


def describe_splits(splits: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> str:
    """Say how many scenes with chips each split has.

    Args:
        splits: of the scenes, (S,).
        counts: of their chips, (S,).
    """
    used = splits[counts > 0]
    return ", ".join(f"{name} {int((used == code).sum()):,}" for code, name in enumerate(SPLITS))

"""The split of patches that come without one: deterministic and stratified by class."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.store import Split

VAL: Final = 0.15
TEST: Final = 0.15
_SEED: Final = 20201210  # fixed, so that the same data always split the same way


def stratified(labels: npt.NDArray[Any], *, val: float = VAL, test: float = TEST) -> list[Split]:
    """Assign each patch of (N,) labels to a split: shares ``val`` and ``test`` of every class, the rest to train.

    A class with three patches or more has one at least in each split; a smaller one is all train.
    """
    splits = np.full(len(labels), "train", dtype="<U5")
    rng = np.random.default_rng(_SEED)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) < 3:
            continue
        to_val, to_test = (max(1, int(share * len(members) + 0.5)) for share in (val, test))
        splits[members[:to_val]] = "val"
        splits[members[to_val : to_val + to_test]] = "test"
    return splits.tolist()

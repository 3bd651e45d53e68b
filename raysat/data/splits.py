"""The splits of patches: their names, and one for patches that come without: deterministic, stratified by class."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")
_LETTERS: Final = b"tve"  # of SPLITS, one letter a patch in store.json
_UNKNOWN: Final = re.compile(r"[^tve]")

_SEED: Final = 20201210  # fixed, so that the same data always split the same way


def stratified(
    labels: npt.NDArray[Any], *, val: float = 0.15, test: float = 0.15, firsts: npt.NDArray[np.int64] | None = None
) -> list[Split]:
    """Return the split of each patch: shares of every class in val and test, the rest in train.

    A class with three patches or more has one at least in each split; a smaller one is all train.

    Args:
        labels: the class of each patch, (N,).
        val: share of the val split.
        test: share of the test split.
        firsts: for each patch, the position of the first one with the same pixels (N,), its own where it is no copy.
            Copies follow that one and do not count in the shares; without ``firsts`` there are none.
    """
    splits = np.full(len(labels), "train", dtype="<U5")
    original = np.ones(len(labels), np.bool_) if firsts is None else firsts == np.arange(len(labels))
    rng = np.random.default_rng(_SEED)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero((labels == label) & original))
        if len(members) < 3:
            continue
        to_val, to_test = (max(1, int(share * len(members) + 0.5)) for share in (val, test))
        splits[members[:to_val]] = "val"
        splits[members[to_val : to_val + to_test]] = "test"
    assigned: list[Split] = (splits if firsts is None else splits[firsts]).tolist()
    return assigned


def to_letters(codes: npt.NDArray[np.uint8]) -> str:
    """Write splits (N,), positions in SPLITS, as letters."""
    return np.frombuffer(_LETTERS, np.uint8)[codes].tobytes().decode()


def from_letters(text: str) -> npt.NDArray[np.uint8]:
    """Return the splits (N,) of letters, as positions in SPLITS; see ``check_letters``."""
    codes = np.zeros(128, dtype=np.uint8)
    codes[np.frombuffer(_LETTERS, np.uint8)] = range(len(_LETTERS))
    decoded: npt.NDArray[np.uint8] = codes[np.frombuffer(text.encode("ascii"), np.uint8)]
    return decoded


def check_letters(text: str) -> str:
    """Return the letters of splits. Raises ValueError, naming the patch, for an unknown one."""
    if unknown := _UNKNOWN.search(text):
        raise ValueError(f"patch {unknown.start():,} is in no known split")
    return text

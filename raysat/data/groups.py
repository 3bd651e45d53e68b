"""Which test patches are alike: the group of each patch, and the one place that says how groups follow from places.

A patch's group is, in this order, what a column of its manifest says, the named scene (or tile) that it was cut from,
or the square block of the Earth's surface that its centre lies in (``geodesy.py``). Intervals resample groups, and
splits keep them together. Pure numpy: nothing here reads a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, model_validator

from raysat.data.lengths import LONGEST, length
from raysat.files import FileModel
from raysat.formatting import plural

Codes = npt.NDArray[np.int64]
DEFAULT_BLOCK: Final = 10_000.0  # metres: of blocks where nobody names a size
LEAST_BLOCK: Final = 1.0  # metres


class Grouping(FileModel):
    """What makes the groups of a store."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    by: Literal["column", "scene", "block"]
    metres: Annotated[float, Field(ge=LEAST_BLOCK, le=LONGEST)] | None = None  # side of a block; None of others

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if (self.by == "block") != (self.metres is not None):
            raise ValueError("blocks have a size in metres, and nothing else has")
        return self

    def __str__(self) -> str:
        """How it reads after "groups:"."""
        if self.by == "block":
            return f"blocks of {length(self.metres or 0)}"
        return "scenes" if self.by == "scene" else "a column"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """The groups of N patches."""

    codes: Codes  # (N,), from 0 to G - 1, each used
    grouping: Grouping

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", dense(self.codes))

    def __len__(self) -> int:
        """How many groups G there are."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @property
    def in_words(self) -> str:
        """How many of what: ``412 blocks of 10 km``, ``3 scenes``, ``12 groups``."""
        if self.grouping.by == "block":
            return f"{plural(len(self), 'block')} of {length(self.grouping.metres or 0)}"
        return plural(len(self), "scene" if self.grouping.by == "scene" else "group")

    def of(self, rows: npt.NDArray[Any]) -> Groups:
        """The groups of some patches, numbered anew."""
        return Groups(codes=self.codes[rows], grouping=self.grouping)


def dense(codes: npt.ArrayLike) -> Codes:
    """Return groups (N,) numbered from 0 without gaps, in the order of their numbers."""
    given = np.asarray(codes)
    if _is_dense(given):
        return given.astype(np.int64)
    _, numbers = np.unique(given, return_inverse=True)
    return numbers.astype(np.int64)


def _is_dense(codes: npt.NDArray[Any]) -> bool:
    """Whether numbers (N,) go from 0 without gaps."""
    if not len(codes) or codes.min() != 0 or codes.max() >= len(codes):
        return False
    return bool(np.bincount(codes).all())


def from_scenes(scene: Codes, names: Sequence[str | None]) -> Codes | None:
    """Return groups by named scene (N,); None where a patch's scene has no name, or all patches are of one.

    Args:
        scene: the position of each patch's scene among ``names``, (N,).
        names: of the scenes; two of a name, as of two CRSs, are one.
    """
    used = np.unique(scene)
    if any(names[number] is None for number in used.tolist()):
        return None
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names[each] for each in used.tolist()))}
    if len(numbers) < 2:
        return None
    of_scene = np.zeros(len(names), np.int64)
    for number in used.tolist():
        of_scene[number] = numbers[names[number]]
    return dense(of_scene[scene])


def joined(codes: Codes, firsts: npt.NDArray[np.int64]) -> Codes:
    """Return groups of which those that hold copies of each other are one.

    Args:
        codes: the group of each patch, (N,), numbered without gaps.
        firsts: the position of the first patch with the same pixels, (N,); its own where it is no copy.
    """
    copies = np.flatnonzero(firsts != np.arange(len(firsts)))
    parent = np.arange(int(codes.max()) + 1 if len(codes) else 0)

    def root(group: int) -> int:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = int(parent[group])
        return group

    for one, other in zip(codes[copies].tolist(), codes[firsts[copies]].tolist(), strict=True):
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return dense(np.array([root(group) for group in range(len(parent))], np.int64)[codes]) if len(codes) else codes


def torn_groups(codes: Codes, splits: npt.NDArray[Any]) -> int:
    """How many groups have patches in more than one split.

    Args:
        codes: the group of each patch, (N,), from 0 to G - 1.
        splits: the split of each, (N,).
    """
    pairs = np.unique(codes * (int(splits.max()) + 1) + splits)
    return int((np.bincount(pairs // (int(splits.max()) + 1)) > 1).sum())


def groups_digest(grouping: Grouping, codes: npt.NDArray[Any]) -> str:
    """Return the digest of what a store says of groups."""
    digest = hashlib.sha256(grouping.model_dump_json().encode())
    digest.update(np.ascontiguousarray(codes).tobytes())
    return digest.hexdigest()


def codes_fault(codes: npt.NDArray[Any], patches: int) -> str:
    """Return what is wrong with the content of ``groups.npy``, or nothing.

    Args:
        codes: as read.
        patches: how many the store has.
    """
    if codes.dtype != np.dtype("<i8") or codes.shape != (patches,):
        return f"groups {codes.shape} {codes.dtype.name} for {patches:,} patches"
    if not _is_dense(codes):
        return "groups that are not numbered from 0 without gaps"
    return ""

"""What is kept of two evaluations that explain a model: how much its bands matter, and where it looks."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from raysat.config import limits
from raysat.files import FileModel
from raysat.files.fields import Count, Line
from raysat.storage.npz import read_npz

ALL_BANDS: Final = "all bands"  # the group of all: what guessing costs
IMPORTANCE: Final = "importance.npz"
OCCLUSION: Final = "occlusion.npz"
_MOST_BANDS: Final = 1 << 14
_LONGEST_SIDE: Final = 1 << 14  # pixels


class BandGroup(FileModel):
    """Bands that are permuted together."""

    name: Line
    bands: Annotated[tuple[Line, ...], Field(min_length=1, max_length=_MOST_BANDS)]


class Importance(FileModel):
    """The run's own patches, some bands of each replaced by those of another patch."""

    kind: Literal["importance"] = "importance"
    repeats: Annotated[int, Field(ge=1, le=limits.REPEATS)]  # permutations
    groups: Annotated[tuple[BandGroup, ...], Field(min_length=1, max_length=_MOST_BANDS)]
    version: Count = 1  # of what is permuted and how

    @property
    def name(self) -> str:
        """Of its folder."""
        return "importance"


class Occlusion(FileModel):
    """Some of the run's own patches, a square of each covered by the bands' means, again and again elsewhere."""

    kind: Literal["occlusion"] = "occlusion"
    positions: Annotated[
        tuple[Count, ...], Field(min_length=1, max_length=limits.MAPPED)
    ]  # of the patches in the store
    mask: Annotated[int, Field(ge=1, le=_LONGEST_SIDE)]  # side of the square, in pixels
    stride: Annotated[int, Field(ge=1, le=_LONGEST_SIDE)]  # from one place to the next
    height: Annotated[int, Field(ge=1, le=_LONGEST_SIDE)]  # of a patch, in pixels
    width: Annotated[int, Field(ge=1, le=_LONGEST_SIDE)]
    version: Count = 1

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.mask > min(self.height, self.width):
            raise ValueError(f"a square of {self.mask} pixels does not fit a patch")
        if len(set(self.positions)) < len(self.positions):
            raise ValueError("a patch is named twice")
        return self

    @property
    def name(self) -> str:
        """Of its folder: other patches and other squares have another."""
        seen = [self.positions, self.mask, self.stride]
        return f"occlusion-{hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hits:
    """Which patches a model gets right, and how often with bands of other patches."""

    labels: npt.NDArray[np.uint8]  # (N,)
    indices: npt.NDArray[np.int64]  # (N,) positions in the store
    right: npt.NDArray[np.uint8]  # (N,) 1 where the patch as it is is classified right
    hits: npt.NDArray[np.uint8]  # (G, N) in how many repeats it is with each group of bands permuted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heat:
    """How much of the true class's probability is lost where a patch is covered."""

    labels: npt.NDArray[np.uint8]  # (P,)
    indices: npt.NDArray[np.int64]  # (P,) positions in the store
    predicted: npt.NDArray[np.uint8]  # (P,) for the patch as it is
    probability: npt.NDArray[np.float32]  # (P,) of the true class, for the patch as it is
    drop: npt.NDArray[np.float32]  # (P, H x W) mean over the squares that cover a pixel


def encode(arrays: Hits | Heat) -> bytes:
    """Encode what was found as an npz archive."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: getattr(arrays, name) for name in arrays.__dataclass_fields__})
    return buffer.getvalue()


def decode_hits(content: bytes, subject: Importance) -> Hits:
    """Read ``importance.npz``, whose parts are checked before they are unpacked. Raises ValueError for any fault."""
    found = Hits(**read_npz(content, {"labels": "|u1", "indices": "<i8", "right": "|u1", "hits": "|u1"}))
    n = len(found.labels)
    _check_shapes(found, {"labels": (n,), "indices": (n,), "right": (n,), "hits": (len(subject.groups), n)})
    if found.right.max() > 1 or found.hits.max() > subject.repeats:
        raise ValueError("its patches are right more often than they were seen")
    return found


def decode_heat(content: bytes, subject: Occlusion) -> Heat:
    """Read ``occlusion.npz``, as ``decode_hits``. Raises ValueError for any fault."""
    types = {"labels": "|u1", "indices": "<i8", "predicted": "|u1", "probability": "<f4", "drop": "<f4"}
    found = Heat(**read_npz(content, types))
    n = len(subject.positions)
    shapes: dict[str, Any] = dict.fromkeys(types, (n,))
    _check_shapes(found, {**shapes, "drop": (n, subject.height * subject.width)})
    if tuple(found.indices.tolist()) != subject.positions:
        raise ValueError("its patches are not those of the record")
    for name, least in (("probability", 0.0), ("drop", -1.0)):
        values = getattr(found, name)
        if not (values.min() >= least - 1e-5 and values.max() <= 1 + 1e-5):  # nothing holds for NaN
            raise ValueError(f"its {name} is no probability")
    return found


def _check_shapes(arrays: Hits | Heat, shapes: dict[str, Any]) -> None:
    for name, shape in shapes.items():
        if (found := getattr(arrays, name).shape) != shape or not found[0]:
            raise ValueError(f"{name} has shape {found}, not {shape}")
    if arrays.indices.min() < 0 or len(np.unique(arrays.indices)) < len(arrays.indices):
        raise ValueError("its patches are not distinct positions in a store")

"""Pixels on their way into a store: nodata found, types widened without loss, copies recognised."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.errors import DataError

# What each type is stored as. float32 holds every integer up to 2^24, so int16 is exact; wider ones are checked.
_FLOAT: Final = ("int8", "int16", "int32", "int64", "uint32", "uint64", "float16", "float32", "float64")
STORED_AS: Final = {"bool": "uint8", "uint8": "uint8", "uint16": "uint16", **dict.fromkeys(_FLOAT, "float32")}
_EXACT: Final = 1 << 24
_DIGEST: Final = 16  # bytes a patch: a billion patches share one by chance once in 10^20 times


def missing_mask(pixels: npt.NDArray[Any], marked: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.bool_] | None:
    """Return where pixels are nodata (marked, NaN or infinite), or None where none is."""
    if pixels.dtype.kind == "f":
        unknown = ~np.isfinite(pixels)
        marked = unknown if marked is None else marked | unknown
    return marked if marked is not None and marked.any() else None


def storable(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return finite pixels in a type that a store holds, every value kept (float64 is rounded to float32).

    Raises DataError for types without an equal, and for values that float32 cannot hold.
    """
    kind = pixels.dtype.name
    if kind not in STORED_AS:
        raise DataError(f"pixels of type {kind} cannot be stored", hint="convert them to uint16 or float32")
    target = STORED_AS[kind]
    if target == "float32" and pixels.dtype.itemsize > 2 and kind != target:
        most = np.finfo(np.float32).max if pixels.dtype.kind == "f" else _EXACT
        low, high = pixels.min(), pixels.max()
        if low < -most or high > most:
            raise DataError(
                f"{kind} values from {low} to {high} cannot be kept in float32",
                hint="rescale them to uint16 or float32",
            )
    return pixels.astype(target, copy=False)


class Copies:
    """Remembers patches by their content. A patch that is zero everywhere is empty, and no copy of another."""

    def __init__(self) -> None:
        self._digests = bytearray()

    def add(self, pixels: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None) -> None:
        """Remember a patch, nodata set to 0, and where it is nodata; the next one is numbered one higher."""
        if pixels.any():
            digest = hashlib.blake2b(pixels.tobytes(), digest_size=_DIGEST)
            if missing is not None:
                digest.update(np.packbits(missing).tobytes())
            self._digests += digest.digest()
        else:
            self._digests += (len(self._digests) // _DIGEST).to_bytes(_DIGEST)  # its own number: like no other

    def firsts(self) -> npt.NDArray[np.int64]:
        """For each patch, the number of the first one that has its pixels, (N,): its own where it is no copy."""
        digests = np.frombuffer(self._digests, dtype=f"V{_DIGEST}")
        _, first, members = np.unique(digests, return_index=True, return_inverse=True)
        return first[members]

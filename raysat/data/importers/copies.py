"""Patches with the same pixels, found by a digest of each: 16 bytes a patch, whatever its size."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BYTES: Final = 16  # of a digest: a billion patches share one by chance once in 10^20 times


class Copies:
    """Remembers patches by their content. A patch that is zero everywhere is empty, and no copy of another."""

    def __init__(self) -> None:
        self._digests = bytearray()

    def add(self, pixels: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None) -> None:
        """Remember a patch, nodata set to 0, and where it is nodata; the next one is numbered one higher."""
        if pixels.any():
            digest = hashlib.blake2b(pixels.tobytes(), digest_size=_BYTES)
            if missing is not None:
                digest.update(np.packbits(missing).tobytes())
            self._digests += digest.digest()
        else:
            self._digests += (len(self._digests) // _BYTES).to_bytes(_BYTES)  # its own number: like no other

    def firsts(self) -> npt.NDArray[np.int64]:
        """For each patch, the number of the first one that has its pixels, (N,): its own where it is no copy."""
        digests = np.frombuffer(self._digests, dtype=f"V{_BYTES}")
        _, first, members = np.unique(digests, return_index=True, return_inverse=True)
        return first[members]

"""The files of a store that lies elsewhere, read by range."""

from __future__ import annotations

import io
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.npy import HEADER_BYTES, fitting_header, row_fault
from raysat.data.remote.ranged_array import RangedArray
from raysat.data.remote.source import Source
from raysat.data.store_files import META, REMEDY, STORE_FILES
from raysat.errors import StoreError
from raysat.files.models import MAX_BYTES


class RangedFiles:
    """Reads the files of a source as a store; see ``StoreFiles``."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @property
    def place(self) -> object:
        """As ``StoreFiles``."""
        return self.source.place

    def size(self, name: str) -> int | None:
        """As ``StoreFiles``."""
        return self.source.size(name)

    def total(self) -> int:
        """As ``StoreFiles``."""
        return sum(self.source.size(name) or 0 for name in STORE_FILES)

    def read_meta(self) -> bytes:
        """As ``StoreFiles``; it is read once."""
        return self._meta

    def array(self, name: str) -> npt.NDArray[Any] | RangedArray:
        """As ``StoreFiles``; one with a single axis, such as the labels, is read whole."""
        size = self._known_size(name)
        start = bytes(self.source.read(name, 0, min(size, HEADER_BYTES)))
        try:
            header = fitting_header(io.BytesIO(start), size)
        except ValueError as caught:
            raise self._unreadable(name, str(caught)) from caught
        if fault := row_fault(header):
            raise self._unreadable(name, fault)
        if len(header.shape) > 1:
            return RangedArray(self.source, name, header, size)
        if size > MAX_BYTES:
            raise self._unreadable(name, f"it is larger than {MAX_BYTES:,} bytes")
        return np.frombuffer(self._whole(name, size), header.dtype, offset=header.start)

    @cached_property
    def _meta(self) -> bytes:
        size = self._known_size(META)
        if size > MAX_BYTES:
            raise self._unreadable(META, f"it is larger than {MAX_BYTES:,} bytes")
        return self._whole(META, size)

    def _whole(self, name: str, size: int) -> bytes:
        content = bytes(self.source.read(name, 0, size))
        if len(content) != size:
            raise self._unreadable(name, "it is changed while it is read")
        return content

    def _known_size(self, name: str) -> int:
        size = self.source.size(name)
        if size is None:
            raise self._unreadable(name, "there is no such file")
        return size

    def _unreadable(self, name: str, cause: str) -> StoreError:
        return StoreError(f"{self.place}/{name} cannot be read: {cause}", hint=REMEDY)

"""Reads rows of a file that lies elsewhere, through a small cache of blocks in memory.

A batch needs some dozen rows from all over the file: the blocks that hold them are read at once, in parallel. Who reads
on where the last read ended, as evaluation does, gets the next blocks with the same requests.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.data.remote.source import Source
from raysat.errors import StoreError

_BLOCK: Final = 256 << 10  # bytes: what a request brings in the time that it takes anyway
_REQUEST: Final = 8  # blocks of one request at most, so that several share what follows each other
_PARALLEL: Final = 16  # requests at a time
_AHEAD: Final = 64  # blocks that are read beyond the last one, where reading goes on
_KEPT: Final = 256 << 20  # bytes of blocks in memory, of each file and process
_AT_ONCE: Final = 64 << 20  # bytes of rows that are read together


class BlockReader:
    """Rows of equal size in a file of a store."""

    def __init__(self, source: Source, name: str, *, start: int, row: int, size: int) -> None:
        """Read nothing yet.

        Args:
            source: where the file is.
            name: of the file.
            start: where its first row begins.
            row: bytes of a row.
            size: bytes of the file.
        """
        self._source, self._name, self._start, self._row, self._size = source, name, start, row, size
        self._blocks: OrderedDict[int, memoryview] = OrderedDict()  # the last used one last
        self._next = -1  # the block after those that were read last
        self._pool = ThreadPoolExecutor(_PARALLEL)
        self._lock = threading.Lock()

    def read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return rows as bytes, (n, row). Raises StoreError, DiskError."""
        taken = np.empty((len(rows), self._row), np.uint8)
        step = max(1, _AT_ONCE // self._row)
        with self._lock:
            for first in range(0, len(rows), step):
                self._fill(taken[first : first + step], rows[first : first + step])
        return taken

    def _fill(self, taken: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64]) -> None:
        begins = self._start + rows * self._row
        spans = [range(begin // _BLOCK, (begin + self._row - 1) // _BLOCK + 1) for begin in begins.tolist()]
        blocks = self._have(sorted({block for span in spans for block in span}))
        for into, begin, span in zip(taken, begins.tolist(), spans, strict=True):
            at = 0
            for block in span:
                skipped = max(0, begin - block * _BLOCK)
                part = blocks[block][skipped : skipped + self._row - at]
                into[at : at + len(part)] = part
                at += len(part)

    def _have(self, needed: Sequence[int]) -> dict[int, memoryview]:
        """These blocks, from memory or read now."""
        missing = [block for block in needed if block not in self._blocks]
        if missing and missing[0] == self._next:
            last = min(missing[-1] + _AHEAD, (self._size - 1) // _BLOCK)
            missing += [block for block in range(missing[-1] + 1, last + 1) if block not in self._blocks]
        if missing:
            self._next = missing[-1] + 1
        read = {block: content for found in self._pool.map(self._request, _runs(missing)) for block, content in found}
        have = {block: read[block] if block in read else self._blocks[block] for block in needed}
        self._blocks |= read
        for block in needed:
            self._blocks.move_to_end(block)
        while len(self._blocks) * _BLOCK > _KEPT:
            self._blocks.popitem(last=False)
        return have

    def _request(self, run: tuple[int, int]) -> list[tuple[int, memoryview]]:
        """Blocks that follow each other, with one request."""
        first, last = run
        start, stop = first * _BLOCK, min((last + 1) * _BLOCK, self._size)
        content = memoryview(self._source.read(self._name, start, stop))
        if len(content) != stop - start:
            raise StoreError(f"{self._source.place}/{self._name} changed while it was read")
        # A copy of each: a slice would keep the whole answer in memory as long as one block of it is used.
        return [(b, memoryview(bytes(content[(b - first) * _BLOCK :][:_BLOCK]))) for b in range(first, last + 1)]


def _runs(blocks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ascending blocks as runs of neighbours, first and last, none longer than a request."""
    if not blocks:
        return
    first = blocks[0]
    for block, following in pairwise([*blocks, -1]):
        if following != block + 1 or following - first == _REQUEST:
            yield first, block
            first = following

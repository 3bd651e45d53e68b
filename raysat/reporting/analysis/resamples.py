"""Metrics of many trials on many resamples: kept in memory or, where they are many, in a file without a name.

A contrast reads its arms' trials alone, so the file holds each trial's metrics together, by blocks of resamples. The
system deletes it with the process, however that ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from raysat.files import writing

_IN_MEMORY: Final = 64 * 2**20  # bytes; more go to a file

Float32 = npt.NDArray[np.float32]


class Resamples:
    """(M, B, T) metrics of trials on resamples, written once, block by block, and read by trial."""

    def __init__(self, metrics: int, resamples: int, trials: int, *, in_memory: int = _IN_MEMORY) -> None:
        """Make room.

        Args:
            metrics: M.
            resamples: B.
            trials: T.
            in_memory: bytes that may be kept in memory.
        """
        self.shape = (metrics, resamples, trials)
        self._blocks: list[tuple[int, int]] = []  # first resample and how many, in the order of the file
        self._kept: Float32 | IO[bytes]
        if 4 * metrics * resamples * trials <= in_memory:
            self._kept = np.empty(self.shape, np.float32)
        else:
            with writing(Path(tempfile.gettempdir())):
                self._kept = tempfile.TemporaryFile(prefix="raysat-resamples-", buffering=0)  # noqa: SIM115

    def add(self, start: int, first: int, block: npt.NDArray[np.floating]) -> None:
        """Keep the metrics of some trials on some resamples: as many, and in the same order, for all trials.

        Args:
            start: the first of these resamples.
            first: the first of these trials.
            block: (M, size, S) metrics of S trials on ``size`` resamples.

        Raises:
            DiskError: they cannot be written.
        """
        _, size, some = block.shape
        if isinstance(self._kept, np.ndarray):
            self._kept[:, start : start + size, first : first + some] = block
            return
        left = memoryview(block.transpose(2, 0, 1).astype(np.float32).tobytes())
        offset = self._offset(start, size, first)
        with writing(Path(tempfile.gettempdir())):
            while left:
                written = os.pwrite(self._kept.fileno(), left, offset)
                left, offset = left[written:], offset + written
        if (start, size) not in self._blocks[-1:]:
            self._blocks.append((start, size))

    def of(self, trials: Sequence[int]) -> Float32:
        """The metrics (M, B, S) of some trials."""
        if isinstance(self._kept, np.ndarray):
            return self._kept[:, :, trials]
        metrics, resamples, _ = self.shape
        found = np.empty((metrics, resamples, len(trials)), np.float32)
        for position, first, number in _runs(trials):
            for start, size in self._blocks:
                block = self._read(self._kept, first, number, start, size)
                found[:, start : start + size, position : position + number] = block.transpose(1, 2, 0)
        return found

    def _read(self, file: IO[bytes], first: int, number: int, start: int, size: int) -> Float32:
        """A block of some trials that follow each other, (number, M, size)."""
        metrics = self.shape[0]
        content = os.pread(file.fileno(), 4 * metrics * size * number, self._offset(start, size, first))
        return np.frombuffer(content, np.float32).reshape(number, metrics, size)

    def _offset(self, start: int, size: int, first: int) -> int:
        """Where in the file a block of resamples begins for a trial."""
        metrics, _, trials = self.shape
        return 4 * metrics * (trials * start + size * first)


def _runs(trials: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Trials that follow each other: the position of the first, itself, and how many; the seeds of an arm are such."""
    begin = 0
    for end in range(1, len(trials) + 1):
        if end == len(trials) or trials[end] != trials[end - 1] + 1:
            yield begin, trials[begin], end - begin
            begin = end

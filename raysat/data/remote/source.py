"""Where the files of a store are that lies elsewhere: they are read by range, by several threads at once."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """Reads the files of a store that no path of this machine leads to. Used by several threads at once."""

    @property
    def place(self) -> object:
        """Where they lie, for people: a URL, or a path on another machine."""

    @property
    def parallel(self) -> int:
        """How many parts of a file to copy at a time."""

    @property
    def part(self) -> int:
        """Bytes of a part; so many times ``parallel`` are in memory while a store is copied."""

    def size(self, name: str) -> int | None:
        """Bytes of one of ``STORE_FILES``; None where there is none. Raises DiskError where that cannot be told."""

    def read(self, name: str, start: int, stop: int) -> bytes | memoryview:
        """Return a part of a file.

        Args:
            name: of a file that has a size.
            start: the first byte.
            stop: the byte after the last, at most the file's size.

        Returns:
            The bytes: fewer where the file became shorter meanwhile.

        Raises:
            StoreError: the file is gone, or has changed since its size was asked.
            DiskError: it cannot be reached.
        """

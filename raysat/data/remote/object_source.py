"""The files of a store in an object store: read by range, and never a mixture of two stores.

Each file is asked for once; what is read later is of that version of it (its ETag), or an error where it was replaced.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from raysat.errors import StoreError
from raysat.files import ObjectPath
from raysat.files.object_parts import ObjectVersion, object_version, read_part


@dataclass(eq=False)
class ObjectSource:
    """Reads a store behind a URL; see ``Source``."""

    place: ObjectPath
    parallel: int = 16  # object stores give each request some 50 to 100 MB/s
    part: int = 16 << 20  # of what latency costs, little is left
    _versions: dict[str, ObjectVersion | None] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def size(self, name: str) -> int | None:
        """As ``Source``."""
        version = self._version(name)
        return None if version is None else version.size

    def read(self, name: str, start: int, stop: int) -> bytes | memoryview:
        """Return a part of a file.

        Args:
            name: of a file that has a size.
            start: the first byte.
            stop: the byte after the last, at most the file's size.

        Returns:
            The bytes, as ``Source`` says.

        Raises:
            StoreError: the file is gone, or was replaced since its size was asked.
            DiskError: it cannot be reached.
        """
        version = self._version(name)
        if version is None:
            raise StoreError(f"{self.place / name} cannot be read: there is no such object")
        return read_part(version, start, stop, StoreError)

    def _version(self, name: str) -> ObjectVersion | None:
        with self._lock:
            if name not in self._versions:
                self._versions[name] = object_version(self.place / name, StoreError)
            return self._versions[name]

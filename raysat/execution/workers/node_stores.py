"""Opens stores on a worker's node: in place where its path leads to them, else from a copy in the node's cache."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.data.remote.copy import fetch_store
from raysat.data.remote.files import RangedFiles
from raysat.data.remote.object_source import ObjectSource
from raysat.data.remote.source import Source
from raysat.data.store import PatchStore
from raysat.data.store_files import META
from raysat.errors import StoreError
from raysat.execution.storage.run_files import RunFiles
from raysat.execution.store_news import Copying, ReadingByRange, StoreNews
from raysat.files import AnyPath, ObjectPath

_TELL_S: Final = 2.0  # between two messages on a copy


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSource:
    """Reads a store that only the driver's node sees; see ``Source``."""

    place: Path  # on the driver's node
    driver: RunFiles
    job: str | None  # the generate job that made it; None for the real store
    parallel: int = 8
    part: int = 4 << 20  # little, since all nodes may copy at a time: what is on the way lies in the driver's memory

    def size(self, name: str) -> int | None:
        """As ``Source``."""
        return self.driver.store_size(name, self.job)

    def read(self, name: str, start: int, stop: int) -> memoryview:
        """Return a part of a file.

        Args:
            name: of a file that has a size.
            start: the first byte.
            stop: the byte after the last, at most the file's size.

        Returns:
            The bytes, as ``Source`` says.

        Raises:
            StoreError: the file is gone.
            DiskError: it cannot be reached.
        """
        return self.driver.read_store(name, start, stop, self.job).data


def open_store(
    path: AnyPath,
    digest: str,
    driver: RunFiles,
    *,
    job: str | None = None,
    tell: Callable[[StoreNews], None] = lambda _: None,
) -> PatchStore:
    """Open a store on this node; where its path leads nowhere, from the node's cache, or by range if it does not fit.

    Args:
        path: its URL, or where it is on the driver's node.
        digest: of the ``store.json`` of the store that is meant.
        driver: where to read it from, where it is no URL.
        job: the generate job that made it; None for the real store.
        tell: is told now and then how far it is copied, and where it does not fit.

    Returns:
        The store.

    Raises:
        StoreError: the store cannot be opened, or another one lies under its path by now.
        DiskError: it cannot be reached, or the node's cache cannot be written.
    """
    source: Source
    if isinstance(path, ObjectPath):
        source = ObjectSource(path)
    else:
        if (path / META).is_file():
            store = PatchStore.open(path)
            if store.digest == digest:
                return store
        source = DriverSource(place=path, driver=driver, job=job)
    node, told = socket.gethostname(), -math.inf

    def progress(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told > _TELL_S:
            told = now
            tell(Copying(node=node, done=done, total=total))

    copied = fetch_store(source, digest, path, progress=progress)
    store = copied or PatchStore.read(RangedFiles(source), path)
    if copied is None:
        tell(ReadingByRange(node=node, total=store.files.total()))
    if store.digest != digest:
        raise StoreError(f"the store {path} changed while the study ran", hint="run the same command again")
    return store

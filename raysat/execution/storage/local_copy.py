"""Copies a run's store to this machine before Ray starts here, so that who waits sees how far it is.

On a cluster each node copies for itself, when its first job needs the store (``node_stores.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from raysat.data.remote.files import RangedFiles
from raysat.data.remote.open import copy_to_node
from raysat.data.store import PatchStore
from raysat.execution.events import OnEvent
from raysat.execution.store_news import Copying, ReadingByRange


@contextmanager
def store_on_this_machine(store: PatchStore, address: str | None, on_event: OnEvent) -> Iterator[None]:
    """Have a store in this machine's cache, for as long as a run takes, where Ray is to start here.

    Args:
        store: what is trained on.
        address: of the cluster that trains; None for this machine.
        on_event: is told how far it is copied, or that it does not fit.

    Yields:
        Nothing; a copy is kept meanwhile.

    Raises:
        StoreError: the store is damaged, or changed since it was opened.
        DiskError: it cannot be reached, or the cache cannot be written.
    """
    if address is not None:
        yield
        return
    copied = copy_to_node(store, progress=lambda done, total: on_event(Copying(done=done, total=total)))
    if isinstance(copied.files, RangedFiles):
        on_event(ReadingByRange(total=copied.files.total()))
    yield
    del copied  # which held it

"""Open data by the name that a user gives: ``demo``, or the path or URL of a patch store."""

from __future__ import annotations

from typing import Final

from raysat.data.fold_stores import made_fold, read_title
from raysat.data.importers.synthetic import demo_store
from raysat.data.remote.object_source import ObjectSource
from raysat.data.remote.open import open_remote
from raysat.data.store import PatchStore
from raysat.data.store_files import META
from raysat.errors import StoreError
from raysat.files import ObjectPath, as_path, folder_entries, reading
from raysat.formatting import echo

DEMO: Final = "demo"


def open_data(name: str) -> PatchStore:
    """Open a store by name; ``demo`` is made on first use (a folder of that name is ``./demo``).

    A fold that a study has made is called as its plan calls it, such as ``stores/fields (fold 2 of 5)``.

    A store behind a URL is not copied: what trains on it does so (``copy_to_node``).

    Raises:
        UsageError: the name is a URL that cannot be one of a store.
        StoreError: the store is missing or damaged.
        DiskError: the store cannot be reached.
        DataError: the demo store cannot be written to the cache.
    """
    if name == DEMO:
        return PatchStore.open(demo_store())
    place = as_path(name)
    if isinstance(place, ObjectPath):
        source = ObjectSource(place)
        if source.size(META) is None:
            folder_entries(place, StoreError)  # which tells where the bucket itself is missing
        return open_remote(source, place)
    try:
        path = place.expanduser()
    except RuntimeError:
        user = place.parts[0].removeprefix("~")
        raise StoreError(f"{echo(name)}: there is no user {user}", hint="write the path in full") from None
    with reading(path, error=StoreError):
        if path.exists():
            return PatchStore.open(path)
    if read_title(name) is not None:
        if fold := made_fold(name):
            return fold
        hint = "{raysat plan} of its study makes it again"
        raise StoreError(f"there is no patch store {name}, nor is this fold in the cache", hint=hint)
    raise StoreError(
        f"there is no patch store {name}",
        hint="use 'demo' for the embedded data, or make a store with {raysat data import}",
    )

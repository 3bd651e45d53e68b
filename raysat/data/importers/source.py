"""Open data by the name that a user gives: ``demo``, or the path of a patch store."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from raysat.data.importers.synthetic import demo_store
from raysat.data.store import PatchStore
from raysat.errors import StoreError
from raysat.files import reading
from raysat.formatting import echo

DEMO: Final = "demo"


def open_data(name: str) -> PatchStore:
    """Open a store by name; ``demo`` is made on first use (a folder of that name is ``./demo``).

    Raises:
        StoreError: the store is missing or damaged.
        DataError: the demo store cannot be written to the cache.
    """
    if name == DEMO:
        return PatchStore.open(demo_store())
    try:
        path = Path(name).expanduser()
    except RuntimeError:
        user = Path(name).parts[0].removeprefix("~")
        raise StoreError(f"{echo(name)}: there is no user {user}", hint="write the path in full") from None
    with reading(path, error=StoreError):
        if path.exists():
            return PatchStore.open(path)
    raise StoreError(
        f"there is no patch store {name}",
        hint="use 'demo' for the embedded data, or make a store with {raysat data import}",
    )

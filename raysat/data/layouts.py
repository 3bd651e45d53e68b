"""The layouts of other tools that a store is converted to, and made of."""

from __future__ import annotations

from typing import Final, Literal

from raysat.errors import UsageError, suggest

Layout = Literal["imagefolder", "torchgeo", "webdataset", "zarr"]
LAYOUTS: Final[tuple[Layout, ...]] = ("imagefolder", "torchgeo", "webdataset", "zarr")


def known_layout(name: str) -> Layout:
    """Return the layout of a name. Raises UsageError for an unknown one."""
    layout = next((layout for layout in LAYOUTS if layout == name), None)
    if layout is None:
        raise UsageError(f"unknown layout {name!r}", hint=suggest(name, LAYOUTS, f"layouts are {', '.join(LAYOUTS)}"))
    return layout

"""WebDataset: tar files ``train-000000.tar`` and so on, in which a patch is a few members of one key.

    0000017.npy          the pixels (C, H, W)
    0000017.cls          the label, a number
    0000017.json         class, split and position in the store
    0000017.nodata.npy   where a pixel is nodata, (C, H, W) bool; only of patches that have any

``raysat.json`` beside the shards names bands and classes, and row N of ``places.npy`` says where patch N lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from raysat.data.exporters.base import Export
from raysat.data.exporters.description import write_description
from raysat.data.splits import SPLITS
from raysat.installation import extra_module

SHARD_PATCHES: Final = 10_000
SHARD_BYTES: Final = 1 << 30  # as the library's authors advise: some hundred megabytes to a gigabyte


def write_webdataset(export: Export) -> Iterator[str]:
    """Write a store as shards. Raises InstallationError where webdataset is not installed."""
    library = extra_module("webdataset", extra="convert")
    store, folder = export.store, export.folder
    with ExitStack() as stack:
        shards = {split: stack.enter_context(_Shards(library, folder, split)) for split in SPLITS}
        for row in export.rows():
            sample: dict[str, Any] = {
                "__key__": f"{row.number:07d}",
                "npy": row.pixels,
                "cls": row.label,
                "json": {"class": store.classes[row.label], "split": row.split, "index": row.number},
            }
            shards[row.split].write(sample if row.missing is None else sample | {"nodata.npy": row.missing})
    write_description(export.told, store, folder)
    written = (f"{split} {shards[split].number:,}" for split in SPLITS if shards[split].number)
    yield f"shards: {', '.join(written)}"


class _Shards:
    """The tar files of a split: the next one begins where one is full. The library's ShardWriter takes names alone."""

    def __init__(self, library: Any, folder: Path, split: str) -> None:
        self.number = 0  # of shards so far
        self._library, self._folder, self._split = library, folder, split
        self._stack = ExitStack()
        self._room = self._count = 0  # bytes and patches that still fit the shard
        self._tar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, sample: dict[str, Any]) -> None:
        """Append a patch."""
        if self._room <= 0 or not self._count:
            self._stack.close()
            file = self._stack.enter_context((self._folder / f"{self._split}-{self.number:06d}.tar").open("xb"))
            # Neither time nor user: the same store gives the same bytes.
            self._tar = self._stack.enter_context(self._library.TarWriter(file, mtime=0))
            self.number, self._room, self._count = self.number + 1, SHARD_BYTES, SHARD_PATCHES
        self._room -= self._tar.write(sample)
        self._count -= 1

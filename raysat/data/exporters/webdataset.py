"""WebDataset: tar files ``train-000000.tar`` and so on, in which a patch is a few members of one key.

    0000017.npy          the pixels (C, H, W)
    0000017.cls          the label, a number
    0000017.json         class, split and position in the store
    0000017.nodata.npy   where a pixel is nodata, (C, H, W) bool; only of patches that have any

``raysat.json`` beside the shards names bands and classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from raysat.data.exporters.description import Description, write_description
from raysat.data.exporters.image_folder import rows_of
from raysat.data.importers.base import Progress
from raysat.data.patch_store import PatchStore
from raysat.data.splits import SPLITS
from raysat.installation import extra_module

SHARD_PATCHES: Final = 10_000
SHARD_BYTES: Final = 1 << 30  # as the library's authors advise: some hundred megabytes to a gigabyte


def write_webdataset(store: PatchStore, told: Description, folder: Path, progress: Progress) -> Iterator[str]:
    """Write a store as shards.

    Args:
        store: the store.
        told: what the layout does not say, for ``raysat.json``.
        folder: an empty folder.
        progress: called with the patches written so far and in all.

    Yields:
        What a reader should know.

    Raises:
        InstallationError: webdataset is not installed.
    """
    library = extra_module("webdataset", extra="convert")
    with ExitStack() as stack:
        shards = {split: stack.enter_context(_Shards(library, folder, split)) for split in SPLITS}
        for row, pixels, missing in rows_of(store):
            split, label = SPLITS[store.splits[row]], int(store.labels[row])
            sample: dict[str, Any] = {
                "__key__": f"{row:07d}",
                "npy": pixels,
                "cls": label,
                "json": {"class": store.classes[label], "split": split, "index": row},
            }
            shards[split].write(sample if missing is None else sample | {"nodata.npy": missing})
            progress(row + 1, len(store))
    write_description(told, folder)
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

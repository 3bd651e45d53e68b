"""Reads a scene slab by slab in a thread of its own, while the model computes on the one before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from raysat.data.model_inputs import ModelInputs
from raysat.data.scenes.scene import Scene
from raysat.inference.maps.region import Region
from raysat.inference.maps.tiling import Indexes, Swath, Tiling

_AHEAD: Final = 1  # slabs that wait to be classified, beside the one that is read
_POLL_S: Final = 0.1  # between two looks whether anybody still waits
_STRIP: Final = 1 << 14  # columns of a file of strips that are read at once: whole rows of most
_TILES: Final = 1 << 12  # of one of tiles

Mask = npt.NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slab:
    """Pixels of some rows of windows of a swath; nodata holds its band's mean, as in a store."""

    swath: Swath
    begin: int  # rows of windows: the first
    end: int  # and the one after the last
    top: int  # row of its first pixel in the region
    left: int
    pixels: npt.NDArray[Any]  # (C, h, w)
    lost: npt.NDArray[np.int32] | None  # nodata pixels above and left of each corner, (h + 1, w + 1); None without any

    def mostly_missing(self, rows: tuple[Indexes, Indexes], columns: tuple[Indexes, Indexes]) -> Mask:
        """Of which rectangles more than half is nodata, (R, S): a pixel is where any of the bands is.

        Args:
            rows: first rows (R,) and those after the last (R,), in the region.
            columns: first columns (S,) and those after the last (S,).
        """
        if self.lost is None:
            return np.zeros((len(rows[0]), len(columns[0])), np.bool_)
        (top, bottom), (left, right) = ([side - self.top for side in rows], [side - self.left for side in columns])
        corners = self.lost
        lost = corners[np.ix_(bottom, right)] - corners[np.ix_(top, right)]
        lost = lost - corners[np.ix_(bottom, left)] + corners[np.ix_(top, left)]
        found: Mask = 2 * lost.astype(np.int64) > np.multiply.outer(bottom - top, right - left)
        return found


def slabs(scene: Scene, region: Region, tiling: Tiling, inputs: ModelInputs) -> Iterator[Slab]:
    """Read a region of a scene, swath by swath and slab by slab, one ahead.

    Args:
        scene: of the model's bands, in order.
        region: which part.
        tiling: of the region.
        inputs: of the model.

    Yields:
        Its parts, those of a swath one below the other.

    Raises:
        DataError: a file is damaged.
    """
    yield from _ahead(lambda: _slabs(scene, region, tiling, inputs))


def _slabs(scene: Scene, region: Region, tiling: Tiling, inputs: ModelInputs) -> Iterator[Slab]:
    means = np.array([band.mean for band in inputs.stats])
    fill = (np.rint(means) if inputs.dtype.startswith("u") else means).astype(inputs.dtype)[:, None, None]
    rows, columns = tiling.rows.starts, tiling.columns.starts
    for swath in tiling.swaths(swath_width(scene)):
        left = int(columns[swath.windows[0]])
        width = int(columns[swath.windows[1] - 1]) + tiling.columns.patch - left
        for begin, end in tiling.slabs(swath, width * fill.nbytes):
            top = int(rows[begin])
            height = int(rows[end - 1]) + tiling.rows.patch - top
            pixels, missing = scene.read(Window(region.column + left, region.row + top, width, height))
            lost = None
            if missing is not None:
                np.copyto(pixels, fill, where=missing)
                lost = np.zeros((height + 1, width + 1), np.int32)
                missing.any(axis=0).cumsum(axis=0, dtype=np.int32).cumsum(axis=1, out=lost[1:, 1:])
            yield Slab(swath=swath, begin=begin, end=end, top=top, left=left, pixels=pixels, lost=lost)


def swath_width(scene: Scene) -> int:
    """Pixels of a row that are read at once: files of strips are unpacked by whole rows, others by tiles."""
    striped = any(file.data.block_shapes[0][1] >= file.data.width for file in scene.files)
    return _STRIP if striped else _TILES


def _ahead(make: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Yield what an iterator does, which runs in a thread of its own; its errors are raised here."""
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(_AHEAD)
    left = threading.Event()

    def put(item: tuple[T | None, BaseException | None]) -> bool:
        while not left.is_set():
            try:
                waiting.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for item in make():
                if not put((item, None)):
                    return
            put((None, None))
        except BaseException as error:  # noqa: BLE001  (raised again where it is waited for)
            put((None, error))

    thread = threading.Thread(target=read, name="raysat reads ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        left.set()
        thread.join()

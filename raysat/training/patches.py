"""Patches of splits as tensors: resident on a CUDA device where they fit, else read by batch from the memory map.

Both keep the store's own type (uint8, uint16, float32) until a batch is taken; only the bands in use are held or read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.data.store import BandStats, PatchStore, Split

SharedPixels = Callable[[tuple[Split, ...], tuple[str, ...]], Mapping[Split, Tensor] | None]

# What all splits of a trial may take of a device's memory together. Of the total, since trials that start on a device
# at once all still see it free; the rest is for their models.
_FRACTION_OF_TOTAL: Final = 0.1
_FRACTION_OF_FREE: Final = 0.4
_CHUNK: Final = 1024  # patches copied to the device at a time


def open_patches(
    store: PatchStore,
    splits: Iterable[Split],
    bands: Sequence[int],
    device: torch.device,
    *,
    generated: Sequence[PatchStore] = (),
    shared: SharedPixels | None = None,
) -> dict[Split, Patches]:
    """Return the patches of splits, restricted to some bands: all on a device, or all from disk.

    Args:
        store: the real patches.
        splits: which to open.
        bands: positions of the bands in the store.
        device: where batches are wanted.
        generated: stores of the same bands, by name and in any order; their patches follow those of the train split.
        shared: asks for pixels that lie on a CUDA device already, of splits and bands by name; it may have none.
    """
    names = tuple(store.bands[band] for band in bands)
    mapped = mapped_patches(store, splits, names, device, generated=generated)
    if device.type == "cuda":
        if shared and (pixels := shared(tuple(mapped), names)):
            return {split: ResidentPatches(patches, device, pixels[split]) for split, patches in mapped.items()}
        free, total = torch.cuda.mem_get_info(device)
        needed = sum(patches.nbytes for patches in mapped.values())
        if needed <= min(_FRACTION_OF_TOTAL * total, _FRACTION_OF_FREE * free):
            return {split: ResidentPatches(patches, device) for split, patches in mapped.items()}
    return {**mapped}


def mapped_patches(
    store: PatchStore,
    splits: Iterable[Split],
    bands: Sequence[str],
    device: torch.device,
    *,
    generated: Sequence[PatchStore] = (),
) -> dict[Split, MappedPatches]:
    """Return the patches of splits, to be read from disk.

    Args:
        store: the real patches.
        splits: which to open.
        bands: names of bands.
        device: where batches are wanted.
        generated: stores of the same bands, by name and in any order; their patches follow those of the train split.
    """
    return {
        split: MappedPatches([store, *generated] if split == "train" else [store], split, bands, device)
        for split in splits
    }


class MappedPatches:
    """Reads each batch from memory maps; nothing is kept but what the operating system caches."""

    def __init__(self, stores: Sequence[PatchStore], split: Split, bands: Sequence[str], device: torch.device) -> None:
        """Find the split's patches; reads no pixel.

        Args:
            stores: of one type and size; the patches of the first come first.
            split: which of their patches.
            bands: names of the bands, in every store.
            device: where batches are wanted.
        """
        self._stores, self._device = stores, device
        self._bands = [np.array([store.bands.index(band) for band in bands]) for store in stores]
        rows = [store.indices(split) for store in stores]
        self._row_N, self._store_N = np.concatenate(rows), np.repeat(np.arange(len(stores)), list(map(len, rows)))
        self.labels = np.concatenate([store.labels[row] for store, row in zip(stores, rows, strict=True)])
        self._shape, self._dtype = (len(bands), *stores[0].images.shape[2:]), stores[0].images.dtype

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def nbytes(self) -> int:
        """Bytes of the split's pixels in these bands."""
        return len(self) * int(np.prod(self._shape)) * self._dtype.itemsize

    def read(self, positions: npt.NDArray[np.int64]) -> Tensor:
        """Return patches in the store's type on the host; uint16 as the int16 of the same bits (see ``as_float``)."""
        row_B, store_B = self._row_N[positions], self._store_N[positions]
        pixels = np.empty((len(positions), *self._shape), self._dtype)
        for number, (store, bands) in enumerate(zip(self._stores, self._bands, strict=True)):
            place = np.flatnonzero(store_B == number)
            place = place[np.argsort(row_B[place], kind="stable")]  # a cold disk is read forwards
            pixels[place] = store.images[np.ix_(row_B[place], bands)]
        return torch.from_numpy(pixels.view(np.int16) if pixels.dtype == np.uint16 else pixels)

    def take(self, positions: npt.NDArray[np.int64]) -> Tensor:
        """Return patches (B, C, H, W) on the device as float32, in the store's units."""
        pixels = self.read(positions)
        if self._device.type == "cuda":
            pixels = pixels.pin_memory().to(self._device, non_blocking=True)
        return as_float(pixels)


class ResidentPatches:
    """Holds a split on the device in the store's type and indexes it there."""

    def __init__(self, mapped: MappedPatches, device: torch.device, pixels: Tensor | None = None) -> None:
        """Copy a split to the device.

        Args:
            mapped: the split.
            device: where it is wanted.
            pixels: a copy (N, C, H, W) that is there already, as ``pixels`` of another.
        """
        self.labels = mapped.labels
        if pixels is not None:
            self.pixels = pixels
            return
        chunks = [np.arange(start, min(start + _CHUNK, len(mapped))) for start in range(0, len(mapped), _CHUNK)]
        first = mapped.read(chunks[0])
        self.pixels = torch.empty((len(mapped), *first.shape[1:]), dtype=first.dtype, device=device)
        for chunk in chunks:
            self.pixels[chunk[0] : chunk[-1] + 1] = mapped.read(chunk).to(device)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: npt.NDArray[np.int64]) -> Tensor:
        """Return patches (B, C, H, W) on the device as float32, in the store's units."""
        return self.gather(torch.from_numpy(positions).to(self.pixels.device, non_blocking=True))

    def gather(self, positions_B: Tensor) -> Tensor:
        """Return patches as ``take`` does, whose positions are on the device already."""
        return as_float(self.pixels.index_select(0, positions_B))


Patches = MappedPatches | ResidentPatches  # of one split, addressed by position in it


def as_float(pixels: Tensor) -> Tensor:
    """Convert stored pixels to float32; int16 holds the bits of uint16, which torch hardly supports."""
    return (pixels.to(torch.int32) & 0xFFFF).float() if pixels.dtype == torch.int16 else pixels.float()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Per-band statistics as (C, 1, 1) tensors, to move patches between the store's units and a model's.

    Only ``to_unit`` cuts off what lies outside a band's full scale, which is robust (see ``BandStats``); ``normalise``
    keeps every value.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    span: Tensor

    @classmethod
    def of(cls, store: PatchStore, bands: Sequence[int], device: torch.device) -> Scale:
        """Return the scale of some bands of a store.

        Args:
            store: the patches.
            bands: positions of the bands in it, in the patches' order.
            device: where the statistics are wanted.
        """
        return cls.from_stats([store.stats[band] for band in bands], device)

    @classmethod
    def from_stats(cls, stats: Sequence[BandStats], device: torch.device) -> Scale:
        """Return the scale of bands with these statistics, on a device; a constant band is given a spread of one."""

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]

        return cls(
            mean=column([s.mean for s in stats]),
            std=column([s.spread for s in stats]),
            low=column([s.low for s in stats]),
            span=column([(s.high - s.low) or 1.0 for s in stats]),
        )

    def normalise(self, patches_BCHW: Tensor) -> Tensor:
        """Zero mean and unit deviation per band, from the store's units."""
        return (patches_BCHW - self.mean) / self.std

    def to_unit(self, patches_BCHW: Tensor) -> Tensor:
        """The band's full scale as [0, 1], from the store's units; what lies outside is clamped."""
        return ((patches_BCHW - self.low) / self.span).clamp_(0.0, 1.0)

    def from_unit(self, unit_BCHW: Tensor) -> Tensor:
        """The inverse of ``to_unit``."""
        return unit_BCHW * self.span + self.low

"""The patch store: labelled multispectral patches on disk, memory-mapped, with all that training needs to know of them.

A store is a folder of three files, or more where pixels are missing or places are known::

    images.npy   (N, C, H, W) uint8, uint16 or float32; nodata pixels hold their band's mean
    labels.npy   (N,) uint8
    nodata.npy   which pixels those are, where there are any (see ``nodata.py``)
    places.npy   where each patch lies, where that is known of all (see ``places.py``)
    groups.npy   which patches are alike, where that was said (see ``groups.py``)
    store.json   split of each patch, bands, sensor, classes, statistics, nodata pixels by band, source, fingerprint,
                 checksum of what is checked on opening, format version (see ``store_meta.py``)

It is written under a temporary name, synced and renamed into place, so a store is either whole or absent. Opening one
maps the images (``patch_store.py``) and looks at some of them (``open_check.py``): milliseconds and no copy, whatever
its size. ``verify.py`` reads all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from raysat.data.fields import DTYPES
from raysat.data.groups import Groups, groups_digest
from raysat.data.linked import LinkedPatches
from raysat.data.names import check_name, check_names
from raysat.data.nodata import Mask, PatchAppender
from raysat.data.npy import map_npy
from raysat.data.open_check import checksum
from raysat.data.patch_store import PatchStore
from raysat.data.places import Place, PlaceList, place_digest
from raysat.data.splits import SPLITS, Split, to_letters
from raysat.data.stats import BandStats, band_stats
from raysat.data.store_files import GROUPS, IMAGES, LABELS, META, PLACES, REMEDY
from raysat.data.store_meta import StoreMeta
from raysat.errors import DataError
from raysat.files import install_folder, partial_folder, real_target, sync_file, writing

# In the description of stores that say so alone.
_OPTIONAL: Final = ("pixel_size", "scenes", "places", "grouping", "groups")

__all__ = ["BandStats", "PatchStore", "StoreWriter", "Split", "SPLITS", "DTYPES"]


@dataclass(kw_only=True, eq=False)
class StoreWriter:
    """Writes a store patch by patch; memory stays flat, and nothing is left behind unless ``close`` succeeds.

    Use as a context manager; leaving it by an exception (Ctrl-C too) removes what was written. Raises DataError for
    names that cannot be (see ``names.py``), and where the target exists, the disk is full or the folder cannot be
    written to.
    """

    path: Path = field(kw_only=False)  # the folder to make
    bands: Sequence[str]  # names, in the order of the patches' first axis
    classes: Sequence[str]  # names; labels are positions among them
    sensor: str | None  # that recorded the patches, where it is known (see ``bands.py``)
    source: dict[str, Any]  # where they came from, for people to read; importers add what they counted
    ordinal: bool = False  # whether the order of the classes has a meaning
    generated: bool = False  # whether a model made the patches, which are then never measured on
    overwrite: bool = False  # replace a store that is there
    same_images: Path | None = None  # a file of just the images that are added: it is linked, not written again

    def __post_init__(self) -> None:
        self.source = dict(self.source)
        self._target = real_target(self.path)
        self._patches: PatchAppender | LinkedPatches | None = None
        self._labels: list[int] = []
        self._splits: list[int] = []
        self._hash = hashlib.sha256()
        self._places = PlaceList()
        check_names(self.classes, "class")
        check_names(self.bands, "band")
        if self.sensor is not None:
            check_name(self.sensor, "sensor")
        self._stack = ExitStack()
        check_target(self.path, overwrite=self.overwrite)
        with writing(self.path):
            self._work = self._stack.enter_context(partial_folder(self._target))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._patches is not None:
            self._patches.abandon()
        self._stack.close()

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """Labels so far, shape (N,)."""
        return np.asarray(self._labels, dtype=np.uint8)

    @property
    def splits(self) -> npt.NDArray[np.uint8]:
        """Splits so far, shape (N,), positions in SPLITS."""
        return np.asarray(self._splits, dtype=np.uint8)

    def add(
        self,
        patch: npt.NDArray[Any],
        label: int,
        split: Split = "train",
        missing: Mask | None = None,
        place: Place | None = None,
    ) -> None:
        """Append one patch.

        Args:
            patch: its pixels, (C, H, W).
            label: its class.
            split: the split that it belongs to.
            missing: where it is nodata, (C, H, W), or None where it is not; what is there does not matter.
            place: where it lies; a store keeps places where all of its patches have one.

        Raises:
            DataError: shape, type or label differ from what was promised, or a valid pixel is not finite.
        """
        patches = self._patches or self._begin(patch)
        if patch.shape != patches.shape or patch.dtype.name != patches.dtype.name:
            raise DataError(
                f"a patch is {_size(patch.shape)} {patch.dtype.name}, "
                f"the ones before it are {_size(patches.shape)} {patches.dtype.name}"
            )
        if missing is not None and missing.shape != patch.shape:
            raise DataError(f"a patch is {_size(patch.shape)}, its nodata mask {_size(missing.shape)}")
        if not 0 <= label < len(self.classes):
            raise DataError(f"label {label} is outside 0..{len(self.classes) - 1}")
        if patch.dtype.kind == "f" and not np.isfinite(patch).all(where=True if missing is None else ~missing):
            raise DataError("a patch holds NaN or infinite values")
        with writing(self.path):
            self._hash.update(patches.append(patch, missing))
        self._labels.append(int(label))
        self._splits.append(SPLITS.index(split))
        self._places.add(place)

    def close(self, splits: Sequence[Split] | None = None, groups: Groups | None = None) -> PatchStore:
        """Compute statistics, fill nodata, write the description and rename the store into place.

        A nodata pixel gets the mean of its band's valid pixels in the train split, which normalisation turns into 0. In
        a store of whole numbers that mean is rounded, so it is at most half a unit of the store from there.

        Args:
            splits: of all patches, in place of those given to ``add``: some importers can only assign them at the end.
            groups: of all patches, where it was said which are alike.

        Returns:
            The store, open.

        Raises:
            DataError: there is no patch, none to train on, or a band without a valid pixel in the train split.
        """
        if groups is not None and len(groups.codes) != len(self):
            raise ValueError(f"groups of {len(groups.codes)} patches for {len(self)}")
        if splits is not None:
            if len(splits) != len(self):
                raise ValueError(f"{len(splits)} splits for {len(self)} patches")
            self._splits = [SPLITS.index(split) for split in splits]
        patches, codes = self._patches, self.splits
        if patches is None:
            raise DataError("there is no patch to store: nothing was read, or all of it was dropped")
        if not np.any(codes == 0):
            raise DataError("no patch is in the train split")
        bands, height, width = patches.shape
        shape, dtype = (len(self), bands, height, width), patches.dtype.name
        places, pixel_size = self._places.places, self._places.pixel_size
        scenes, table = (places.scenes, places.table()) if places else ((), None)
        placed = place_digest(pixel_size, scenes, table)
        # The fingerprint covers what training sees: pixels, labels, splits, band and class names; not their origin, nor
        # where they lie, which has a digest of its own.
        seen = [self.bands, self.classes, self.sensor, shape, dtype]
        for part in (self.labels.tobytes(), codes.tobytes(), json.dumps(seen).encode(), patches.nodata_digest):
            self._hash.update(part)
        with writing(self.path):
            if lost := [repr(self.bands[band]) for band in patches.bands_without_data(codes == 0)]:
                raise DataError(
                    f"band {', '.join(lost)} has no valid pixel in the train split: all of it is nodata there",
                    hint="leave the band out of the files, or check their nodata values and masks",
                )
            stats = band_stats(partial(patches.blocks, codes == 0))
            patches.fill(np.array([band.mean for band in stats]))
            nodata = patches.count_nodata(np.ones(len(self), np.bool_)).tolist()
            patches.finish()
            np.save(self._work / LABELS, self.labels)
            if table is not None:
                np.save(self._work / PLACES, table)
            if groups is not None:
                np.save(self._work / GROUPS, groups.codes)
            meta = StoreMeta(
                bands=tuple(self.bands),
                sensor=self.sensor,
                classes=tuple(self.classes),
                ordinal=self.ordinal,
                generated=self.generated,
                stats=stats,
                nodata=tuple(nodata),
                shape=shape,
                dtype=dtype,
                pixel_size=pixel_size,
                scenes=scenes,
                places=placed,
                grouping=None if groups is None else groups.grouping,
                groups=None if groups is None else groups_digest(groups.grouping, groups.codes),
                source=self.source,
                fingerprint=self._hash.hexdigest()[:32],
                splits=to_letters(codes),
            )
            images = map_npy(self._work / IMAGES, remedy=REMEDY)
            meta = meta.model_copy(update={"checksum": checksum(meta, images, self.labels)})
            unsaid = {name for name in _OPTIONAL if not getattr(meta, name)}
            (self._work / META).write_text(meta.model_dump_json(indent=1, exclude=unsaid), encoding="utf-8")
            for file in self._work.iterdir():
                sync_file(file)
            check_target(self._target, overwrite=self.overwrite)  # another process may have made it meanwhile
            install_folder(self._work, self._target)
        return PatchStore.open(self.path)

    def _begin(self, patch: npt.NDArray[Any]) -> PatchAppender | LinkedPatches:
        """Take shape and type from the first patch."""
        if patch.ndim != 3 or patch.shape[0] != len(self.bands) or patch.size == 0:
            raise DataError(f"a patch has shape {patch.shape}, expected {len(self.bands)} bands first")
        if patch.dtype.name not in DTYPES:
            raise DataError(f"patches of type {patch.dtype.name} are not supported", hint=f"use {', '.join(DTYPES)}")
        with writing(self.path):
            linked = None if self.same_images is None else LinkedPatches.of(self.same_images, self._work)
            self._patches = linked or PatchAppender(self._work, patch.shape, np.dtype(patch.dtype.name))
        return self._patches


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raise DataError where a store cannot be written to a path; only a store is ever replaced, no other folder."""
    with writing(path):
        exists, is_store = path.exists(), (path / META).is_file()
    if not exists:
        return
    if not overwrite:
        raise DataError(f"{path} exists already", hint="choose another {--out}, or replace it with {--overwrite}")
    if not is_store:
        raise DataError(f"{path} is not a patch store, so it is not overwritten", hint="choose another {--out}")


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(axis) for axis in shape)

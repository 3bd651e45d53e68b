"""Import the W&B droughtwatch set: Landsat 8 patches of 65 x 65 px with the number of cows that the place can feed.

Upstream keeps TFRecord parts under ``train/`` and ``val/``; a folder of parts or one part will do. A part is a file
named ``part-*``, plain or compressed with gzip. Each record holds ``B1`` .. ``B11`` (4225 bytes each) and ``label``
0..3; some patches are all zero.
"""

from __future__ import annotations

import stat
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.data.importers.base import Patch, PatchSource
from raysat.data.importers.tfrecord import parse_example, read_records
from raysat.data.sensors import SENSORS
from raysat.data.splits import SPLITS, Split
from raysat.errors import DataError
from raysat.files import folder_entries, reading

SENSOR: Final = "landsat8"
CLASSES: Final = ("0 cows", "1 cow", "2 cows", "3+ cows")
SIDE: Final = 65
_REMEDY: Final = "give the folder with train/part-r-* and val/part-r-*, or a part"
_BANDS: Final = SENSORS[SENSOR].band_names


def read_droughtwatch(source: Path, *, keep_empty: bool = False) -> PatchSource:
    """Return the (11, 65, 65) uint8 patches in four ordinal classes of the upstream folder, a folder of parts, or one.

    Patches whose pixels are all zero are dropped and counted, unless ``keep_empty``. Raises DataError where there is no
    part, or none to train on; a damaged record is one that names file, record (from 0) and cause.
    """
    parts = find_parts(source)
    starts: list[int] = []  # number of each part's first record

    def place(number: int) -> str:
        part = bisect_right(starts, number) - 1
        return f"{parts[part][1]}: record {number - starts[part]}"

    return PatchSource(
        kind="droughtwatch",
        path=source,
        unit="records",
        bands=_BANDS,
        sensor=SENSOR,
        classes=CLASSES,
        ordinal=True,
        splits=frozenset(split for split, _ in parts if split is not None),
        patches=_patches(parts, starts),
        total=sum(_size(part) for _, part in parts),
        place=place,
        drop_zero=not keep_empty,
        facts={"parts": len(parts)},
    )


def _patches(parts: Sequence[tuple[Split | None, Path]], starts: list[int]) -> Iterator[Patch]:
    """Read the patches of all parts, and note in ``starts`` the number of each part's first one."""
    number = bytes_before = 0
    for split, part in parts:
        starts.append(number)
        for record, (payload, position) in enumerate(read_records(part)):
            try:
                pixels, label = decode(payload)
            except ValueError as error:
                raise DataError(f"{part}: record {record}: {error}", hint="is this a droughtwatch part?") from error
            yield Patch(pixels=pixels, label=label, split=split, done=bytes_before + position)
            number += 1
        bytes_before += _size(part)


def _size(part: Path) -> int:
    with reading(part, error=DataError):
        return part.stat().st_size


def find_parts(source: Path) -> list[tuple[Split | None, Path]]:
    """List the parts of a folder in order, with the split that their folder names, or None where there is none.

    Raises DataError where there is no part, where parts lie both in and beside the split folders, or where a folder
    cannot be read. What is called like a part is one: a pipe or a broken link is an error when its turn comes.
    """
    with reading(source, _REMEDY, DataError):
        if not stat.S_ISDIR(source.stat().st_mode):
            return [(None, source)]
    parts: list[tuple[Split | None, Path]] = [
        (split, Path(part.path))
        for split in (None, *SPLITS)
        for part in folder_entries(source / (split or ""), DataError)
        if part.name.startswith("part-")
    ]
    named = [split for split, _ in parts if split is not None]
    if 0 < len(named) < len(parts):
        raise DataError(f"{source} holds parts both beside and inside {named[0]}/", hint="move them apart")
    if not parts:
        raise DataError(f"{source} holds no part-* file", hint=_REMEDY)
    if named and named[0] != "train":
        raise DataError(f"{source} has no parts in train/", hint="the model needs patches to train on")
    return parts


def decode(payload: bytes) -> tuple[npt.NDArray[np.uint8], int]:
    """Return the patch (11, 65, 65) and the label of one record. Raises ValueError with the cause where it is wrong."""
    features = parse_example(payload)
    planes = []
    for band in _BANDS:
        match features.get(band):
            case [bytes(plane)] if len(plane) == SIDE * SIDE:
                planes.append(plane)
            case [bytes(plane)]:
                raise ValueError(f"band {band} has {len(plane)} bytes, expected {SIDE * SIDE}")
            case None | []:
                raise ValueError(f"band {band} is missing")
            case _:
                raise ValueError(f"band {band} is not one string of bytes")
    match features.get("label"):
        case [int(label)] if 0 <= label < len(CLASSES):
            return np.frombuffer(b"".join(planes), dtype=np.uint8).reshape(len(_BANDS), SIDE, SIDE), label
        case [int(label)]:
            raise ValueError(f"label {label} is outside 0..{len(CLASSES) - 1}")
        case None | []:
            raise ValueError("the label is missing")
        case _:
            raise ValueError("the label is not one whole number")

"""Import WebDataset shards: tar files whose members of one key are a patch (``.npy`` and ``.cls``, as exporters write).

Shards are read by the standard library, not by webdataset: sizes are bounded before a member is read, and nothing is
decoded but plain arrays and numbers.
"""

from __future__ import annotations

import heapq
import io
import itertools
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.exporters.description import read_description, read_groups, read_places
from raysat.data.importers.base import Patch, PatchSource
from raysat.data.importers.converted import NOTHING, Given, Known, in_order
from raysat.data.importers.form import MAX_PATCH_BYTES
from raysat.data.npy import HEADER_BYTES, fitting_header
from raysat.data.splits import SPLITS, Split
from raysat.errors import DataError, prefixed
from raysat.files import folder_entries, open_regular, reading
from raysat.formatting import echo

_MOST: Final = MAX_PATCH_BYTES + HEADER_BYTES  # bytes of a member
_FIELDS: Final = 20  # of a patch: others than those that are read are passed over
_SPLIT: Final = re.compile(rf"({'|'.join(SPLITS)})(?![a-z])")
_LABEL: Final = re.compile(rb"\s*(\d{1,3})\s*")
_REMEDY: Final = "give the folder with train-*.tar, val-*.tar and test-*.tar"
_MAX_SHARD: Final = 1 << 40
_READ: Final = ("npy", "cls", "nodata.npy")


def read_webdataset(source: Path, given: Given = NOTHING) -> PatchSource:
    """Return the patches of a folder of shards.

    Args:
        source: the folder; a shard's name begins with the split, where there is one.
        given: what is said of them.

    Raises:
        DataError: there is no shard, or none to train on; a member that cannot be read raises it, naming shard and key,
            when its turn comes.
        UsageError: nothing names bands or classes.
    """
    told = read_description(source)
    known = Known.of(told, given)
    known.check_classes("shards")
    shards = _find(source)
    places, groups = read_places(told, source), read_groups(told, source)
    streams = [_samples_of(split, [shard for of, shard in shards if of == split]) for split in (None, *SPLITS)]
    # Keys are positions in the store that was converted: its order comes back.
    samples = heapq.merge(*streams, key=lambda sample: in_order(sample.key)) if told else itertools.chain(*streams)
    read: list[tuple[Path, str]] = []

    def patches() -> Iterator[Patch]:
        done = 0
        for sample in samples:
            read.append((sample.shard, sample.key))
            with prefixed(f"{sample.shard}: {sample.key}", DataError):
                pixels, label, missing = _decode(sample.fields, len(known.bands), len(known.classes))
            done += sample.size
            yield Patch(
                pixels=pixels,
                label=label,
                split=sample.split,
                missing=missing,
                place=known.place(places, sample.key),
                group=known.group(groups, sample.key),
                done=done,
            )

    return PatchSource(
        kind="webdataset",
        path=source,
        unit="patches",
        splits=frozenset(split for split, _ in shards if split is not None),
        patches=patches(),
        total=sum(_size(shard) for _, shard in shards),
        place=lambda number: "{}: {}".format(*read[number]),
        drop_zero=False,
        **known.facts(),
    )


@dataclass(frozen=True, slots=True)
class _Sample:
    """The members of one key."""

    key: str
    split: Split | None
    shard: Path
    fields: dict[str, bytes]
    size: int  # bytes of the shard that it takes, about


def _find(source: Path) -> list[tuple[Split | None, Path]]:
    """List the shards with the split that their name begins with. Raises DataError where there is none to train on."""
    shards: list[tuple[Split | None, Path]] = []
    for entry in folder_entries(source, DataError):
        if entry.name.endswith(".tar") and not entry.name.startswith("."):
            named = _SPLIT.match(entry.name)
            shards.append((next((split for split in SPLITS if named and split == named[1]), None), Path(entry.path)))
    if not shards:
        raise DataError(f"{source} holds no *.tar", hint=_REMEDY)
    found = {split for split, _ in shards}
    if len(found) > 1 and None in found:
        name = next(shard.name for split, shard in shards if split is None)
        raise DataError(f"{source} holds shards of splits and {name}, whose name begins with none", hint=_REMEDY)
    if found.isdisjoint({None, "train"}):
        raise DataError(f"{source} holds no train-*.tar", hint="the model needs patches to train on")
    return shards


def _samples_of(split: Split | None, shards: Sequence[Path]) -> Iterator[_Sample]:
    for shard in shards:
        yield from _samples(split, shard)


def _samples(split: Split | None, shard: Path) -> Iterator[_Sample]:
    """Read the patches of a shard: members that follow one another and have one key, which ends at the first dot."""
    with open_regular(shard, max_bytes=_MAX_SHARD, remedy=_REMEDY, error=DataError) as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                key, fields, begun = "", dict[str, bytes](), 0
                while (member := tar.next()) is not None:
                    tar.members = []  # type: ignore[attr-defined]  # of which it would keep every one
                    if not member.isreg() or member.issparse():
                        if member.isdir():
                            continue
                        raise DataError(f"{shard}: {echo(member.name)} is no plain file", hint="make the shard again")
                    folder, _, name = member.name.rpartition("/")
                    stem, _, suffix = name.partition(".")
                    own = f"{folder}/{stem}" if folder else stem
                    if own != key:
                        if fields:
                            yield _Sample(key, split, shard, fields, member.offset - begun)
                        key, fields, begun = own, {}, member.offset
                    if suffix in fields or len(fields) >= _FIELDS:
                        raise DataError(f"{shard}: {echo(member.name)} comes twice", hint="make the shard again")
                    if suffix in _READ and member.size > _MOST:
                        raise DataError(
                            f"{shard}: {echo(member.name)} has {member.size:,} bytes, more than the "
                            f"{MAX_PATCH_BYTES >> 20} MB of a patch",
                            hint="cut large scenes into patches first",
                        )
                    content = tar.extractfile(member) if suffix in _READ else None
                    fields[suffix] = content.read() if content else b""
                if fields:
                    yield _Sample(key, split, shard, fields, _size(shard) - begun)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise DataError(f"{shard} cannot be read as a tar file: {error}", hint="copy it again") from error


def _decode(
    fields: dict[str, bytes], bands: int, classes: int
) -> tuple[npt.NDArray[Any], int, npt.NDArray[np.bool_] | None]:
    """Return pixels (C, H, W), label and nodata of a patch. Raises DataError with the cause where one is wrong."""
    hint = "a patch is .npy, bands first, and .cls, a number"
    for name in ("npy", "cls"):
        if name not in fields:
            raise DataError(f"it has no .{name}, but {', '.join(map(echo, fields))}", hint=hint)
    label = _LABEL.fullmatch(fields["cls"])
    if label is None or int(label[1]) >= classes:
        raise DataError(f"the label {echo(fields['cls'][:20])} is no number from 0 to {classes - 1}", hint=hint)
    pixels = _array(fields["npy"])
    if pixels.ndim != 3 or pixels.shape[0] != bands:
        raise DataError(f"it has shape {pixels.shape}, expected {bands} bands x height x width", hint=hint)
    missing = None
    if "nodata.npy" in fields:
        missing = _array(fields["nodata.npy"])
        if missing.shape != pixels.shape or missing.dtype != np.bool_:
            raise DataError(f"its nodata is {missing.shape} {missing.dtype}, the pixels {pixels.shape}", hint=hint)
    return pixels, int(label[1]), missing


def _array(content: bytes) -> npt.NDArray[Any]:
    """Read the bytes of an .npy file. Raises DataError where they are not one plain array."""
    try:
        header = fitting_header(io.BytesIO(content), len(content))
    except ValueError as caught:
        raise DataError(f"its array cannot be read: {caught}", hint="save it with numpy.save") from caught
    values = np.frombuffer(content, header.dtype, offset=header.start)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def _size(shard: Path) -> int:
    with reading(shard, error=DataError):
        return shard.stat().st_size

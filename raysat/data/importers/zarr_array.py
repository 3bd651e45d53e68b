"""Opens a Zarr array (format 3) that may be anything: what its files say is checked before zarr reads one.

Arrays are of plain numbers, in chunks of bounded size, one file each, packed by a codec whose header says beforehand
how much a chunk holds. Objects, which may be pickles, are never decoded; a chunk that is missing is an error and no
block of zeros.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field

from raysat.data.importers.form import MAX_PATCH_BYTES
from raysat.errors import DataError
from raysat.files import FileModel, file_exists, open_regular, read_model
from raysat.formatting import echo

GROUP: Final = "zarr.json"
REMEDY: Final = "give the folder of a Zarr group, format 3, with images, labels and splits"
META_BYTES: Final = 1 << 20
_MAX_PATCHES: Final = 10_000_000
_MAX_CHUNK: Final = 256 << 20  # bytes, unpacked
_PACKED: Final[tuple[list[str], ...]] = ([], ["zstd"], ["blosc"], ["crc32c"])  # whose header says what it holds
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_HEAD: Final = 18  # bytes of a chunk in which its header lies

Size = Annotated[int, Field(ge=1, lt=2**40)]


class ZarrModel(FileModel):
    """Base of what a ``zarr.json`` says; no number is read from text."""

    model_config = ConfigDict(strict=True)


class _Codec(ZarrModel):
    name: Annotated[str, Field(max_length=100)]


class _Chunks(ZarrModel):
    chunk_shape: Annotated[tuple[Size, ...], Field(min_length=1, max_length=4)]


class _Grid(ZarrModel):
    name: Literal["regular"]
    configuration: _Chunks


class _Separator(ZarrModel):
    separator: Literal["/", "."] = "/"


class _Keys(ZarrModel):
    name: Literal["default"]
    configuration: _Separator = _Separator()


class _Array(ZarrModel):
    """``zarr.json`` of an array, as far as it decides what is read."""

    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: Annotated[tuple[Size, ...], Field(min_length=1, max_length=4)]
    data_type: Annotated[str, Field(max_length=100)]
    chunk_grid: _Grid
    chunk_key_encoding: _Keys
    codecs: Annotated[tuple[_Codec, ...], Field(min_length=1, max_length=4)]


@dataclass(frozen=True, slots=True)
class ZarrArray:
    """An array whose description is checked."""

    folder: Path
    meta: _Array
    values: Any  # zarr's

    @property
    def step(self) -> int:
        """Rows of a chunk."""
        return self.meta.chunk_grid.configuration.chunk_shape[0]

    def read(self, start: int) -> npt.NDArray[Any]:
        """Read the rows of the chunks that begin at a row. Raises DataError, naming the chunk, where one is damaged."""
        for place in self._chunks(start):
            self._check(place)
        try:
            return np.asarray(self.values[start : start + self.step])
        except (ValueError, RuntimeError, OSError, MemoryError, TypeError, KeyError) as error:
            raise DataError(f"{self.folder}: rows from {start:,}: {error}", hint="copy the data again") from error

    def _chunks(self, start: int) -> Iterator[Path]:
        of_axes = zip(self.meta.shape[1:], self.meta.chunk_grid.configuration.chunk_shape[1:], strict=True)
        separator = self.meta.chunk_key_encoding.configuration.separator
        for others in product(*(range(-(-length // chunk)) for length, chunk in of_axes)):
            yield self.folder / separator.join(("c", str(start // self.step), *map(str, others)))

    def _check(self, place: Path) -> None:
        """Raise DataError where a chunk is missing, or would unpack to more than it should."""
        expected = _chunk_bytes(self.meta)
        with open_regular(
            place, max_bytes=_MAX_CHUNK, remedy="a chunk is missing or too large", error=DataError
        ) as file:
            head = file.read(_HEAD)
        for codec in self.meta.codecs:
            holds = expected
            if codec.name == "zstd":
                holds = _zstd_content(head)
            elif codec.name == "blosc":
                holds = struct.unpack_from("<I", head, 4)[0] if len(head) >= 8 else -1
            if holds != expected:
                raise DataError(
                    f"{place} says that it holds {echo(holds)} bytes, a chunk of the array has {expected:,}",
                    hint="copy the data again, or write it with zstd and no filter before it",
                )


def open_array(library: Any, folder: Path, kinds: Sequence[str], axes: int) -> ZarrArray:
    """Open an array whose description is that of plain numbers in bounded chunks.

    Args:
        library: zarr.
        folder: of the array.
        kinds: types that its values may have.
        axes: how many it must have.

    Returns:
        The array, to be read chunk by chunk.

    Raises:
        DataError: it is another, or cannot be read.
    """
    where = folder / GROUP
    if not file_exists(where, DataError):
        raise DataError(f"{folder} is no Zarr array (no {GROUP})", hint=REMEDY)
    meta = read_model(_Array, where, remedy=REMEDY, max_bytes=META_BYTES, error=DataError)
    names = [codec.name for codec in meta.codecs]
    fault = ""
    if meta.data_type not in kinds:
        fault = f"its values are {echo(meta.data_type)}, not {', '.join(kinds)}"
    elif len(meta.shape) != axes or len(meta.chunk_grid.configuration.chunk_shape) != axes:
        fault = f"it has {len(meta.shape)} axes, expected {axes}"
    elif meta.shape[0] > _MAX_PATCHES:
        fault = f"it has {meta.shape[0]:,} patches, at most {_MAX_PATCHES:,} are read"
    elif axes == 4 and math.prod(meta.shape[1:]) * _itemsize(meta) > MAX_PATCH_BYTES:
        fault = f"a patch of it is more than {MAX_PATCH_BYTES >> 20} MB"
    elif _chunk_bytes(meta) > _MAX_CHUNK:
        fault = f"its chunks have {_chunk_bytes(meta):,} bytes, at most {_MAX_CHUNK:,} are read"
    elif names[0] != "bytes" or names[1:] not in _PACKED:
        fault = f"its codecs are {echo(', '.join(names))}; bytes alone, or with zstd or blosc, are read"
    if fault:
        raise DataError(f"{folder} cannot be read: {fault}", hint=REMEDY)
    try:
        return ZarrArray(folder, meta, library.open_array(str(folder), mode="r", zarr_format=3))
    except (ValueError, RuntimeError, OSError, TypeError, KeyError, LookupError) as error:
        raise DataError(f"{folder} cannot be read: {error}", hint=REMEDY) from error


def _itemsize(meta: _Array) -> int:
    return np.dtype(meta.data_type).itemsize


def _chunk_bytes(meta: _Array) -> int:
    return math.prod(meta.chunk_grid.configuration.chunk_shape) * _itemsize(meta)


def _zstd_content(head: bytes) -> int:
    """Bytes that a zstd frame says it unpacks to, -1 where it does not say it (RFC 8878, section 3.1.1)."""
    if not head.startswith(_ZSTD) or len(head) < 5:
        return -1
    descriptor = head[4]
    single, flag = descriptor >> 5 & 1, descriptor >> 6
    start = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    size = (1 if single else 0, 2, 4, 8)[flag]
    if not size or len(head) < start + size:
        return -1
    return int.from_bytes(head[start : start + size], "little") + (256 if size == 2 else 0)

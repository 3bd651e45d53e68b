"""TFRecord files, record by record, both checksums verified; and the tf.train.Example inside.

A record is framed as: length (uint64), masked CRC-32C of the length, payload, masked CRC-32C of the payload; all little
endian (https://www.tensorflow.org/tutorials/load_data/tfrecord). A whole file may be compressed with gzip, which its
first bytes tell.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import struct
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import crc32c

from raysat.errors import DataError

# Bytes of a record at most. Patches take some kB to MB; and 64 kB of gzip can hold 64 MB, so that a length which the
# file's own size does not bound is not believed any further.
_MOST: Final = 64 << 20
_HEAD: Final = 12  # bytes of a record before its payload
_GZIP: Final = b"\x1f\x8b"
_MASK_DELTA: Final = 0xA282EAD8


def read_records(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the payload of each record of a file, plain or gzip, and how many of the file's bytes are read by then.

    Raises DataError, naming file, record (from 0) and cause, for a broken checksum, a record of more than 64 MiB, and a
    file that is truncated, compressed in another way or cannot be read.
    """
    record = 0
    try:
        with path.open("rb") as raw:
            file = _uncompressed(path, raw)
            while head := file.read(_HEAD):
                payload = _payload(path, record, head, file)
                record += 1
                file.peek(1)  # after the last record of gzip, this reads and verifies the checksum of all
                yield payload, raw.tell()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, record, f"the gzip stream is damaged or truncated: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _uncompressed(path: Path, raw: BufferedReader) -> BufferedReader | gzip.GzipFile:
    """Return a file of records, whether they are compressed or not. A plain file's length may look like compression."""
    head = raw.read(_HEAD)
    raw.seek(0)
    if _length(head) is not None:
        return raw
    if head.startswith(_GZIP):
        return gzip.GzipFile(fileobj=raw)
    if head[:1] == b"\x78" and int.from_bytes(head[:2]) % 31 == 0:  # RFC 1950: deflate, 32 kB window, header check
        raise DataError(
            f"{path} is compressed with zlib, which is not read",
            hint="write it again with the compression GZIP, or with none",
        )
    return raw


def _payload(path: Path, record: int, head: bytes, file: BufferedReader | gzip.GzipFile) -> bytes:
    """Read and verify the rest of a record."""
    if len(head) < _HEAD:
        raise _damaged(path, record, f"the file is truncated: {len(head)} bytes left, a header takes {_HEAD}")
    length = _length(head)
    if length is None:
        raise _damaged(path, record, "the checksum of its length is wrong")
    if length > _MOST:
        raise _damaged(path, record, f"it claims to have {length:,} bytes; records of up to {_MOST:,} are read")
    content = file.read(length + 4)
    if len(content) < length + 4:
        raise _damaged(path, record, f"the file is truncated: {len(content)} of {length + 4} bytes are left")
    payload = content[:length]
    if masked_crc(payload) != struct.unpack("<I", content[length:])[0]:
        raise _damaged(path, record, "the checksum of its content is wrong")
    return payload


def _length(head: bytes) -> int | None:
    """The length that a record's header tells, or None where its checksum is wrong or it is too short."""
    if len(head) < _HEAD:
        return None
    length, crc = struct.unpack("<QI", head)
    return int(length) if masked_crc(head[:8]) == crc else None


def parse_example(payload: bytes) -> dict[str, list[Any]]:
    """Return the features of a serialised tf.train.Example by name. Raises ValueError where it is none."""
    make, decode_error = _schema()
    try:
        example = make.FromString(payload)
    except decode_error as error:
        raise ValueError("it is not a tf.train.Example") from error
    features = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        features[name] = list(getattr(feature, kind).value) if kind else []
    return features


def masked_crc(content: bytes) -> int:
    """CRC-32C, rotated and offset as TFRecord stores it."""
    crc: int = crc32c.crc32c(content)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _damaged(path: Path, record: int, cause: str) -> DataError:
    return DataError(f"{path}: record {record}: {cause}", hint="copy or download the file again")


@functools.cache
def _schema() -> tuple[Any, type[Exception]]:
    """Load the Example class from the tfrecord package's file alone: the package imports torch (5 s and 500 MB)."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415

    package = importlib.util.find_spec("tfrecord")
    folders = (package and package.submodule_search_locations) or []
    spec = importlib.util.spec_from_file_location(
        "raysat_example_pb2", *(Path(at) / "example_pb2.py" for at in folders)
    )
    if spec is None or spec.loader is None:
        raise ImportError("the package tfrecord is not installed")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Example, DecodeError

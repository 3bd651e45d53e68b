"""TFRecord files, record by record, both checksums verified; and the tf.train.Example inside.

A record is framed as: length (uint64), masked CRC-32C of the length, payload, masked CRC-32C of the payload; all little
endian (https://www.tensorflow.org/tutorials/load_data/tfrecord).
"""

from __future__ import annotations

import functools
import importlib.util
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import crc32c

from raysat.errors import DataError

FRAME: Final = 16  # bytes of a record beside its payload
_MASK_DELTA: Final = 0xA282EAD8


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the payload of each record of a file.

    Raises DataError, naming file, record (from 0) and cause, for a broken checksum, a truncated file or one that cannot
    be read.
    """
    record = 0
    try:
        with path.open("rb") as file:
            left = path.stat().st_size
            while left:
                head = file.read(12)
                if len(head) < 12:
                    raise _damaged(path, record, f"the file is truncated: {left} bytes left, a header takes 12")
                length, length_crc = struct.unpack("<QI", head)
                if masked_crc(head[:8]) != length_crc:
                    raise _damaged(path, record, "the checksum of its length is wrong")
                if length + FRAME > left:
                    raise _damaged(path, record, f"the file is truncated: {left} of {length + FRAME} bytes are left")
                payload = file.read(length)
                tail = file.read(4)
                if len(payload) + len(tail) != length + 4:
                    raise _damaged(path, record, "the file is truncated")
                if masked_crc(payload) != struct.unpack("<I", tail)[0]:
                    raise _damaged(path, record, "the checksum of its content is wrong")
                yield payload
                left -= length + FRAME
                record += 1
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


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

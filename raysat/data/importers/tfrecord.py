"""TFRecord files, record by record, both checksums verified; and the tf.train.Example inside.

A record is framed as: length (uint64), masked CRC-32C of the length, payload, masked CRC-32C of the payload; all little
endian (https://www.tensorflow.org/tutorials/load_data/tfrecord). A whole file may be compressed with gzip, which its
first bytes tell.
"""

from __future__ import annotations

import gzip
import struct
import sys
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import crc32c
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError

from raysat.errors import DataError
from raysat.files import open_regular

# Bytes of a record at most; those of droughtwatch have 47 kB. What a record claims is taken from memory before it is
# read; 1 kB of gzip can hold 1 MB; and a MB of features can take Python 50.
_MOST: Final = 1 << 20
_HEAD: Final = 12  # bytes of a record before its payload
_GZIP: Final = b"\x1f\x8b"
_MASK_DELTA: Final = 0xA282EAD8

# tensorflow/core/example/{example,feature}.proto, as a descriptor: the packages that ship them import all of
# TensorFlow or torch (5 s and 500 MB).
_SCHEMA: Final = """
name: "raysat/example.proto" package: "tensorflow" syntax: "proto3"
message_type { name: "BytesList" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_BYTES } }
message_type { name: "FloatList" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_FLOAT } }
message_type { name: "Int64List" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_INT64 } }
message_type {
  name: "Feature" oneof_decl { name: "kind" }
  field { name: "bytes_list" number: 1 type: TYPE_MESSAGE type_name: ".tensorflow.BytesList" oneof_index: 0 }
  field { name: "float_list" number: 2 type: TYPE_MESSAGE type_name: ".tensorflow.FloatList" oneof_index: 0 }
  field { name: "int64_list" number: 3 type: TYPE_MESSAGE type_name: ".tensorflow.Int64List" oneof_index: 0 }
}
message_type {
  name: "Features"
  field { name: "feature" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".tensorflow.Features.Entry" }
  nested_type {
    name: "Entry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".tensorflow.Feature" }
  }
}
message_type {
  name: "Example"
  field { name: "features" number: 1 type: TYPE_MESSAGE type_name: ".tensorflow.Features" }
}
"""
_POOL: Final = descriptor_pool.DescriptorPool()  # of its own: the default one may hold TensorFlow's
_POOL.AddSerializedFile(text_format.Parse(_SCHEMA, descriptor_pb2.FileDescriptorProto()).SerializeToString())
_Example: Final = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("tensorflow.Example"))


def read_records(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the payload of each record of a file, plain or gzip, and how many of the file's bytes are read by then.

    Raises DataError, naming file, record (from 0) and cause, for a broken checksum, a record of more than 1 MiB, and a
    file that is no regular file, truncated, compressed in another way or cannot be read.
    """
    record = 0
    with open_regular(path, max_bytes=sys.maxsize, error=DataError) as raw:
        try:
            file = _uncompressed(path, raw)
            while head := file.read(_HEAD):
                payload = _payload(path, record, head, file)
                record += 1
                file.peek(1)  # after the last record of gzip, this reads and verifies the checksum of all
                yield payload, raw.tell()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(path, record, f"the gzip stream is damaged or truncated: {error}") from error


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
    try:
        example = _Example.FromString(payload)
    except DecodeError as error:
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

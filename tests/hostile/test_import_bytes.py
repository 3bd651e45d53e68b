"""Arrays and TFRecords that claim what they do not hold: refused before memory is taken, and nothing in them is run."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import crc32c
import pytest

from raysat.data.importers.tfrecord import masked_crc
from tests.helpers.data import example, record

pytestmark = pytest.mark.timeout(20)


def npy(text: str, payload: bytes = b"") -> bytes:
    """An .npy file with this header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + payload


ARRAYS = [
    npy("{'descr': '<u2', 'fortran_order': False, 'shape': (6, 6, 2), }" + " " * 60_000 + "\n", bytes(144)),
    npy("{'descr': '<u2', 'fortran_order': False, 'shape': (100000, 100000, 2), }\n"),
    npy("{'descr': '<u2', 'fortran_order': False, 'shape': (-1, 6, 2), }\n", bytes(144)),
    npy("{'descr': '|O', 'fortran_order': False, 'shape': (6, 6, 2), }\n", b"cos\nsystem\n(S'touch owned'\ntR."),
    npy("(" * 3000),
    npy("__import__('os').system('touch owned')"),
    b"PK\3\4" + bytes(100),
    b"\x80\x04\x95" + bytes(100),
    b"",
]


@pytest.mark.parametrize("name", ["train/a/0.npy", "val/b/0.npy"])
@pytest.mark.parametrize("content", ARRAYS, ids=range(len(ARRAYS)))
def test_a_hostile_array_is_refused(
    refused: Callable[..., None], source: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.chdir(source)
    (source / "arrays" / name).write_bytes(content)
    refused("folder", f"{name} cannot be read", "numpy.save")
    assert not (source / "owned").exists()


def test_an_array_larger_than_a_patch_is_refused_before_it_is_read(refused: Callable[..., None], source: Path) -> None:
    start = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1048576, 1048576, 1), }\n")
    with (source / "arrays/train/a/0.npy").open("wb") as file:
        file.write(start)
        file.truncate(len(start) + (1 << 40))  # sparse: takes no space
    refused("folder", "larger than 67,108,864 bytes")


def framed(payload: bytes, length: int | None = None) -> bytes:
    """A record with the right checksums, whatever length it claims."""
    head = struct.pack("<Q", len(payload) if length is None else length)
    checksums = (struct.pack("<I", masked_crc(part)) for part in (head, payload))
    return head + next(checksums) + payload + next(checksums)


def nested(depth: int) -> bytes:
    """Protobuf groups within each other."""
    return b"\x0b" * depth + b"\x0c" * depth


PARTS: list[tuple[Callable[[], bytes], str]] = [  # made when their tests run: finding tests stays fast
    (lambda: framed(b"", 1 << 62), "claims to have"),
    (lambda: framed(b"", (1 << 20) + 1), "records of up to 1,048,576 are read"),
    (lambda: framed(b"x" * 10, 1 << 20), "the file is truncated"),
    (lambda: framed(b""), "band B1 is missing"),
    (lambda: framed(nested(100_000)), "not a tf.train.Example"),
    (lambda: framed(example({"B1": list(range(200_000))})), "band B1 is not one string of bytes"),
    (lambda: framed(example({f"x{index}": b"" for index in range(50_000)})), "band B1 is missing"),
    (lambda: framed(b"\x0a\xff\xff\xff\xff\x0f"), "not a tf.train.Example"),
    (lambda: gzip.compress(bytes(50_000_000)), "the checksum of its length is wrong"),
    (lambda: gzip.compress(framed(b"", 1 << 62)), "claims to have"),
    (lambda: gzip.compress(framed(bytes(range(256))))[:-60], "gzip stream is damaged or truncated"),
    (lambda: gzip.compress(b"")[:8], "gzip stream is damaged or truncated"),
    (lambda: b"\x78\x9c" + bytes(30), "zlib"),
    (lambda: b"\x1b]0;owned\x07" * 9, "the checksum of its length is wrong"),
    (lambda: b"PK\3\4", "the file is truncated"),
]


@pytest.mark.parametrize(("content", "said"), PARTS, ids=[said for _, said in PARTS])
def test_a_hostile_part_is_refused(
    refused: Callable[..., None], source: Path, content: Callable[[], bytes], said: str
) -> None:
    (source / "parts" / "val" / "part-0").write_bytes(content())
    refused("droughtwatch", "val/part-0: record 0: " if said != "zlib" else "val/part-0", said)


def test_the_checksum_of_these_tests_is_that_of_the_format() -> None:
    assert record(b"abc", crc32c.crc32c) == framed(b"abc")

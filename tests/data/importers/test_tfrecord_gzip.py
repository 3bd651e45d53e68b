"""Compressed TFRecord files: gzip is read as if it were not there, anything else or damaged is refused."""

import gzip
import random
import struct
import tracemalloc
import zlib

import crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.importers import tfrecord
from raysat.data.importers.tfrecord import masked_crc, read_records
from raysat.errors import DataError
from tests.helpers.data import quick, record

PAYLOADS = [b"", b"abc", bytes(range(256)) * 5]


def read(file):
    return [payload for payload, _ in read_records(file)]


@quick
@given(
    members=st.lists(st.lists(st.binary(max_size=3000), max_size=4), min_size=1, max_size=3), level=st.integers(0, 9)
)
def test_records_of_gzip_come_back(tmp_path_factory, members, level):
    file = tmp_path_factory.mktemp("gzip") / "part-0"
    file.write_bytes(b"".join(gzip.compress(b"".join(map(record, payloads)), level) for payloads in members))
    assert read(file) == [payload for payloads in members for payload in payloads]


@pytest.mark.slow
def test_progress_is_of_the_files_own_bytes(tmp_path):
    payloads = [random.Random(seed).randbytes(20_000) for seed in range(40)]
    (tmp_path / "p").write_bytes(gzip.compress(b"".join(map(record, payloads))))
    positions = [position for _, position in read_records(tmp_path / "p")]
    assert positions == sorted(positions)
    assert positions[-1] == (tmp_path / "p").stat().st_size
    assert positions[9] < 0.6 * positions[-1]  # a quarter of it, and what is read ahead


@pytest.mark.parametrize("over", range(20))
def test_progress_ends_at_the_end_wherever_reading_ahead_stopped(tmp_path, over):
    most = 1 << 17  # bytes that gzip reads at a time, or a multiple of it
    spare = len(gzip.compress(record(bytes(most), crc32c.crc32c), 0)) - most
    (tmp_path / "p").write_bytes(gzip.compress(record(bytes(most + over - spare), crc32c.crc32c), 0))
    assert (tmp_path / "p").stat().st_size == most + over
    assert [position for _, position in read_records(tmp_path / "p")] == [most + over]


@quick
@given(st.data())
def test_any_truncation_is_found(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("cut") / "part-0"
    content = gzip.compress(b"".join(map(record, PAYLOADS)), data.draw(st.integers(0, 9)))
    file.write_bytes(content[: data.draw(st.integers(1, len(content) - 1))])
    with pytest.raises(
        DataError, match=r"part-0: record \d: the (file is|gzip stream is damaged or) truncated"
    ) as caught:
        read(file)
    assert caught.value.hint


@quick
@given(st.data())
def test_a_flipped_bit_is_found_where_it_changes_anything(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("flipped") / "part-0"
    content = bytearray(gzip.compress(b"".join(map(record, PAYLOADS)), data.draw(st.sampled_from((0, 6)))))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    try:
        assert read(file) == PAYLOADS  # the time of writing, say
    except DataError as error:
        assert "part-0: record " in error.message  # noqa: PT017


@pytest.mark.slow
def test_damage_names_the_record_that_cannot_be_read(tmp_path):
    payloads = [random.Random(seed).randbytes(100_000) for seed in range(8)]
    content = gzip.compress(b"".join(map(record, payloads)))
    (tmp_path / "p").write_bytes(content[: len(content) * 5 // 8])
    with pytest.raises(DataError, match=r"p: record 4: the gzip stream is damaged or truncated"):
        read(tmp_path / "p")
    (tmp_path / "q").write_bytes(content[:-8] + b"\0" * 8)  # the checksum of all, at its end
    with pytest.raises(DataError, match=r"q: record 8: the gzip stream is damaged"):
        read(tmp_path / "q")
    (tmp_path / "r").write_bytes(content + b"more")
    with pytest.raises(DataError, match=r"r: record 8: the gzip stream is damaged"):
        read(tmp_path / "r")
    (tmp_path / "s").write_bytes(gzip.compress(b"".join(map(record, PAYLOADS)) + b"short"))
    with pytest.raises(DataError, match=r"s: record 3: the file is truncated: 5 bytes left, a header takes 12"):
        read(tmp_path / "s")


def header(length):
    content = struct.pack("<Q", length)
    return content + struct.pack("<I", masked_crc(content))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_record_is_read_up_to_a_size(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(tfrecord, "_MOST", 1000)
    (tmp_path / "p").write_bytes(pack(record(b"x" * 1000) + record(b"y" * 1001)))
    with pytest.raises(DataError, match="p: record 1: it claims to have 1,001 bytes; records of up to 1,000 are read"):
        read(tmp_path / "p")


def test_a_length_that_gzip_makes_cheap_is_not_believed(tmp_path):
    bomb = header((64 << 20) + 1) + bytes((64 << 20) + 1)
    (tmp_path / "p").write_bytes(gzip.compress(bomb, 9))
    del bomb
    assert (tmp_path / "p").stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(DataError, match="p: record 0: it claims to have 67,108,865 bytes"):
        read(tmp_path / "p")
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


@pytest.mark.parametrize("level", range(10))
def test_zlib_is_called_by_its_name(tmp_path, level):
    (tmp_path / "p").write_bytes(zlib.compress(b"".join(map(record, PAYLOADS)), level))
    with pytest.raises(DataError, match="p is compressed with zlib, which is not read") as caught:
        read(tmp_path / "p")
    assert "GZIP" in caught.value.hint


@pytest.mark.parametrize("start", [b"\x1f\x8b\x00", b"\x78\x01", b"\x78\x9c\x00", b"\x78\xda\x00", b"\x1f\x8b\x08"])
def test_a_plain_record_whose_length_looks_like_compression_is_read(tmp_path, start):
    payload = bytes(int.from_bytes(start, "little"))
    content = record(payload, crc32c.crc32c)  # the reference would take seconds
    assert content.startswith(start)
    (tmp_path / "p").write_bytes(content)
    assert read(tmp_path / "p") == [payload]


def test_nothing_compressed_is_no_record(tmp_path):
    (tmp_path / "p").write_bytes(gzip.compress(b""))
    assert read(tmp_path / "p") == []

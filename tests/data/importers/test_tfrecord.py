"""TFRecord framing and tf.train.Example, against a writer made for the tests."""

import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.importers.tfrecord import masked_crc, parse_example, read_records
from raysat.errors import DataError
from tests.helpers.data import crc32c, example, quick, record

PAYLOADS = [b"", b"abc", bytes(range(256)) * 5]


def test_the_reference_crc_is_right():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C


@quick
@given(st.binary(max_size=300))
def test_checksums_are_those_of_the_format(content):
    crc = crc32c(content)
    rotated = int(f"{crc:032b}"[-15:] + f"{crc:032b}"[:-15], 2)
    assert masked_crc(content) == (rotated + 0xA282EAD8) % 2**32


@quick
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_records_come_back(tmp_path_factory, payloads):
    file = tmp_path_factory.mktemp("records") / "part-0"
    file.write_bytes(b"".join(map(record, payloads)))
    assert [payload for payload, _ in read_records(file)] == payloads
    assert [position for _, position in read_records(file)] == [
        sum(16 + len(payload) for payload in payloads[:end]) for end in range(1, len(payloads) + 1)
    ]


@quick
@given(
    st.dictionaries(
        st.text(max_size=8),
        st.one_of(
            st.lists(st.binary(max_size=40), min_size=1, max_size=3),
            st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3),
            st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=3),
        ),
        max_size=6,
    )
)
def test_examples_come_back(features):
    assert parse_example(example(features)) == features


@quick
@given(st.data())
def test_any_flipped_bit_is_found_and_its_record_named(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("flipped") / "part-0"
    content = bytearray(b"".join(map(record, PAYLOADS)))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    ends = [16 + len(PAYLOADS[0]), 32 + len(PAYLOADS[0]) + len(PAYLOADS[1]), len(content)]
    number = next(index for index, end in enumerate(ends) if at < end)
    with pytest.raises(DataError, match=rf"part-0: record {number}: the checksum of its (length|content) is wrong"):
        list(read_records(file))


@quick
@given(st.data())
def test_any_truncation_inside_a_record_is_found(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("cut") / "part-0"
    content = b"".join(map(record, PAYLOADS))
    whole = {0, 16, 35, len(content)}
    at = data.draw(st.integers(0, len(content)).filter(lambda at: at not in whole))
    file.write_bytes(content[:at])
    number = 0 if at < 16 else 1 if at < 35 else 2
    with pytest.raises(DataError, match=f"record {number}: the file is truncated"):
        list(read_records(file))


def test_a_huge_length_is_not_believed(tmp_path):
    length = struct.pack("<Q", 1 << 60)
    (tmp_path / "p").write_bytes(length + struct.pack("<I", masked_crc(length)) + b"x")
    with pytest.raises(DataError, match=r"p: record 0: it claims to have 1,152,921,504,606,846,976 bytes"):
        list(read_records(tmp_path / "p"))


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        list(read_records(tmp_path / "none"))


def test_what_is_no_example_is_refused():
    with pytest.raises(ValueError, match=r"not a tf\.train\.Example"):
        parse_example(b"\x0a\xff\xff\xff\xff\xff")


def test_reading_does_not_import_torch():
    code = (
        "import sys; from raysat.data.importers.tfrecord import parse_example; parse_example(b''); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

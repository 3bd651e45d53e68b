"""Zip files that may be anything: nothing is written elsewhere, nothing beyond the bound, nothing half."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.download.unzip import unzip
from raysat.errors import DataError, RaysatError
from tests.helpers.data import left_behind, quick


def pack(path, members, mode=0o100644, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as out:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            out.writestr(info, content)
    return path


def test_files_come_out_as_they_are(tmp_path):
    members = {"a/b/c.txt": b"1" * 1000, "d.txt": b"", "a/e": b"2"}
    seen = []
    unzip(pack(tmp_path / "z.zip", members), tmp_path / "out", max_bytes=1001, progress=lambda *step: seen.append(step))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in members} == members
    assert seen[-1] == (1001, 1001)
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as out:
        out.mkdir("empty")
    unzip(tmp_path / "none.zip", tmp_path / "out", max_bytes=0)
    assert left_behind(tmp_path / "out") == []


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/x", "//x", "a\\..\\..\\x", "C:/x", "C:x", "..", "a/b/../../../x"]
)
def test_no_path_leaves_the_folder(tmp_path, name):
    archive = pack(tmp_path / "z.zip", {"good": b"", name: b"bad"})
    with pytest.raises(DataError, match="would be written elsewhere"):
        unzip(archive, tmp_path / "in/out", max_bytes=100)
    assert left_behind(tmp_path) == ["z.zip"]


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644])
def test_no_link_pipe_or_device(tmp_path, mode):
    with pytest.raises(DataError, match="is no plain file"):
        unzip(pack(tmp_path / "z.zip", {"x": b"/etc/passwd"}, mode), tmp_path / "out", max_bytes=100)


def test_more_bytes_than_allowed(tmp_path):
    archive = pack(tmp_path / "z.zip", {"x": b"\0" * 10_000_000})
    assert archive.stat().st_size < 20_000
    with pytest.raises(DataError, match="10,000,000 bytes, expected 9,999,999 bytes at most"):
        unzip(archive, tmp_path / "out", max_bytes=9_999_999)
    assert left_behind(tmp_path) == ["z.zip"]


def test_a_member_that_is_larger_than_it_says(tmp_path):
    archive = pack(tmp_path / "z.zip", {"x": b"\0" * 100_000})
    content = archive.read_bytes().replace(struct.pack("<I", 100_000), struct.pack("<I", 10))
    archive.write_bytes(content)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unzip(archive, tmp_path / "out", max_bytes=1000)
    assert left_behind(tmp_path) == ["z.zip"]


def test_one_name_twice(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as out:
        out.writestr("x", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            out.writestr("x", "2")
    with pytest.raises(RaysatError, match="out"):
        unzip(tmp_path / "z.zip", tmp_path / "out", max_bytes=100)
    assert left_behind(tmp_path) == ["z.zip"]


def test_no_zip_file_and_one_that_is_cut(tmp_path):
    archive = pack(tmp_path / "z.zip", {"x": b"abc" * 1000})
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be unpacked"):
        unzip(archive, tmp_path / "out", max_bytes=10_000)


@given(position=st.integers(0, 400), value=st.integers(0, 255))
@quick
def test_any_changed_byte_gives_the_files_or_one_error(tmp_path_factory, position, value):
    folder = tmp_path_factory.mktemp("z")
    archive = pack(folder / "z.zip", {"a/x": b"abc" * 50, "y": b"123"})
    content = bytearray(archive.read_bytes())
    content[position % len(content)] = value
    archive.write_bytes(content)
    try:
        unzip(archive, folder / "out", max_bytes=1000)
    except RaysatError:
        assert left_behind(folder) == ["z.zip"]
    else:
        assert left_behind(folder) == ["out", "z.zip"]
    assert io.BytesIO(archive.read_bytes())

"""Reading: no pipe is waited for, nothing too large is read, and what cannot be seen is not taken for absent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.errors import DataError, StorageError
from raysat.files import file_exists, folder_entries, open_regular, read_bytes, read_text

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


def read(path: Path, limit: int = 100) -> bytes:
    return read_bytes(path, max_bytes=limit, remedy="write it again", error=DataError)


def test_a_file_is_read_whole(tmp_path):
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfx\r\n")
    (tmp_path / "link").symlink_to("f")
    assert read(tmp_path / "link", 6) == b"\xef\xbb\xbfx\r\n"
    assert read_text(tmp_path / "f", max_bytes=6) == "x\r\n"
    with open_regular(tmp_path / "f", max_bytes=6) as file:
        assert file.read(3) == b"\xef\xbb\xbf"


def make(path: Path, kind: str) -> Path:
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            server = socket.socket(socket.AF_UNIX)
            os.chdir(path.parent)  # a socket's path has at most 107 bytes
            server.bind(path.name)
        case "loop":
            path.symlink_to(path.name)
        case "large":
            path.write_bytes(bytes(101))
        case "device":
            return Path("/dev/zero")
        case "no size":
            return Path("/proc/self/status")
        case "long":
            return path.with_name("x" * 300)
        case "NUL":
            return path.with_name("a\0b")
        case "surrogate":
            return path.with_name("a\ud800b")
        case "below a file":
            path.write_text("")
            return path / "x"
    return path


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("kind", "cause", "advice"),
    [
        ("pipe", "it is a pipe, not a file", "regular file"),
        ("device", "it is a device, not a file", "regular file"),
        ("folder", "it is a folder, not a file", "regular file"),
        ("socket", "No such device or address", "write it again"),
        ("loop", "Too many levels of symbolic links", "leads to itself"),
        ("large", "it is larger than 100 bytes", "write it again"),
        ("no size", "it grows while it is read", "wait"),
        ("absent", "No such file or directory", "write it again"),
        ("long", "File name too long", "check the path"),
        ("NUL", "no file has such a name", "check the path"),
        ("surrogate", "no file has such a name", "check the path"),
        ("below a file", "Not a directory", "check the path"),
    ],
)
def test_what_is_no_file_is_one_error_at_once(tmp_path, monkeypatch, kind, cause, advice):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        read(make(tmp_path / "f", kind))
    assert cause in caught.value.message
    assert caught.value.message.isprintable()
    assert advice in caught.value.hint


def test_what_is_no_text_is_named_with_its_place(tmp_path):
    (tmp_path / "f").write_bytes(b"abc\xff")
    with pytest.raises(StorageError, match="byte 3 is not UTF-8"):
        read_text(tmp_path / "f", max_bytes=10)


def test_only_a_file_exists(tmp_path):
    (tmp_path / "f").write_text("")
    os.mkfifo(tmp_path / "pipe")
    assert file_exists(tmp_path / "f")
    assert not any(file_exists(tmp_path / name) for name in ("pipe", "absent", "f/below", "."))
    assert [entry.name for entry in folder_entries(tmp_path)] == ["f", "pipe"]
    assert folder_entries(tmp_path / "absent") == folder_entries(tmp_path / "f") == []


HIDDEN = """
import os, sys
from pathlib import Path
from raysat.errors import DataError
from raysat.files import file_exists, folder_entries, read_bytes
os.chdir(sys.argv[1])
os.setgid({nobody}); os.setuid({nobody})
folder = Path(".")
for act in (lambda: folder_entries(folder / "closed", DataError),
            lambda: file_exists(folder / "closed" / "f", DataError),
            lambda: read_bytes(folder / "closed" / "f", max_bytes=1, error=DataError),
            lambda: read_bytes(folder / "mine", max_bytes=1, error=DataError)):
    try:
        act()
    except DataError as error:
        print(error, error.hint)
"""


@as_root
def test_a_folder_that_may_not_be_read_is_an_error_not_an_empty_one(tmp_path):
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "f").write_text("")
    (tmp_path / "mine").write_text("")
    (tmp_path / "mine").chmod(0o600)
    (tmp_path / "closed").chmod(0)
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN.format(nobody=NOBODY), str(tmp_path)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert all("cannot be read: Permission denied you may not read it" in line for line in lines)

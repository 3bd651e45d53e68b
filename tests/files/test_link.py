"""The same content under another path: linked where only this user may change it, copied by the store in one bucket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raysat.errors import StorageError
from raysat.files import ObjectPath, copy_object, file_exists, link_file, read_bytes, write_atomic
from tests.helpers.object_store import make_bucket


def test_a_link_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert link_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")
    write_atomic(tmp_path / "a", b"y")  # replaces the one, and leaves the other as it is
    assert (tmp_path / "b").read_bytes() == b"x"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_linked(tmp_path: Path, mode: int) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(mode)
    assert not link_file(tmp_path / "a", tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may give files away")
def test_another_users_file_is_not_linked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    os.chown(tmp_path / "a", 65534, 65534)
    assert not link_file(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "missing", "target"])
def test_what_is_no_file_or_cannot_be_linked_is_not(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    match kind:
        case "link":
            (tmp_path / "a").symlink_to(tmp_path / "secret")
        case "folder":
            (tmp_path / "a").mkdir()
        case "pipe":
            os.mkfifo(tmp_path / "a")
        case "target":
            (tmp_path / "a").write_bytes(b"x")
            (tmp_path / "b").write_bytes(b"there")
    assert not link_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").exists() == (kind == "target")


def test_a_store_copies_within_a_bucket_and_not_between(bucket: ObjectPath, s3_endpoint: str) -> None:
    content = os.urandom(9 << 20)
    write_atomic(bucket / "runs" / "a", content)
    assert copy_object(bucket / "runs" / "a", bucket / "cache" / "b")
    assert read_bytes(bucket / "cache" / "b", max_bytes=1 << 30) == content
    other = make_bucket(s3_endpoint)
    assert not copy_object(bucket / "runs" / "a", other / "b")
    assert not file_exists(other / "b")
    with pytest.raises(StorageError, match="cannot be copied: there is no such object"):
        copy_object(bucket / "missing", bucket / "b")

"""Disks over a network or in memory, slow ones, and a cache that cannot be used."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from raysat.execution.doctor.disks import cache, disk_kind, file_system, measure, nearest, scratch, sync_speed

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:40 / {folder} rw,relatime shared:3 - {kind} server:/export rw
24 22 0:41 / {folder}-beside rw,relatime - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("kind", "level", "words"),
    [
        ("ext4", "ok", ""),
        ("nfs4", "warning", "raysat ledger copy"),
        ("fuse.sshfs", "warning", "raysat ledger copy"),
        ("lustre", "warning", "--out"),
        ("tmpfs", "warning", "ledger copy"),
        ("overlay", "ok", ""),
    ],
)
def test_what_a_disk_is(tmp_path: Path, kind: str, level: str, words: str) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(folder=str(folder).replace(" ", r"\040"), kind=kind), encoding="utf-8")
    check = file_system(str(folder / "runs" / "s"), mounts)
    assert check is not None
    assert (check.level, words in (check.remedy or "")) == (level, True)
    assert check.found.startswith(kind)
    assert disk_kind(tmp_path, mounts) == "ext4", "above it is another disk"


def test_the_later_of_two_mounts_hides_the_other_and_no_table_tells_nothing(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"1 0 0:1 / {tmp_path} rw - nfs a rw\n2 1 0:2 / {tmp_path} rw - xfs b rw\nx\n", encoding="utf-8")
    assert disk_kind(tmp_path, mounts) == "xfs"
    assert file_system(str(tmp_path), tmp_path / "none") is None
    assert file_system("s3://bucket/runs") is None
    assert file_system("ftp://host") is None


def test_a_disk_is_measured_and_nothing_stays(tmp_path: Path) -> None:
    rate, latency = measure(tmp_path)
    assert rate > 0
    assert latency > 0
    assert not list(tmp_path.iterdir())


def test_a_disk_without_nameless_files_is_measured_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(path: str, flags: int, *rest: int, **more: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with scratch(tmp_path) as file:
        os.write(file, b"x")
        assert os.fstat(file).st_size == 1
    assert not list(tmp_path.iterdir())


def test_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = sync_speed(str(tmp_path))
    assert fast is not None
    assert fast.found.endswith("a sync")
    sync = os.fsync

    def slow(file: int) -> None:
        time.sleep(0.11)
        sync(file)

    monkeypatch.setattr(os, "fsync", slow)
    check = sync_speed(str(tmp_path / "runs"))
    assert check is not None
    assert check.level == "warning"
    assert "--out" in (check.remedy or "")
    assert sync_speed("s3://bucket/runs") is None


def test_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "c"))
    assert cache().level in ("ok", "warning")
    assert not list(tmp_path.iterdir()), "it is not made"
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", tmp_path / "file" / "x"):
        monkeypatch.setenv("RAYSAT_CACHE", str(wrong))
        check = cache()
        assert check.level == "fault"
        assert check.remedy
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "link"))
    assert cache().level == "fault"
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "c"))
    assert (cache().level, cache().found) == ("fault", f"{tmp_path / 'c'} cannot be written")


def test_the_nearest_folder(tmp_path: Path) -> None:
    assert nearest(tmp_path / "a" / "b") == tmp_path

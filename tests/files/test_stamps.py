"""Stamps of folders: another after every change of a file in them, the same while nothing is written."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from raysat.files import ObjectPath, Stamp, file_stamp, remove_file, subfolder_stamps, write_atomic

A_TICK = 0.02  # seconds: clocks of file systems are this fine at least


def stamp(root: Path) -> Stamp | None:
    return subfolder_stamps(root)["a"]


def rewrite(folder: Path) -> None:
    """Other bytes of the same number, under the old time of change, as a hostile or clumsy copy leaves them."""
    file = folder / "one"
    before = file.stat()
    file.write_bytes(b"1 changed"[: before.st_size].ljust(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "other bytes": rewrite,
    "longer": lambda folder: (folder / "one").write_bytes(b"longer than before"),
    "a file more": lambda folder: (folder / "three").touch(),
    "a file less": lambda folder: (folder / "two").unlink(),
    "a file renamed": lambda folder: (folder / "two").rename(folder / "four"),
    "a file replaced": lambda folder: (
        (folder / "three").write_bytes(b"2") and (folder / "three").replace(folder / "two")
    ),
    "permissions": lambda folder: (folder / "one").chmod(0o600),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"1 is one")
    (tmp_path / "a" / "two").write_bytes(b"2")
    return tmp_path


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_a_file_changes_the_stamp(root: Path, change: Callable[[Path], object]) -> None:
    before = stamp(root)
    assert before == stamp(root)
    time.sleep(A_TICK)
    change(root / "a")
    after = stamp(root)
    assert before
    assert after
    assert before.text != after.text


def test_a_file_under_a_link_counts_as_what_it_leads_to(root: Path) -> None:
    (root / "far").write_bytes(b"far")
    (root / "a" / "link").symlink_to(root / "far")
    before = stamp(root)
    time.sleep(A_TICK)
    (root / "far").write_bytes(b"FAR")
    after = stamp(root)
    assert before
    assert after
    assert before.text != after.text


def test_what_is_no_folder_or_leads_nowhere_has_no_stamp(root: Path) -> None:
    (root / "file").touch()
    (root / "a" / "link").symlink_to(root / "nowhere")
    assert subfolder_stamps(root) == {"a": None, "file": None}
    assert subfolder_stamps(root / "nowhere") == {}


def test_a_stamp_is_settled_once_the_clock_has_ticked(root: Path) -> None:
    found = stamp(root)
    assert found is not None
    assert not found.settled(time.time())
    assert found.settled(time.time() + 3)


def test_objects_are_stamped_by_what_lies_below_a_folder(bucket: ObjectPath) -> None:
    run = bucket / "run"
    for name in ("a/one", "a/0123/two", "b/one", "file"):
        write_atomic(run / name, "before")
    before = subfolder_stamps(run)
    assert before.keys() == {"a", "b", "file"}
    assert before == subfolder_stamps(run)
    write_atomic(run / "a/0123/two", "behind")
    after = subfolder_stamps(run)
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]
    remove_file(run / "a/0123/two", run)
    assert subfolder_stamps(run)["a"] not in (before["a"], after["a"])
    assert subfolder_stamps(bucket / "nothing") == {}


@pytest.mark.parametrize("place", ["disk", "bucket"])
def test_a_file_has_a_stamp_of_its_own(tmp_path: Path, request: pytest.FixtureRequest, place: str) -> None:
    root = tmp_path if place == "disk" else request.getfixturevalue("bucket") / "runs"
    assert file_stamp(root / "one") is None
    write_atomic(root / "one", b"1")
    write_atomic(root / "two", b"2")
    before = file_stamp(root / "one")
    assert before == file_stamp(root / "one")
    time.sleep(A_TICK)
    write_atomic(root / "two", b"3")
    assert before == file_stamp(root / "one")
    write_atomic(root / "one", b"4")
    assert before != file_stamp(root / "one")

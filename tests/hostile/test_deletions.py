"""Deletions of a run follow no symbolic link and stay inside it; locks are no way to empty another file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.errors import DiskError, StorageError
from raysat.files import remove_file, remove_tree, write_folder
from raysat.files.locks import exclusive
from raysat.storage.ledger import Ledger
from raysat.storage.lock import holder_of
from tests.helpers.hostile import STATE, A, B, assert_refused, hostile_run
from tests.helpers.ledger import everything_under

Raysat = Callable[..., Any]


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Ledger:
    return hostile_run(tmp_path / "run")


@pytest.fixture(name="others")
def _others(tmp_path: Path) -> Path:
    """What must stay: names that a run has, and others."""
    folder = tmp_path / "others"
    (folder / A).mkdir(parents=True)
    for name in ("f", f"{A}/record.json", ".x-01234567.partial", STATE, f"{A}.json"):
        (folder / name).write_text("keep")
    return folder


FOLDERS = ("trials", "failures", "checkpoints")


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("words", [("verify",), ("gc",), ("gc", "--delete", "--orphans")])
def test_a_folder_of_a_run_that_is_a_link_is_an_error_and_nothing_is_deleted(
    raysat: Raysat, run: Ledger, others: Path, folder: str, words: tuple[str, ...]
) -> None:
    (run.root / folder).rename(run.root / "aside")
    (run.root / folder).symlink_to(others)
    before = everything_under(others)
    result = raysat("ledger", words[0], run.root, *words[1:])
    assert_refused(result, 2, f"{run.root / folder} is a symbolic link", "put the folder itself in its place")
    assert everything_under(others) == before


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_run_is_not_filled_through_a_link(run: Ledger, others: Path, folder: str) -> None:
    (run.root / folder).rename(run.root / "aside")
    (run.root / folder).symlink_to(others)
    before = everything_under(others)
    with pytest.raises(StorageError, match="is a symbolic link"), run.lock():
        pytest.fail("it could be filled")
    run.clear_failure(A)
    if folder == "checkpoints":
        run.checkpoints.sweep(())
        run.checkpoints.tidy()
        run.checkpoints.drop(STATE)
        with pytest.raises(StorageError, match="is a symbolic link"):
            run.checkpoints.write(STATE, b"")
    assert everything_under(others) == before


def test_links_within_a_run_are_deleted_and_what_they_lead_to_stays(raysat: Raysat, run: Ledger, others: Path) -> None:
    links = [run.root / "trials" / ("e" * 16), run.root / "trials" / ".x.replaced", run.root / ".y.partial"]
    links += [run.root / "failures" / f"{B}.json", run.checkpoints.root / "link"]
    for link in links:
        link.symlink_to(others)
    (run.root / "trials" / A / "link").symlink_to(others)
    (run.root / "trials" / A / "model.pt").unlink()
    before = everything_under(others)
    assert raysat("ledger", "gc", run.root, "--delete").code == 0
    assert not any(os.path.lexists(link) for link in [*links, run.root / "trials" / A])
    assert everything_under(others) == before


def test_the_folder_of_a_whole_run_may_be_a_link(raysat: Raysat, run: Ledger, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run.root)
    left = run.root / "trials" / f".{A}-01234567.partial"
    left.mkdir()
    assert raysat("ledger", "gc", tmp_path / "link", "--delete").code == 0
    assert not left.exists()


def test_leftovers_and_the_backup_of_a_replaced_folder_are_not_followed(tmp_path: Path, others: Path) -> None:
    before = everything_under(others)
    for name in (".x-01234567.partial", ".x.replaced"):
        (tmp_path / name).symlink_to(others)
    for content in (b"old", b"new"):
        write_folder(tmp_path / "x", {"f": content})
    assert (tmp_path / "x" / "f").read_bytes() == b"new"
    assert everything_under(others) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["others", "x"]


@pytest.mark.slow
def test_figures_of_an_earlier_report_are_not_deleted_through_a_link(
    raysat: Raysat, make_run: Callable[..., Ledger], others: Path, table2: Any
) -> None:
    run = make_run(table2, seeds=(0, 1))
    (others / "together.svg").write_text("keep")
    (run.root / "report").mkdir()
    (run.root / "report" / "figures").symlink_to(others)
    before = everything_under(others)
    assert_refused(raysat("report", run.root, "--format", "md"), 2, "figures is a symbolic link")
    assert everything_under(others) == before


def test_a_folder_in_the_place_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(DiskError, match="cannot be deleted"):
        remove_file(tmp_path / "f", tmp_path)
    remove_file(tmp_path / "absent", tmp_path)
    remove_tree(tmp_path / "no" / "such", tmp_path)
    assert everything_under(tmp_path) == ["f"]


@pytest.mark.parametrize("path", [".", "..", "a/../../b"])
def test_only_what_lies_inside_is_deleted(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="does not lie in"):
        remove_tree(tmp_path / path, tmp_path)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_a_lock_that_is_no_file_is_an_error_and_empties_nothing(
    raysat: Raysat, run: Ledger, tmp_path: Path, kind: str
) -> None:
    kept, lock = tmp_path / "kept", run.root / ".lock"
    match kind:
        case "link":
            kept.write_text("keep")
            lock.symlink_to(kept)
        case "dangling":
            lock.symlink_to(kept)
        case "pipe":
            os.mkfifo(lock)
        case "folder":
            lock.mkdir()
    result = raysat("ledger", "gc", run.root, "--delete")
    assert_refused(result, 2 if kind == "pipe" else 3, str(lock))
    assert raysat("status", run.root).code == 0
    assert holder_of(run.root) is None
    assert kept.exists() == (kind == "link")
    assert not kept.exists() or kept.read_text() == "keep"


def test_other_locks_follow_no_link_either(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("keep")
    (tmp_path / ".probe.lock").symlink_to(tmp_path / "kept")
    with pytest.raises(DiskError), exclusive(tmp_path / ".probe.lock"):
        pytest.fail("held")
    assert (tmp_path / "kept").read_text() == "keep"


def test_a_lock_gives_others_no_more_than_the_umask(run: Ledger) -> None:
    before = os.umask(0o077)
    try:
        with run.lock():
            assert stat.S_IMODE((run.root / ".lock").stat().st_mode) == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("text", [b"\x1b]0;owned\x07", b"\xff\xfe", b"x" * 100_000, b"pid 1 on a\nb"])
def test_who_holds_a_lock_is_shown_only_as_one_short_line(run: Ledger, text: bytes) -> None:
    with run.lock():
        (run.root / ".lock").write_bytes(text)
        holder = holder_of(run.root)
        assert holder is not None
        assert holder.isprintable()
        assert len(holder) <= 200

"""Files: whole or absent, whatever happens while they are written; read within limits, or refused with one line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

import pytest
from pydantic import JsonValue

from raysat.errors import StorageError
from raysat.files import FileModel, backup_path, read_model, write_atomic, write_folder
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.storage.sealed import write_sealed
from tests.helpers.ledger import ID, everything_under, files_of, files_on_disk, made_up_plan, made_up_record


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runs" / "study")


def fail_at(monkeypatch, calls: dict[str, object], position: int, error: BaseException) -> list[str]:
    """Let the call at a position, counted over several functions, raise. Returns the calls that were made."""
    made: list[str] = []
    writer = threading.get_ident()

    def watched(name, original):
        def call(*args, **kwargs):
            if threading.get_ident() != writer:  # what an earlier test left running opens files, too
                return original(*args, **kwargs)
            made.append(name)
            if len(made) == position + 1:
                raise error
            return original(*args, **kwargs)

        return call

    for name, (owner, attribute) in calls.items():
        monkeypatch.setattr(owner, attribute, watched(name, getattr(owner, attribute)))
    return made


STEPS = {"fsync": (os, "fsync"), "rename": (Path, "rename"), "open": (Path, "open"), "mkdir": (Path, "mkdir")}
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.slow
@pytest.mark.parametrize("position", range(12))
@pytest.mark.parametrize("error", [FULL, OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("replacing", [False, True])
def test_a_write_that_fails_at_any_step_leaves_the_old_record_or_nothing(
    ledger, monkeypatch, position, error, replacing
):
    old, new = made_up_record(seconds=1.0), made_up_record(seconds=2.0)
    ledger.write("another", files_of(made_up_record("another")))
    if replacing:
        ledger.write(ID, files_of(old))
        (ledger.root / "trials" / ID / "history.csv").write_bytes(b"epoch\n2\n")  # a whole one is not replaced
    before = everything_under(ledger.root)
    with monkeypatch.context() as patch:
        made = fail_at(patch, STEPS, position, error)
        try:
            write_sealed(ledger.root / "trials" / ID, files_of(new), replace=True)
        except (StorageError, KeyboardInterrupt) as raised:
            failed = raised
        else:
            failed = None
    if failed is not None and not (ledger.is_finished(ID) and ledger.read(ID) == new):
        assert everything_under(ledger.root) == before
        assert not replacing or ledger.read(ID) == old
        if isinstance(failed, StorageError):
            advice = "free some space" if error is FULL else "permissions"
            assert advice in failed.hint
            assert error.strerror in failed.message
    else:  # the steps were over, or it was the sync after the rename, or an interrupt in the tidying up
        assert ledger.read(ID) == new
        assert position >= made.index("rename")
    write_sealed(ledger.root / "trials" / ID, files_of(new), replace=True)
    assert ledger.read(ID) == new
    assert not [path for path in everything_under(ledger.root) if ".partial" in path or ".replaced" in path]


KILLED = """
import os, sys
from pathlib import Path
from raysat.files import write as module
from raysat.storage.sealed import encode_sums
point, original, count = int(sys.argv[1]), Path.rename, 0
def rename(self, target):
    global count
    if count == point:
        os._exit(9)
    count += 1
    return original(self, target)
Path.rename = rename
module._discard = lambda *_: os._exit(9)
files = {"spec.json": b"{}", "history.csv": b"", "predictions.npz": b"new", "model.pt": b"new"}
files["record.json"] = Path(sys.argv[3]).read_bytes()
module.write_folder(Path(sys.argv[2]), {**files, "SHA256SUMS": encode_sums(files)})
"""


@pytest.mark.parametrize(("point", "survivor"), [(0, 1.0), (1, 1.0), (2, 2.0)])
def test_a_kill_at_any_rename_leaves_one_whole_record(ledger, tmp_path, point, survivor):
    old, new = made_up_record(seconds=1.0), made_up_record(seconds=2.0)
    ledger.write(ID, files_of(old))
    (tmp_path / "new.json").write_bytes(new.model_dump_json().encode())
    command = [sys.executable, "-c", KILLED, str(point), str(ledger.root / "trials" / ID), str(tmp_path / "new.json")]
    assert subprocess.run(command, check=False).returncode == 9
    assert ledger.is_finished(ID)
    assert ledger.read(ID).seconds == survivor
    write_sealed(ledger.root / "trials" / ID, files_of(new), replace=True)  # the next attempt tidies up
    assert ledger.read(ID) == new
    assert everything_under(ledger.root / "trials") == files_on_disk()


def test_a_leftover_partial_is_never_read_as_finished_and_another_trials_is_left_alone(ledger):
    trials = ledger.root / "trials"
    for name in (f".{ID}-0a1b2c3d.partial", f".{ID}-b-0a1b2c3d.partial"):
        (trials / name).mkdir(parents=True)
        (trials / name / "record.json").write_text(made_up_record().model_dump_json())
    (trials / ID).mkdir()
    assert not ledger.is_finished(ID)
    with pytest.raises(StorageError):
        ledger.read(ID)
    ledger.write(ID, files_of(made_up_record()))
    assert ledger.is_finished(ID)
    assert sorted(path.name for path in trials.iterdir()) == [f".{ID}-b-0a1b2c3d.partial", ID]


def test_a_folder_that_cannot_be_made_is_an_error_with_advice(ledger):
    ledger.root.parent.mkdir()
    ledger.root.write_text("a file where the run should be")
    for act in (
        lambda: ledger.write(ID, files_of(made_up_record())),
        lambda: ledger.write_plan("", made_up_plan()),
        lambda: ledger.write_failure(Failure(id=ID, error="x", time=0)),
    ):
        with pytest.raises(StorageError, match="cannot be written") as caught:
            act()
        assert "another path" in caught.value.hint


@pytest.mark.parametrize("position", range(4))
def test_an_atomic_text_that_fails_keeps_the_old_one(tmp_path, monkeypatch, position):
    path = tmp_path / "plan.json"
    write_atomic(path, "old")
    steps = {**STEPS, "open": (os, "open"), "replace": (Path, "replace")}
    del steps["rename"]
    with monkeypatch.context() as patch:
        made = fail_at(patch, steps, position, FULL)
        with pytest.raises(StorageError, match="No space left"):
            write_atomic(path, "new")
    assert made[position] == ("mkdir", "open", "fsync", "replace")[position]
    assert path.read_text() == "old"
    assert everything_under(tmp_path) == ["plan.json"]


def test_a_file_system_that_cannot_sync_folders_is_good_enough(tmp_path, monkeypatch):
    original = os.open

    def refuse_folders(path, flags, *args, **kwargs):
        if Path(path).is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        return original(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse_folders)
    write_folder(tmp_path / "trial", {"record.json": b"{}"})
    assert (tmp_path / "trial" / "record.json").read_bytes() == b"{}"
    assert not backup_path(tmp_path / "trial").exists()


class Box(FileModel):
    format: Literal[1] = 1
    size: int
    inside: JsonValue = None


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "cannot be read: Invalid JSON: EOF"),
        (b"\xff\xfe", "cannot be read: Invalid JSON"),
        (b"[1]", "is damaged: not a JSON object"),
        (b'{"size": "large"}', "is damaged: size: Input should be a valid integer"),
        (b'{"inside": ' + b"[" * 100_000, "cannot be read: Invalid JSON: recursion limit exceeded"),
        (b'{"format": 2, "size": "large"}', "has format 2, this raysat reads 1"),
        (b'{"size": 1, "inside": "' + b" " * 1000 + b'"}', "cannot be read: it is larger than 1,000 bytes"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_one_line(tmp_path, content, cause):
    path = tmp_path / "box.json"
    if content is not None:
        path.write_bytes(content)
    limit = 1000 if content is None or len(content) < 2000 else 1 << 20
    with pytest.raises(StorageError) as caught:
        read_model(Box, path, remedy="throw it away", max_bytes=limit)
    assert caught.value.message.startswith(f"{path} {cause}")
    assert "\n" not in caught.value.message
    newer = "has format" in cause
    assert caught.value.hint == ("use the raysat that wrote it, or a newer one" if newer else "throw it away")


def test_keys_that_another_raysat_wrote_are_passed_over(tmp_path):
    (tmp_path / "box.json").write_text('{"size": 1, "colour": "red"}')
    assert read_model(Box, tmp_path / "box.json", remedy="") == Box(size=1)

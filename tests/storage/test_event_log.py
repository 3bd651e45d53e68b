"""What happened in a run: written a line at a time, read back in order, and never in the way of the run."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from raysat.errors import StorageError, UsageError
from raysat.files import ObjectPath, folder_entries
from raysat.storage import event_log
from raysat.storage.event_log import EventLog, LoggedEvent, read_events
from raysat.storage.ledger import Ledger
from raysat.storage.trial_events import events_of
from tests.helpers.ledger import made_up_plan

A, B, C = (letter * 16 for letter in "abc")


def write(run: Path | ObjectPath, *events: LoggedEvent) -> None:
    log = EventLog(run)
    for event in events:
        log.write(event)
    log.close()


def test_each_command_has_a_file_and_each_event_a_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    assert not (tmp_path / "events").exists(), "before anything happened"
    log.write(LoggedEvent(event="training", trial=A, name="one\x1b[2J", seed=0, epoch=1))
    (file,) = (tmp_path / "events").iterdir()
    assert file.stem.endswith(f"-{os.getpid()}")
    log.write(LoggedEvent(event="run ended", reason="all done"))
    log.close()
    first, last = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert first == {
        "time": first["time"],
        "event": "training",
        "trial": A,
        "name": r"one\x1b[2J",
        "seed": 0,
        "epoch": 1,
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
    assert last["reason"] == "all done"
    (tmp_path / "events" / f"{'9' * 19}-1.jsonl").write_text('{"event": "later", "time": 1}\n{"event": "torn', "utf-8")
    assert [event.event for event in read_events(tmp_path)] == ["training", "run ended", "later"]


def test_an_object_is_written_now_and_then_and_at_the_end(bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(bucket / "run")
    log.write(LoggedEvent(event="one"))
    assert not folder_entries(bucket / "run" / "events")
    monkeypatch.setattr(event_log, "_EVERY_S", 0.0)
    log.write(LoggedEvent(event="two"))
    assert [event.event for event in read_events(bucket / "run")] == ["one", "two"]
    monkeypatch.setattr(event_log, "_EVERY_S", 60.0)
    log.write(LoggedEvent(event="three"))
    assert len(read_events(bucket / "run")) == 2
    log.close()
    assert [event.event for event in read_events(bucket / "run")] == ["one", "two", "three"]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("in the way", encoding="utf-8")
    write(tmp_path, LoggedEvent(event="one"), LoggedEvent(event="two"))
    assert (tmp_path / "events").read_text(encoding="utf-8") == "in the way"


def test_a_damaged_log_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, LoggedEvent(event="one"))
    (file,) = (tmp_path / "events").iterdir()
    file.write_text('{"event": "fine"}\n{"event": 7}\n', encoding="utf-8")
    with pytest.raises(StorageError, match=r"jsonl, line 2, is damaged: event: ") as caught:
        read_events(tmp_path)
    assert str(file) in (caught.value.hint or "")


def test_a_folder_of_events_that_is_a_link_is_refused_before_a_run(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="link"), Ledger(tmp_path / "run").lock():
        pass


def test_the_events_of_an_arm_are_those_of_its_trials(tmp_path: Path) -> None:
    """Two arms share a trial, which is called by the first of them."""
    ledger = Ledger(tmp_path)
    arms = [
        {"name": "one", "trials": [{"seed": 0, "id": A}, {"seed": 1, "id": B}]},
        {"name": "same as one", "trials": [{"seed": 0, "id": A}, {"seed": 1, "id": C}]},
    ]
    ledger.write_plan("study: s\n", made_up_plan(arms=arms))
    for trial, name, seed in ((A, "one", 0), (B, "one", 1), (C, "same as one", 1), ("g" * 16, "generate rare", None)):
        write(tmp_path, LoggedEvent(event="done", trial=trial, name=name, seed=seed))
    write(tmp_path, LoggedEvent(event="run ended"))

    def found(arm: str | None = None, seed: int | None = None) -> list[str | None]:
        return sorted(event.trial or "run" for event in events_of(ledger, arm, seed))

    assert found() == [A, B, C, "g" * 16, "run"]
    assert found("one") == [A, B]
    assert found("same as one") == [A, C]
    assert found("same as one", 0) == [A]
    assert found(seed=1) == [B, C]
    assert found("generate rare") == ["g" * 16]
    with pytest.raises(UsageError, match="has no arm 'on'") as caught:
        found("on")
    assert caught.value.hint == "did you mean 'one'?"
    with pytest.raises(UsageError, match="has no trial of seed 7") as caught:
        found(seed=7)
    assert caught.value.hint == "known: 0, 1"
    with pytest.raises(UsageError, match="has no trial of seed 7"):
        found("one", 7)

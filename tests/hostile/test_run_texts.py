"""Texts in a run's files that a terminal would obey: none reaches a terminal or a report as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raysat.storage.heartbeat import RunStatus, write_status
from raysat.storage.ledger import Ledger
from tests.helpers.hostile import COMMANDS, A, C, Raysat
from tests.helpers.ledger import edit_plan, reseal

BAD = "\x1b]0;owned\x07\r\u202e\u0085\x7f"


@pytest.fixture(name="escaping")
def _escaping(run: Ledger) -> Ledger:
    """A run with what a terminal would obey in every text that is shown."""

    def change(plan: dict[str, Any]) -> None:
        plan.update(study=BAD, command=BAD, settings=[BAD], classes=["a" + BAD, "b"])
        plan["data"].update(name=BAD)
        for arm in plan["arms"]:
            arm.update(name=arm["name"] + BAD, compact=arm["name"] + "," + BAD, settings=[BAD])

    edit_plan(run, change)
    status = RunStatus(done=0, failed=0, already_done=0, total=9, running=(), eta_seconds=None)
    write_status(run.progress, status)
    raw = json.loads(run.progress.read_text())
    running = [{"job": A, "name": BAD, "seed": 0, "epoch": 1, "epochs": 2}]
    run.progress.write_text(json.dumps(raw | {"host": BAD, "running": running}))
    failure = run.root / "failures" / f"{C}.json"
    failure.write_text(json.dumps({"format": 1, "id": C, "error": BAD, "hint": BAD, "time": 0}))
    for trial in run.read_plan().trial_ids[:2]:
        record = json.loads((run.root / "trials" / trial / "record.json").read_text())
        record.update(classes=["a" + BAD, "b"], versions={BAD: BAD}, hardware={"device": BAD})
        spec = {"config": {BAD: {BAD: BAD}}, "seed": 0}
        reseal(run, trial, {"record.json": json.dumps(record).encode(), "spec.json": json.dumps(spec).encode()})
    (run.root / "study.yaml").write_text(f"study: s # {BAD}\nseeds: 1\n")
    (run.root / "trials" / f".{BAD}.replaced").mkdir()
    return run


def controls(text: str) -> set[str]:
    return {char for char in text if not char.isprintable()} - {"\n", "\u00a0"}


def test_no_control_character_of_a_file_reaches_a_terminal_or_a_report(raysat: Raysat, escaping: Ledger) -> None:
    for command in (*COMMANDS[::2], ("status", "--all"), ("compare", escaping.root)):
        result = raysat(*command, escaping.root)
        assert result.code in (0, 1), result.err
        assert not controls(result.out + result.err)
    result = raysat("report", escaping.root)
    assert (result.code, result.err) == (0, "")
    assert not controls(result.out)
    for file in (escaping.root / "report").rglob("*"):
        if file.suffix in {".md", ".csv", ".tex", ".json", ".svg"}:
            assert not controls(file.read_text(encoding="utf-8")) - {"\t"}, file
    page = (escaping.root / "report" / "report.html").read_text(encoding="utf-8")
    assert not controls(BAD) & controls(page)

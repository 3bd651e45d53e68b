"""``raysat status`` and ``raysat ledger verify`` on runs as they are met: whole, half done, damaged."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.config.schema import Config
from raysat.search.log import Candidate, Log, Score, save_log
from raysat.storage.heartbeat import RunningJob, RunStatus, write_status
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import made_up_plan, made_up_record, reseal, whole_files
from tests.helpers.search import identity_of

Raysat = Callable[..., Any]
A, B, C, D = (letter * 16 for letter in "abcd")


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Ledger:
    """Two arms of two seeds: one trial finished, one failed, one begun, one missing."""
    ledger = Ledger(tmp_path / "runs" / "s")
    arms = [
        {"name": "one", "trials": [{"seed": 0, "id": A}, {"seed": 1, "id": B}]},
        {"name": "two", "trials": [{"seed": 0, "id": C}, {"seed": 1, "id": D}]},
    ]
    ledger.write_plan("study: s\n", made_up_plan(arms=arms))
    ledger.write(A, whole_files(A))
    ledger.write_failure(Failure(id=B, error="it diverged", time=0.0))
    ledger.checkpoints.write("0123456789abcdef", b"state")
    return ledger


def standing(ledger: Ledger, **changes: object) -> None:
    values: dict[str, Any] = {"done": 1, "failed": 1, "already_done": 0, "total": 4, "eta_seconds": 240.0}
    values["running"] = [RunningJob(job=C, name="two", seed=0, epoch=3, epochs=40)]
    write_status(ledger.progress, RunStatus(**(values | changes)))


def whole(ledger: Ledger, trial: str) -> bool:
    """What ``sha256sum -c`` says of a trial."""
    folder = ledger.root / "trials" / trial
    return (
        subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, check=False).returncode == 0
    )


def test_status_of_a_running_study(raysat: Raysat, run: Ledger) -> None:
    standing(run)
    with run.lock():
        result = raysat("status", run.root)
    assert (result.code, result.err) == (0, "")
    assert "trials     1 done, 1 running, 1 failed, 1 missing" in result.out
    assert f"pid {os.getpid()}" in result.out
    assert "ETA 4 min" in result.out
    assert "two  seed 0  epoch 3/40" in result.out
    assert "one  seed 1: it diverged" in result.out


def test_status_of_a_run_that_died(raysat: Raysat, run: Ledger) -> None:
    standing(run)
    text = json.loads(run.progress.read_text(encoding="utf-8"))
    run.progress.write_text(json.dumps(text | {"time": text["time"] - 7200}), encoding="utf-8")
    result = raysat("status", run.root)
    assert "1 done, 0 running, 1 failed, 2 missing" in result.out
    assert "not running; the last one" in result.out
    assert "died or was stopped 2 h 0 min ago" in result.out
    assert "1 checkpoint" in result.out


@pytest.mark.parametrize(("host", "runs"), [(None, False), ("another", True)])
def test_a_run_that_died_just_now(raysat: Raysat, run: Ledger, host: str | None, runs: bool) -> None:
    """Here its lock says so; of another machine's, only silence can."""
    standing(run)
    if host:
        text = json.loads(run.progress.read_text(encoding="utf-8"))
        run.progress.write_text(json.dumps(text | {"host": host}), encoding="utf-8")
    assert ("1 running" in raysat("status", run.root).out) == runs


def test_status_before_the_first_run_and_of_no_run(raysat: Raysat, run: Ledger, tmp_path: Path) -> None:
    assert "run        none yet" in raysat("status", run.root).out
    run.progress.write_text("{half", encoding="utf-8")
    assert "run        none yet" in raysat("status", run.root).out
    result = raysat("status", tmp_path)
    assert result.code == 2
    assert "is not a run" in result.err


def test_status_of_a_search(raysat: Raysat, tmp_path: Path) -> None:
    states = ("finished", "stopped", "running")
    candidates = [
        Candidate(number=n, job=letter * 16, params={}, config=Config(), state=state)
        for n, (letter, state) in enumerate(zip("abc", states, strict=True))
    ]
    candidates[0] = candidates[0].model_copy(update={"val": Score(balanced_accuracy=0.8125, icv=0.1)})
    log = Log(
        study="hunt",
        identity=identity_of(Config()),
        data="d",
        patches={},
        reported="test",
        candidates=tuple(candidates),
    )
    save_log(tmp_path, log)
    result = raysat("status", tmp_path)
    assert (result.code, result.err) == (0, "")
    assert "candidates 1 finished, 1 stopped, 0 failed, 1 interrupted" in result.out
    assert "best       base: balanced accuracy 0.812 on val" in result.out
    (tmp_path / "search.json").write_text("{half", encoding="utf-8")
    damaged = raysat("status", tmp_path)
    assert damaged.code == 2
    assert "search.json cannot be read" in damaged.err


def test_a_whole_run_verifies(raysat: Raysat, run: Ledger) -> None:
    assert whole(run, A)
    result = raysat("ledger", "verify", run.root)
    assert (result.code, result.out.strip()) == (0, "whole      1 record")


@pytest.mark.parametrize(
    "name", ["record.json", "predictions.npz", "model.pt", "history.csv", "spec.json", "SHA256SUMS"]
)
def test_a_truncated_file_is_found_and_cleaned(raysat: Raysat, run: Ledger, name: str) -> None:
    file = run.root / "trials" / A / name
    file.write_bytes(file.read_bytes()[:-5])
    result = raysat("ledger", "verify", run.root)
    assert result.code == 1
    assert f"damaged    {file.parent}" in result.out
    assert "gc --delete" in result.out
    assert raysat("ledger", "gc", run.root, "--delete").code == 0
    assert not file.parent.exists()
    assert raysat("ledger", "verify", run.root).code == 0


def test_metrics_that_are_not_those_of_the_predictions(raysat: Raysat, run: Ledger) -> None:
    """Checksums alone would not see a record that was wrong from the start."""
    reseal(run, A, {"record.json": made_up_record(A).model_dump_json().encode()})
    assert whole(run, A)
    result = raysat("ledger", "verify", run.root)
    assert result.code == 1
    assert "its metrics are not those of its predictions" in result.out


def test_an_orphan_is_shown_and_kept(raysat: Raysat, run: Ledger) -> None:
    orphan = "e" * 16
    run.write(orphan, whole_files(orphan))
    result = raysat("ledger", "verify", run.root)
    assert result.code == 0
    assert f"orphan     {run.root / 'trials' / orphan}" in result.out
    assert "kept: 1 orphan" in raysat("ledger", "gc", run.root, "--delete").out
    assert run.is_finished(orphan)
    assert raysat("ledger", "gc", run.root, "--delete", "--orphans").code == 0
    assert not run.is_finished(orphan)
    assert run.is_finished(A)


def test_leftovers_are_found_and_cleaned(raysat: Raysat, run: Ledger) -> None:
    trials = run.root / "trials"
    left = [trials / f".{D}-0123abcd.partial", trials / f".{A}.replaced"]
    for folder in left:
        folder.mkdir()
        (folder / "record.json").write_text("{}", encoding="utf-8")
    for file in (run.root / ".plan.json-0123abcd.partial", run.checkpoints.root / ".s-0123abcd.partial"):
        file.write_text("half", encoding="utf-8")
        left.append(file)
    damaged = run.checkpoints.root / "0123456789abcdef"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    run.write_failure(Failure(id=A, error="of yesterday", time=0.0))
    left += [damaged, run.root / "failures" / f"{A}.json"]
    result = raysat("ledger", "verify", run.root)
    assert result.code == 1
    for path in left:
        assert str(path) in result.out
    assert raysat("ledger", "gc", run.root, "--delete").code == 0
    assert not any(path.exists() for path in left)
    assert run.is_finished(A)
    assert run.read_failure(B) is not None


def test_a_record_that_stepped_aside_is_no_leftover(raysat: Raysat, run: Ledger) -> None:
    (run.root / "trials" / A).rename(run.root / "trials" / f".{A}.replaced")
    assert raysat("ledger", "gc", run.root, "--delete").code == 0
    assert "whole      1 record" in raysat("ledger", "verify", run.root).out
    assert run.is_finished(A)


@pytest.mark.parametrize("words", [("status",), ("ledger", "verify"), ("ledger", "gc"), ("report",)])
def test_a_plan_that_is_none_is_one_clear_error(raysat: Raysat, run: Ledger, words: tuple[str, ...]) -> None:
    (run.root / "plan.json").write_text('{"x": 1}', encoding="utf-8")
    result = raysat(*words, run.root)
    assert result.code == 2
    assert "plan.json is damaged" in result.err
    assert "bug in raysat" not in result.err


def test_nothing_is_cleaned_under_a_run(raysat: Raysat, run: Ledger) -> None:
    with run.lock():
        assert raysat("ledger", "verify", run.root).code == 0
        result = raysat("ledger", "gc", run.root, "--delete")
    assert result.code == 3
    assert f"pid {os.getpid()}" in result.err


def test_checksums_are_those_of_the_files(run: Ledger) -> None:
    folder = run.root / "trials" / A
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    found = dict(reversed(line.split("  ")) for line in lines)
    assert found == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "SHA256SUMS"
    }


def test_a_run_is_watched_until_what_fills_it_is_gone(
    raysat: Raysat, run: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pipe a line for each change, not for each look; then how it ended."""
    looks = 0
    lock = run.lock()

    def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            run.write(C, whole_files(C))
            standing(run, done=2, running=[RunningJob(job=D, name="two", seed=1, epoch=1, epochs=40)])
        if looks == 4:
            lock.__exit__(None, None, None)

    monkeypatch.setattr("raysat.cli.watching.time.sleep", sleep)
    standing(run)
    lock.__enter__()
    result = raysat("status", run.root, "--watch")
    assert (result.code, result.err, looks) == (0, "", 4)
    told = re.findall(r"(?m)^[\d:]{8}  (.*)$", result.out)
    assert told == [
        "s: 1 done, 1 running, 1 failed, 1 missing",
        "s: 2 done, 1 running, 1 failed, 0 missing",
        "s: 2 done, 0 running, 1 failed, 1 missing",
    ]
    assert "run        not running" in result.out


def test_a_run_with_nothing_left_to_do_is_not_watched(raysat: Raysat, run: Ledger) -> None:
    for trial in (B, C, D):
        run.write(trial, whole_files(trial))
    result = raysat("status", run.root, "--watch")
    assert (result.code, result.err) == (0, "")
    assert "trials     4 done" in result.out
    assert "raysat report" in result.out

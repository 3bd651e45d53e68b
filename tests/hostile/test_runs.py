"""Files of a run that are damaged, or made to do harm: one line, in time, and every command says the same of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.config.schema import Config
from raysat.search.log import Candidate, Log, save_log
from raysat.storage.ledger import Ledger
from tests.helpers.hostile import COMMANDS, STATE, A, C, Raysat, assert_clear, assert_damaged, assert_refused, words
from tests.helpers.ledger import edit_plan, reseal
from tests.helpers.search import identity_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
DEEP = b'{"arms": ' + b"[" * 3000
FILES = ("record.json", "spec.json", "history.csv", "predictions.npz", "model.pt", "SHA256SUMS")
NOT_A_NAME = [None, 3, [], {"a": 1}, "\ud800"]


def in_arm(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda plan: plan["arms"][0].update({key: value})


def in_trial(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda plan: plan["arms"][0]["trials"][0].update({key: value})


PLANS: dict[str, Callable[[dict[str, Any]], object]] = {
    **{f"arms: [{value!r}]": lambda plan, value=value: plan.update(arms=[value]) for value in (None, 3, "x", [1])},
    **{f"arm name: {value!r}": in_arm("name", value) for value in NOT_A_NAME},
    **{f"trials: {value!r}": in_arm("trials", value) for value in (None, 3, "x", [None], [[]])},
    **{f"id: {value!r}": in_trial("id", value) for value in (*NOT_A_NAME, "../../etc", "", ".", "a\n", "x" * 101)},
    **{f"seed: {value!r}": in_trial("seed", value) for value in (None, -1, 2**32, 10**400, float("inf"), "x")},
    **{f"generate: {value!r}": lambda plan, value=value: plan.update(generate=value) for value in (3, "x", [None])},
    **{f"study: {value!r}": lambda plan, value=value: plan.update(study=value) for value in NOT_A_NAME},
    "an arm twice": lambda plan: plan["arms"].append(plan["arms"][0]),
    "a seed twice": lambda plan: plan["arms"][0]["trials"].append(plan["arms"][0]["trials"][0]),
    "257 classes": lambda plan: plan.update(classes=[f"c{k}" for k in range(257)]),
    "images: -1": lambda plan: plan.update(images={"alone": -1, "shared": 0}),
    "reported: ../x": lambda plan: plan.update(reported="../x"),
}


@pytest.mark.parametrize("change", PLANS.values(), ids=PLANS)
def test_a_plan_that_raysat_did_not_write_is_refused_alike(
    raysat: Raysat, run: Ledger, change: Callable[[dict[str, Any]], object]
) -> None:
    edit_plan(run, change)
    for command in COMMANDS:
        assert_refused(raysat(*words(command, run)), 2, "plan.json")


@pytest.mark.parametrize("content", [DEEP, b"", b"[]", b"\xff", b"{}", b'{"study": ' + b"9" * 10_000, b"x" * 100_000])
def test_a_plan_that_is_no_json_is_refused_alike(raysat: Raysat, run: Ledger, content: bytes) -> None:
    (run.root / "plan.json").write_bytes(content)
    for command in COMMANDS:
        assert_refused(raysat(*words(command, run)), 2, "plan.json")


def metrics_of(record: dict[str, Any]) -> dict[str, Any]:
    metrics: dict[str, Any] = record["metrics"]["test"]
    return metrics


RECORDS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no precision": (lambda r: metrics_of(r).update(precision=[]), "differ in length"),
    "three recalls": (lambda r: metrics_of(r).update(recall=[0.5] * 3), "differ in length"),
    "a matrix that is none": (lambda r: metrics_of(r).update(confusion=[[1, 1], [1]]), "differ in length"),
    "other counts": (lambda r: metrics_of(r).update(n=5), "of 4 patches, not 5"),
    "accuracy of 2": (lambda r: metrics_of(r).update(accuracy=2), "accuracy"),
    "recall of -1": (lambda r: metrics_of(r).update(recall=[-1, 1]), "recall"),
    "NaN": (lambda r: metrics_of(r).update(icv=float("nan")), "icv"),
    "epochs of 10^400": (lambda r: r.update(epochs=10**400), "epochs"),
    "seconds of -1": (lambda r: r.update(seconds=-1), "seconds"),
    "ended in the year 10^9": (lambda r: r.update(ended=1e17), "ended"),
    "300 classes": (lambda r: r.update(classes=["c"] * 300), "classes"),
    "three classes": (lambda r: r.update(classes=["a", "b", "c"]), "2 classes, not 3"),
    "hardware: null": (lambda r: r.update(hardware=None), "hardware"),
    "another id": (lambda r: r.update(id="f" * 16), "another trial"),
    "a split that is a path": (lambda r: r["metrics"].update({"../x": metrics_of(r)}), "metrics"),
}


@pytest.mark.parametrize(("change", "said"), RECORDS.values(), ids=RECORDS)
def test_a_record_that_cannot_be_is_damaged_whoever_asks(
    raysat: Raysat, run: Ledger, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    record = json.loads((run.root / "trials" / A / "record.json").read_bytes())
    change(record)
    reseal(run, A, {"record.json": json.dumps(record).encode()})
    assert_damaged(raysat, run, said)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["changed", "empty", "missing", "deep", "pipe", "endless", "folder"])
def test_a_file_that_is_not_what_was_written_is_not_done_for_any_command(
    raysat: Raysat, run: Ledger, name: str, damage: str
) -> None:
    file = run.root / "trials" / A / name
    content = bytearray(file.read_bytes())
    file.unlink()
    match damage:
        case "changed" if name == "model.pt":  # weights are read by ``ledger verify`` alone
            file.write_bytes(bytes(content) + b"x")
            assert raysat("ledger", "verify", run.root).code == 1
            return
        case "changed":
            content[len(content) // 2] ^= 1
            file.write_bytes(bytes(content))
        case "empty":
            if name == "model.pt":
                return
            file.write_bytes(b"")
        case "deep":
            if name == "model.pt":
                return
            file.write_bytes(DEEP)
        case "pipe":
            os.mkfifo(file)
        case "endless":
            file.symlink_to("/dev/zero")
        case "folder":
            file.mkdir()
    status = raysat("status", run.root)
    if name == "record.json" and damage in ("missing", "pipe", "endless", "folder"):
        assert "1 done, 0 running, 1 failed, 2 missing" in status.out
    else:
        assert "1 done, 0 running, 2 failed, 1 missing" in status.out
    found = raysat("ledger", "verify", run.root)
    assert (found.code, found.err) == (1, "")
    assert "whole      1 record" in found.out
    report = raysat("report", run.root, "--format", "csv")
    assert (report.code, report.err) == (0, "")
    assert not run.is_finished(A)


@pytest.mark.parametrize(
    ("sums", "said"),
    [
        (b"", "does not name record.json"),
        (b"no sums\n", "line 1 is no checksum"),
        (b"0" * 64 + b"  a\0b\n", "line 1 is no checksum"),
        (b"0" * 64 + b"  ../../f\n", "line 1 is no checksum"),
        (b"\xff", "is not UTF-8"),
        (b"x" * 100_000, "larger than"),
        (b"".join(b"0" * 64 + b"  " + name.encode() + b"\n" for name in FILES), "checksum is wrong"),
        ((b"0" * 64 + b"  record.json\n") * 2, "line 2 is no checksum"),
    ],
)
def test_checksums_that_are_none_leave_no_trial_done(raysat: Raysat, run: Ledger, sums: bytes, said: str) -> None:
    (run.root / "trials" / A / "SHA256SUMS").write_bytes(sums)
    assert_damaged(raysat, run, said)


@pytest.mark.parametrize(
    "content",
    [
        b"epoch\n" + b"1" * 200_000,
        b'epoch,loss\n1,"' + b"x" * 200_000,
        b"epoch,loss\n1,nan\n",
        b"epoch,loss\n1,1e999\n",
        b"epoch,epoch\n1,1\n",
        b"epoch,loss\n1\n",
        b"epoch,balanced_accuracy\n1,2\n",
        b"epoch\n-1\n",
        b"epoch\n1.5\n",
        b"\x1b]0;x\x07\n1\n",
        b"\xff\xfe",
        b"=cmd()\n1\n",
        b",".join(b"c%d" % k for k in range(100)) + b"\n",
    ],
)
def test_a_learning_curve_that_is_none_costs_the_curve_alone(raysat: Raysat, run: Ledger, content: bytes) -> None:
    reseal(run, A, {"history.csv": content})
    report = raysat("report", run.root, "--format", "csv")
    assert (report.code, report.err) == (0, "")
    found = raysat("ledger", "verify", run.root)
    assert (found.code, found.err) == (1, "")
    assert "history.csv is damaged" in " ".join(found.out.split())
    assert "\x1b" not in found.out


@pytest.mark.parametrize("content", [DEEP, b"{}", b'{"config": null}', b'{"config": {}, "seed": -1}', b"[]", b""])
def test_a_specification_that_is_none_is_damaged(raysat: Raysat, run: Ledger, content: bytes) -> None:
    reseal(run, A, {"spec.json": content})
    for command in COMMANDS:
        assert_clear(raysat(*words(command, run)))
    assert raysat("ledger", "verify", run.root).code == 1


@pytest.mark.parametrize("content", [DEEP, b"{}", b"[]", b"", b'{"id": "../x", "error": "e", "time": 0}'])
def test_a_failure_that_is_damaged_is_one_for_all(raysat: Raysat, run: Ledger, content: bytes) -> None:
    (run.root / "failures" / f"{C}.json").write_bytes(content)
    assert "2 done, 0 running, 1 failed, 1 missing" in raysat("status", run.root).out
    assert raysat("report", run.root, "--format", "csv").code == 0
    found = raysat("ledger", "verify", run.root)
    assert (found.code, found.err) == (1, "")
    assert f"damaged    {run.root / 'failures' / C}.json" in found.out


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
@pytest.mark.parametrize(
    "name", ["study.yaml", "progress.json", "search.json", f"failures/{C}.json", f"checkpoints/{STATE}", "plan.json"]
)
def test_nothing_waits_for_a_pipe_or_reads_without_an_end(raysat: Raysat, run: Ledger, name: str, kind: str) -> None:
    file = run.root / name
    file.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "endless":
            file.symlink_to("/dev/zero")
        case "folder":
            file.mkdir()
    for command in COMMANDS:
        assert_clear(raysat(*words(command, run)))


@pytest.mark.parametrize("content", [DEEP, b"{}", b"[1]", b"", b'{"format": 1, "study": 3}'])
def test_a_log_that_is_none_is_one_line(raysat: Raysat, run: Ledger, content: bytes) -> None:
    (run.root / "search.json").write_bytes(content)
    assert_refused(raysat("status", run.root), 2, "search.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log["candidates"][0].update(number=-1),
        lambda log: log["candidates"].append(log["candidates"][0]),
        lambda log: log["candidates"][0].update(job="../x"),
        lambda log: log["candidates"][0].update(curve=[2.0]),
        lambda log: log["candidates"][0].update(val={"balanced_accuracy": 7, "icv": 0}),
        lambda log: log["candidates"][0].update(drawn={"loss": float("nan")}),
        lambda log: log["candidates"][0].update(drawn={"loss": 10**400}),
        lambda log: log.update(patches={"train": -1}),
        lambda log: log.update(seconds=float("inf")),
        lambda log: log["identity"].update(seed=-1),
        lambda log: log["identity"].update(workers=10**400),
        lambda log: log.update(study=None),
    ],
)
def test_a_log_of_what_no_search_did_is_one_line(
    raysat: Raysat, tmp_path: Path, change: Callable[[Any], object]
) -> None:
    candidate = Candidate(number=0, job=A, params={}, config=Config())
    identity = identity_of(Config())
    save_log(
        tmp_path, Log(study="hunt", identity=identity, data="d", patches={}, reported="test", candidates=(candidate,))
    )
    assert raysat("status", tmp_path).code == 0
    log = json.loads((tmp_path / "search.json").read_text())
    change(log)
    (tmp_path / "search.json").write_text(json.dumps(log))
    assert_refused(raysat("status", tmp_path), 2, "search.json is damaged")

"""Files of a run that are damaged, or made to do harm: one line, in time, and every command says the same of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raysat.config.schema import Config
from raysat.search.log import Candidate, Log, save_log
from raysat.storage.heartbeat import RunStatus, write_status
from raysat.storage.ledger import Ledger
from tests.helpers.hostile import STATE, A, C, assert_refused, hostile_run
from tests.helpers.ledger import edit_plan, reseal
from tests.helpers.search import identity_of

Raysat = Callable[..., Any]
pytestmark = pytest.mark.timeout(60)
NOBODY = 65534
COMMANDS = [("status",), ("report",), ("ledger", "verify")]
DEEP = b'{"arms": ' + b"[" * 3000
FILES = ("record.json", "spec.json", "history.csv", "predictions.npz", "model.pt", "SHA256SUMS")


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Ledger:
    return hostile_run(tmp_path / "run")


def words(command: tuple[str, ...], run: Ledger) -> tuple[object, ...]:
    """A command on a run; the quickest report."""
    return (*command, run.root, "--format", "csv") if command == ("report",) else (*command, run.root)


def assert_clear(result: Any) -> None:
    """Check that a command did its work, or was refused as it should be."""
    if result.code == 2:
        assert_refused(result, 2)
    else:
        assert result.code in (0, 1)
        assert result.err == ""
        assert "unexpected" not in result.out


def assert_damaged(raysat: Raysat, run: Ledger, said: str) -> None:
    """Check that every command says of the first trial that it is damaged, and spares the others."""
    status, found = raysat("status", run.root), raysat("ledger", "verify", run.root)
    assert "1 done, 0 running, 2 failed, 1 missing" in status.out
    assert said in " ".join(status.out.split())
    assert (found.code, found.err) == (1, "")
    assert f"damaged    {run.root / 'trials' / A}" in " ".join(found.out.split("\n"))
    assert "whole      1 record" in found.out
    report = raysat("report", run.root, "--format", "json")
    assert (report.code, report.err) == (0, "")
    arms = json.loads((run.root / "report" / "report.json").read_text())["arms"]
    assert said in json.dumps([arm for arm in arms if arm["name"] == "one"])
    assert not run.is_finished(A), "it is trained again"


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


def npz(**changes: object) -> bytes:
    arrays = {"labels": np.zeros(4, np.uint8), "predicted": np.zeros(4, np.uint8), "indices": np.arange(4)}
    arrays |= {"probabilities": np.tile(np.array([0.75, 0.25], np.float16), (4, 1))}
    out = io.BytesIO()
    np.savez_compressed(out, **{key: value for key, value in (arrays | changes).items() if value is not None})  # type: ignore[arg-type]
    return out.getvalue()


def member(name: str, content: bytes, **changes: object) -> bytes:
    """An archive with one member in place of another, whose entry says something else than it holds."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(npz())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == name else old.read(info))
        for key, value in changes.items():
            setattr(new.getinfo(name), key, value)
    return out.getvalue()


def header(shape: str, descr: str = "|u1", order: str = "False") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def twice() -> bytes:
    out = io.BytesIO(npz())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(out, "a") as archive:
        archive.writestr("labels.npy", b"")
    return out.getvalue()


HALF = np.full((4, 2), 0.5, np.float16)
PREDICTIONS: dict[str, bytes] = {
    "labels of no axis": npz(labels=np.uint8(0)),
    "labels of two axes": npz(labels=np.zeros((4, 1), np.uint8)),
    "labels that are text": npz(labels=np.array(list("abcd"))),
    "labels below 0": npz(labels=np.full(4, -1, np.int8)),
    "labels of a structured type": npz(labels=np.zeros(4, "u1,u1")),
    "labels that are times": npz(labels=np.zeros(4, "M8[s]")),
    "labels that are objects": npz(labels=np.array([{}] * 4, object)),
    "labels outside the classes": npz(labels=np.full(4, 2, np.uint8)),
    "probabilities that are text": npz(probabilities=np.array([["a", "b"]] * 4)),
    "probabilities of 2": npz(probabilities=HALF * 4),
    "probabilities of -1": npz(probabilities=np.tile(np.array([2, -1], np.float16), (4, 1))),
    "probabilities all 0": npz(probabilities=HALF * 0),
    "probabilities of 0.3 and 0.3": npz(probabilities=np.full((4, 2), 0.3, np.float16)),
    "NaN": npz(probabilities=HALF * np.float16("nan")),
    "infinite": npz(probabilities=HALF * np.float16("inf")),
    "no class": npz(probabilities=np.zeros((4, 0), np.float16)),
    "no patch": npz(
        **{key: np.zeros(0, np.uint8) for key in ("labels", "predicted")},
        indices=np.zeros(0, np.int64),
        probabilities=np.zeros((0, 2), np.float16),
    ),
    "not the most probable": npz(predicted=np.ones(4, np.uint8)),
    "a patch twice": npz(indices=np.zeros(4, np.int64)),
    "a patch of -1": npz(indices=np.arange(4) - 1),
    "three patches": npz(indices=np.arange(3)),
    "an array more": npz(more=np.zeros(1)),
    "an array less": npz(predicted=None),
    "a path": member("labels.npy", b"").replace(b"labels.npy", b"../bel.npy"),
    "373 GiB in its header": member("labels.npy", header("(400000000000,)")),
    "373 GiB in its entry": member("labels.npy", header("(4,)") + b"abcd", file_size=400_000_000_000),
    "zeros by the gigabyte": member("labels.npy", header("(4,)") + bytes(300 << 20)),
    "encrypted": member("labels.npy", header("(4,)") + b"abcd", flag_bits=1),
    "an expression": member("labels.npy", header("(__import__('os').getpid(),)")),
    "a negative shape": member("labels.npy", header("(-4,)")),
    "no header": member("labels.npy", b"PK\x03\x04"),
    "a wrong check sum": member("labels.npy", header("(4,)") + bytes(4), CRC=1),
    "twice": twice(),
    "a pickle": b"\x80\x04cposix\nsystem\n",
    "nothing": b"",
    "half": npz()[:200],
}


@pytest.mark.parametrize("content", PREDICTIONS.values(), ids=PREDICTIONS)
def test_predictions_that_no_model_makes_are_one_error(raysat: Raysat, run: Ledger, content: bytes) -> None:
    reseal(run, A, {"predictions.npz": content})
    assert_refused(raysat("report", run.root, "--format", "csv"), 2, "predictions.npz is damaged")
    found = raysat("ledger", "verify", run.root)
    assert (found.code, found.err) == (1, "")
    assert "predictions.npz is damaged" in " ".join(found.out.split())
    assert not (run.root / "report").exists()


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


AS_NOBODY = """
import contextlib, io, json, os, sys
from pathlib import Path
from raysat.cli.main import main

def run(*words):
    sys.argv = ["raysat", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            return [int(ended.code or 0), out.getvalue(), err.getvalue()]

good, *bad = sys.argv[1:]
commands = [("status",), ("ledger", "verify"), ("report", "--format", "csv")]
for command in commands:  # what they import may be hidden from others
    assert run(*command, good)[0] == 0
os.chdir(Path(good).parent)
os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
print(json.dumps([[name, command, run(*command, name)] for name in bad for command in commands]))
"""
HIDDEN = ["", "trials", f"trials/{A}", f"trials/{A}/record.json", f"trials/{A}/SHA256SUMS"]
HIDDEN += [f"trials/{A}/predictions.npz", "failures", f"failures/{C}.json", "plan.json", "checkpoints"]


@pytest.fixture(name="as_nobody")
def _as_nobody(tmp_path: Path) -> Iterator[list[tuple[str, list[str], Any]]]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    good = hostile_run(tmp_path / "good")
    (good.root / "failures" / f"{C}.json").unlink()
    good.checkpoints.drop(STATE)
    for number, name in enumerate(HIDDEN):
        run = hostile_run(tmp_path / f"run-{number}")
        (run.root / name).chmod(0)
    tmp_path.chmod(0o777)
    script = [sys.executable, "-c", AS_NOBODY.replace("{nobody}", str(NOBODY)), str(good.root)]
    done = subprocess.run(
        [*script, *(f"run-{number}" for number in range(len(HIDDEN)))],
        capture_output=True, text=True, check=True, env=os.environ | {"HOME": "/nonexistent"},
    )  # fmt: skip
    yield json.loads(done.stdout)
    for number, name in enumerate(HIDDEN):
        (tmp_path / f"run-{number}" / name).chmod(0o755)


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def test_what_a_user_may_not_read_is_neither_missing_nor_damaged(as_nobody: list[tuple[str, list[str], Any]]) -> None:
    for name, command, ended in as_nobody:
        hidden, result = HIDDEN[int(name.removeprefix("run-"))], Ended(*ended)
        if command[0] == "report" and hidden in ("checkpoints",):
            assert "cannot be written" in result.err  # nobody may write a report there
        else:
            assert_refused(result, 2, "Permission denied", "change its permissions")

"""``--json`` of each command, by the real command line: one document that its schema describes, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from raysat.config.schema import Config
from raysat.data.store import PatchStore
from raysat.documents.catalog import NAMES
from raysat.search.log import Candidate, Log, Score, save_log
from raysat.storage.event_log import EventLog, LoggedEvent
from raysat.storage.heartbeat import RunningJob, RunStatus, write_status
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import made_up_plan, whole_files
from tests.helpers.report import GRID, GRID_CONFIGS
from tests.helpers.search import identity_of

Raysat = Callable[..., Any]
A, B, C, D = (letter * 16 for letter in "abcd")
HOSTILE: Final = "<b>'\"\\ ; $(rm) \U0001f6f0 漢字"
TURNED: Final = "\u202e\x1b[31m"  # what no study file may have, and a damaged plan may


@pytest.fixture(name="schemas", scope="module")
def _schemas() -> dict[str, Draft202012Validator]:
    """As ``raysat schema --of`` prints them."""
    found = {}
    for name in NAMES:
        words = [sys.executable, "-m", "raysat", "schema", "--of", name] if name == "plan" else None
        if words is not None:  # one by the real command; the others by what that calls
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            schema = json.loads(done.stdout)
        else:
            from raysat.documents.base import document_schema
            from raysat.documents.catalog import document_model

            schema = document_schema(document_model(name))
        found[name] = Draft202012Validator(schema)
    return found


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Ledger:
    """Two arms of two seeds: one trial finished, one failed, one that trains, one missing; and their events."""
    ledger = Ledger(tmp_path / "runs" / "s")
    arms = [
        {"name": HOSTILE + TURNED, "trials": [{"seed": 0, "id": A}, {"seed": 1, "id": B}]},
        {"name": "two", "trials": [{"seed": 0, "id": C}, {"seed": 1, "id": D}]},
    ]
    ledger.write_plan("study: s\n", made_up_plan(arms=arms, command="raysat ablate --space s.yaml"))
    ledger.write(A, whole_files(A))
    ledger.write_failure(Failure(id=B, error="it diverged", hint="lower lr", traceback="of it", time=1.0))
    ledger.checkpoints.write("0123456789abcdef", b"state")
    log = EventLog(ledger.root)
    log.write(LoggedEvent(time=1.5, event="run started", host="head", pid=7))
    log.write(LoggedEvent(time=2.0, event="failed", trial=B, name=HOSTILE + TURNED, seed=1, epoch=3, host="n", pid=8))
    log.close()
    standing(ledger)
    return ledger


def standing(ledger: Ledger, **changes: Any) -> None:
    running = [RunningJob(job=C, name="two", seed=0, epoch=3, epochs=40)]
    values = {"done": 1, "failed": 1, "already_done": 0, "total": 4, "eta_seconds": 240.0, "running": running}
    write_status(ledger.progress, RunStatus(**({"time": 1_750_000_000.0} | values | changes)))


@pytest.fixture(name="grid")
def _grid(make_run: Any) -> Ledger:
    ledger: Ledger = make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True, study="quick")
    return ledger


@pytest.fixture(name="document")
def _document(raysat: Raysat, schemas: dict[str, Draft202012Validator]) -> Callable[..., Any]:
    """Run a command twice, check what it printed, and return the document."""

    def run(name: str, *words: object, code: int = 0, same: bool = True) -> Any:
        result = raysat(*words, "--json")
        assert result.code == code, result.err
        check_pure(result.out)
        value = json.loads(result.out)
        schemas[name].validate(value)
        if same:
            assert raysat(*words, "--json").out == result.out
        return value

    return run


def check_pure(out: str) -> None:
    """One document: no second one, no blank line, nothing that a terminal would obey."""
    assert out.startswith("{\n")
    assert out.endswith("\n}\n")
    assert out.isascii()
    assert out.replace("\n", "").isprintable()


def test_status_of_a_run(document: Any, run: Ledger) -> None:
    with run.lock():
        value = document("status", "status", run.root)
    assert (value["kind"], value["study"], value["complete"]) == ("run", "s", False)
    assert value["trials"] == {"done": 1, "running": 1, "failed": 1, "missing": 1}
    assert value["arms"][1] == {"name": "two", "done": 0, "running": 1, "failed": 0, "missing": 1}
    assert value["failed"][0] == {"arm": value["arms"][0]["name"], "seed": 1, "error": "it diverged"}
    assert value["arms"][0]["name"] == HOSTILE + r"\u202e\x1b[31m"  # as it is read: written out
    process = value["process"]
    assert (process["pid"], process["alive"], process["seen"]) == (os.getpid(), True, "2025-06-15T15:06:40Z")
    assert process["seconds_left"] == 240
    assert process["running"][0] | {"balanced_accuracy": None} == process["running"][0]
    assert (value["checkpoints"], value["command"]) == (1, "raysat ablate --space s.yaml")


def test_status_of_a_search(document: Any, tmp_path: Path) -> None:
    log = Log(study="hunt", identity=identity_of(Config()), data="demo", patches={"train": 5}, reported="test")
    candidate = Candidate(number=0, job=A, drawn=None, config=log.identity.base, state="finished")
    tried = candidate.model_copy(update={"val": Score(balanced_accuracy=0.5, icv=0.25)})
    save_log(tmp_path / "hunt", log.put(tried))
    value = document("status", "status", tmp_path / "hunt")
    assert (value["kind"], value["trials"], value["process"]) == ("search", None, None)
    assert value["candidates"] == {"finished": 1, "stopped": 0, "failed": 0, "running": 0}
    assert value["best"] == {"name": "base", "balanced_accuracy": 0.5, "icv": 0.25}


def test_watching_writes_a_line_for_each_change(raysat: Raysat, run: Ledger, schemas: Any, monkeypatch: Any) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 1:
            standing(run, time=1_750_000_002.0, eta_seconds=60.0)  # nothing but the clock has changed
        else:
            for trial in (B, C, D):
                run.write(trial, whole_files(trial))

    monkeypatch.setattr("raysat.cli.watching.time.sleep", nap)
    result = raysat("status", run.root, "--watch", "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    for line in lines:
        schemas["status"].validate(line)
    assert [line["complete"] for line in lines] == [False, True]
    assert len(naps) == 2
    assert (result.code, result.err) == (0, "")


def test_report_is_its_file(raysat: Raysat, document: Any, grid: Ledger) -> None:
    value = document("report", "report", grid.root, "--format", "json")
    file = (grid.root / "report" / "report.json").read_text(encoding="utf-8")
    assert raysat("report", grid.root, "--format", "json", "--json").out == file
    assert value["arms"][0]["name"] == value["best"]
    assert set(value["arms"][0]["interval"]["balanced_accuracy"]) == {"value", "low", "high", "n", "p", "p_holm"}


def test_the_leaderboard_file_has_its_schema(grid: Ledger, schemas: Any) -> None:
    from raysat.reporting.render.run import read_leaderboard, write_leaderboard

    board = read_leaderboard(grid)
    files = {path.name: path for path in write_leaderboard(*board, grid.root)}
    schemas["leaderboard"].validate(json.loads(files["leaderboard.json"].read_text(encoding="utf-8")))


def test_compare(document: Any, make_run: Any) -> None:
    a, b = (make_run({"x": (0.9, low, 0.5, 0.4)}, seeds=range(3), folder=f"f{low}").root for low in (0.5, 0.6))
    value = document("compare", "compare", a, b)
    assert (value["a"], value["b"], value["paired"]) == (str(a), str(b), True)
    (arm,) = value["arms"]
    assert arm["a"]["seeds"] == arm["b"]["seeds"] == arm["change"]["balanced_accuracy"]["n"] == 3
    difference = arm["b"]["balanced_accuracy"] - arm["a"]["balanced_accuracy"]
    assert arm["change"]["balanced_accuracy"]["value"] == pytest.approx(difference)


def test_plan_of_a_hostile_name(document: Any, space: Path, landsat_store: PatchStore, tmp_path: Path) -> None:
    text = space.read_text(encoding="utf-8").replace("  plain:", f"  {json.dumps(HOSTILE, ensure_ascii=False)}:")
    space.write_text(text, encoding="utf-8")
    value = document("plan", "plan", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs")
    (plan,) = value["plans"]
    assert [arm["name"] for arm in plan["arms"]][1] == "LDAM"
    assert plan["arms"][0]["name"].endswith("\U0001f6f0 漢字")
    assert plan["seeds"] == [trial["seed"] for trial in plan["arms"][0]["trials"]] == [0, 1]
    assert plan["cost"]["trials"] == plan["cost"]["missing_trials"] == 4
    assert plan["fingerprint"] == landsat_store.fingerprint


def test_data(document: Any, landsat_store: PatchStore) -> None:
    value = document("data-info", "data", "info", landsat_store.path)
    assert value["patches"] == value["splits"]["all"]["patches"] == len(landsat_store)
    assert [band["name"] for band in value["bands"]] == list(landsat_store.bands)
    assert value["splits"]["train"]["by_class"].keys() == set(landsat_store.classes)
    whole = document("data-verify", "data", "verify", landsat_store.path)
    assert (whole["patches"], whole["fingerprint"]) == (len(landsat_store), landsat_store.fingerprint)


def test_ledger(document: Any, run: Ledger, tmp_path: Path) -> None:
    (run.root / "trials" / A / "SHA256SUMS").unlink()
    found = document("ledger-verify", "ledger", "verify", run.root, code=1)
    assert (found["ok"], found["whole"], found["findings"][0]["kind"]) == (False, 0, "damaged")
    garbage = document("ledger-gc", "ledger", "gc", run.root)
    assert garbage["bytes"] == sum(kind["bytes"] for kind in garbage["kinds"])
    assert garbage["deleted"] is False
    run.write(D, whole_files(D))
    copied = document("ledger-copy", "ledger", "copy", run.root, tmp_path / "there", code=1, same=False)
    assert (copied["records"], len(copied["damaged"])) == (1, 1)
    assert Path(copied["path"]).is_dir()


def test_logs(document: Any, run: Ledger) -> None:
    value = document("logs", "logs", run.root)
    assert [(event["time"], event["event"]) for event in value["events"]] == [
        ("1970-01-01T00:00:01.500000Z", "run started"),
        ("1970-01-01T00:00:02Z", "failed"),
    ]
    assert value["failure"] is None
    name = value["events"][1]["name"]
    one = document("logs", "logs", run.root, "--arm", name)
    assert (one["failure"]["error"], one["failure"]["hint"]) == ("it diverged", "lower lr")


def test_power_and_methods(document: Any, tmp_path: Path) -> None:
    words = ("--classes", "60,20", "--effect", 0.1, "--figure", tmp_path / "p.svg")
    value = document("power", "power", *words, same=False)
    assert [each["patches"] for each in value["classes"]] == [60, 20]
    assert [each["metric"] for each in value["metrics"]] == ["balanced_accuracy", "icv", "recall"]
    assert value["metrics"][2]["class_name"] == value["classes"][1]["name"]
    (ldam,) = document("methods", "methods", "ldam")["methods"]
    assert (ldam["section"], ldam["settings"][0]["name"]) == ("loss", "max_margin")


def test_doctor(document: Any, tmp_path: Path) -> None:
    value = document("doctor", "doctor", "--out", tmp_path / "runs", same=False)
    levels = [check["level"] for check in value["machines"][0]["checks"]]
    assert (value["faults"], value["warnings"]) == (levels.count("fault"), levels.count("warning"))
    assert all((check["remedy"] is None) == (check["level"] == "ok") for check in value["machines"][0]["checks"])


def test_an_error_is_said_on_stderr_and_stdout_stays_empty(
    raysat: Raysat, tmp_path: Path, landsat_store: PatchStore
) -> None:
    none = tmp_path / "none"
    late = ("data", "info", landsat_store.path, "--plot", tmp_path / "x.png", "--composite", "B12,B3,B2")
    for words in (("status", none), ("report", none), ("data", "info", none), late):
        result = raysat(*words, "--json")
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("error: ")


def test_warnings_and_notes_go_to_stderr(grid: Ledger, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import warnings\nfrom raysat.reporting.render import json as module\n"
        "made = module.report_document\n"
        "def noisy(analysis):\n"
        "    print('a library prints')\n    warnings.warn('a library warns', stacklevel=1)\n    return made(analysis)\n"
        "module.report_document = noisy\n",
        encoding="utf-8",
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "FORCE_COLOR": "1", "PYTHONIOENCODING": "ascii"}
    words = [sys.executable, "-m", "raysat", "report", grid.root, "--json", "--format", "csv"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_pure(done.stdout)
    for said in ("a library prints", "a library warns", "wrote "):
        assert said in done.stderr


def test_a_log_and_quiet_leave_stdout_to_the_document(
    raysat: Raysat, schemas: Any, grid: Ledger, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    words = ("report", grid.root, "--out", tmp_path / "report", "--json", "--format", "csv")
    for also in ([], ["--log-file", log], ["--quiet"]):
        out = raysat(*words, *also).out
        check_pure(out)
        schemas["report"].validate(json.loads(out))
    assert "wrote report.csv" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [("methods", "--json"), ("schema", "--of", "report")])
def test_a_reader_that_leaves_is_no_error_of_the_command(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "raysat", *words]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_the_schema_of_a_search_is_of_no_document(raysat: Raysat) -> None:
    assert raysat("schema", "--search", "--of", "plan").code == 2
    assert json.loads(raysat("schema", "--of", "plan").out)["properties"]["plans"]
    assert "status" in raysat("schema", "--of", "nothing").err

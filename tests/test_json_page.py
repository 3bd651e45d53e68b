"""``docs/json.md``: each command runs, each key of a document is named, and jq gives what the same in Python gives."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from raysat.documents.catalog import NAMES, document_model
from raysat.reporting.render.run import read_leaderboard, write_leaderboard
from raysat.storage.event_log import EventLog, LoggedEvent
from tests.helpers.paths import ROOT

PAGE: Final = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
COMMANDS: Final = [
    line
    for block in re.findall(r"^```bash\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
ARMS: Final = {"loss=ldam": (0.9, 0.8, 0.7, 0.6), "plain": (0.9, 0.5, 0.5, 0.4)}


def _lines(*texts: Any) -> str:
    return "".join(f"{text}\n" for text in texts)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _row(arm: Any) -> str:
    interval = arm["interval"]["balanced_accuracy"]
    return "\t".join([arm["name"], *(_json(interval[key]) for key in ("value", "low", "high"))])


# What each program of the page prints, in Python, by what it is about.
IN_PYTHON: Final[dict[str, Callable[[Any], str]]] = {
    "plan": lambda document: _lines(
        *(
            json.dumps({key: plan["cost"][key] for key in ("missing_trials", "images_shared", "seconds")}, indent=2)
            for plan in document["plans"]
        )
    ),
    "status": lambda document: _lines(
        *(f"{each['arm']}, seed {each['seed']}: {each['error']}" for each in document["failed"])
    ),
    "status --watch": lambda document: _lines(_json(document["trials"])),
    "report": lambda document: _lines(*map(_row, document["arms"])),
    "leaderboard": lambda document: _lines(*(arm["name"] for arm in document["arms"] if arm["rank"] == 1)),
    "compare": lambda document: _lines(_json([arm["arm"] for arm in document["arms"] if not arm["identical"]])),
    "data info": lambda document: _lines(_json(document["splits"]["train"]["by_class"])),
    "data verify": lambda document: _lines(document["fingerprint"]),
    "ledger verify": lambda document: _lines(
        *(each["path"] for each in document["findings"] if each["kind"] != "orphan")
    ),
    "ledger gc": lambda document: _lines(document["bytes"]),
    "ledger copy": lambda document: _lines(document["path"]),
    "doctor": lambda document: _lines(
        *(
            f"{check['name']}: {check['remedy']}"
            for machine in document["machines"]
            for check in machine["checks"]
            if check["level"] != "ok"
        )
    ),
    "logs": lambda document: _lines(*(each["time"] for each in document["events"] if each["event"] == "failed")),
    "power": lambda document: _lines(
        *(_json({"metric": each["metric"], "smallest": each["smallest"]}) for each in document["metrics"])
    ),
    "methods": lambda document: _lines(*(each["name"] for each in document["methods"] if each["section"] == "loss")),
}


def subject(command: str) -> str:
    """What a command of the page is about: a key of ``IN_PYTHON``."""
    words = shlex.split(command)
    if words[0] == "jq":
        return "leaderboard"
    group = 3 if words[1] in ("data", "ledger") else 2
    return " ".join([*words[1:group], *(["--watch"] if "--watch" in words else [])])


EXAMPLES: Final = [command for command in COMMANDS if "jq" in command]


@pytest.fixture(name="folder")
def _folder(make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> Path:
    """Where a reader stands: the studies are there, and two runs; what asks for failed trials finds one."""
    (tmp_path / "search_spaces").symlink_to(ROOT / "search_spaces")
    failed = {("plain", 2): "it diverged"} if ".failed" in command else {}
    first = make_run(ARMS, study="quickstart", failed=failed)
    write_leaderboard(*read_leaderboard(first), first.root)
    changed = {"loss=ldam": (0.9, 0.7, 0.7, 0.6), "plain": ARMS["plain"]}
    make_run(changed, study="quickstart", folder="again", first_id=7)
    log = EventLog(first.root)
    log.write(LoggedEvent(time=2.5, event="failed", trial="a" * 16, name="plain", seed=1, host="node", pid=8))
    log.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(raysat: Callable[..., Any], command: str) -> str:
    """What an example hands to jq."""
    if command.startswith("jq"):
        return Path(shlex.split(command)[-1]).read_text(encoding="utf-8")
    words = shlex.split(command.partition(" | ")[0])
    assert words[0] == "raysat"
    result = raysat(*words[1:])
    assert result.code in ((0, 1) if words[1] == "doctor" else (0,)), result.err
    out: str = result.out
    return out


def test_every_example_has_its_like() -> None:
    assert sorted(map(subject, EXAMPLES)) == sorted(IN_PYTHON)
    (other,) = set(COMMANDS) - set(EXAMPLES)
    assert other.startswith("raysat schema --of plan ")


@pytest.mark.slow
@pytest.mark.parametrize("command", EXAMPLES, ids=subject)
def test_an_example(raysat: Callable[..., Any], folder: Path, command: str) -> None:
    text = printed(raysat, command)
    wanted = IN_PYTHON[subject(command)](json.loads(text))
    assert wanted or subject(command) in ("doctor", "ledger verify")  # where nothing is wrong
    if shutil.which("jq") is None:
        return
    _, _, program = command.rpartition(" | jq ") if command.startswith("raysat") else ("", "", command[3:])
    words = [word for word in shlex.split(program) if not word.endswith(".json")]
    done = subprocess.run(["jq", *words], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, wanted), done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_each_key_of_a_document_is_named(name: str) -> None:
    if name == "leaderboard":  # a part of the report
        return
    section = PAGE.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"`([a-z_]+)`", section)) | set(re.findall(r"\.([a-z_]+)", section))
    missing = set(document_model(name).model_fields) - {"schema_version"} - named
    assert not missing

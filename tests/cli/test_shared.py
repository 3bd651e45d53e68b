"""The options of every command: before its name or after it, or as variables of the environment."""

import io
import os
import re
import stat
import sys
from pathlib import Path

import pytest

from raysat.cli.console import console, follow
from raysat.cli.settings import Settings, current, one_command
from raysat.data.store import PatchStore
from raysat.execution.events import Progress, Started
from raysat.execution.messages import EpochDone, Score
from raysat.views.screen import can_redraw
from tests.helpers.command import Raysat
from tests.views.test_run import run_state

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"


@pytest.fixture(name="words")
def _words(landsat_store: PatchStore, tmp_path: Path) -> list[object]:
    """A command that shows what was asked for, and says what it wrote beside that."""
    return ["data", "info", landsat_store.path, "--plot", tmp_path / "x.png", "--per-class", 1]


@pytest.mark.slow
def test_quiet_leaves_what_was_asked_for_and_errors(raysat: Raysat, words: list[object], monkeypatch) -> None:
    loud = raysat(*words)
    assert "wrote " in loud.out
    before, after = raysat("--quiet", *words), raysat(*words, "-q")
    monkeypatch.setenv("RAYSAT_QUIET", "1")
    told = raysat(*words)
    assert before.out == after.out == told.out == loud.out[: loud.out.index("wrote ")]
    assert "B5" in told.out
    assert told.err == ""
    assert "error: " in raysat("report", "no").err


def test_a_variable_that_says_neither_yes_nor_no_is_refused(raysat: Raysat, monkeypatch) -> None:
    monkeypatch.setenv("RAYSAT_QUIET", "maybe")
    found = raysat("methods")
    assert found.code == 2
    assert "'maybe'" in found.err


@pytest.mark.slow
@pytest.mark.parametrize("where", ["before", "after", "variable"])
def test_a_log_has_all_that_is_printed_with_times(
    raysat: Raysat, words: list[object], tmp_path: Path, monkeypatch, where: str
) -> None:
    log = tmp_path / "log"
    words = [*words, "--quiet"]
    if where == "variable":
        monkeypatch.setenv("RAYSAT_LOG_FILE", str(log))
    else:
        words = ["--log-file", log, *words] if where == "before" else [*words, "--log-file", log]
    found = raysat(*words)
    lines = log.read_text(encoding="utf-8").splitlines()
    assert all(re.match(rf"{TIME} \S|{TIME}  ", line) for line in lines)
    said = [re.sub(rf"^{TIME} ", "", line) for line in lines]
    assert re.fullmatch(r"raysat [\d.]+, process \d+: raysat .*data info .*", said[0])
    assert said[-1] == "ended with exit code 0"
    shown = [line.rstrip() for line in found.out.splitlines() if line.strip()]
    assert [line for line in said if line in shown] == shown
    assert any(line.startswith("wrote ") for line in said), "what --quiet leaves out is logged"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert (sys.stdout, sys.stderr) != (None, None)
    assert not any("_Copied" in repr(type(stream)) for stream in (sys.stdout, sys.stderr))


def test_a_log_is_appended_to_and_has_errors_too(raysat: Raysat, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    log.chmod(0o640)
    assert raysat("status", tmp_path / "no", "--log-file", log).code == 2
    assert raysat("abalte", "--log-file", log).code == 2  # before its options are known
    assert raysat("--log-file", log, "abalte").code == 2
    text = log.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.count("ended with exit code 2") == 2
    assert "error: raysat has no command 'abalte'" in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o640, "what was there keeps its mode"


@pytest.mark.parametrize(("make", "code"), [("folder", 2), ("no parent", 2), ("pipe", 3)])
def test_a_log_that_cannot_be_opened_is_an_error(raysat: Raysat, tmp_path: Path, make: str, code: int) -> None:
    log = tmp_path / "log"
    if make == "folder":
        log.mkdir()
    elif make == "pipe":
        os.mkfifo(log)
    else:
        log = tmp_path / "none" / "log"
    found = raysat("methods", "--log-file", log)
    assert (found.code, found.out) == (code, "")
    assert "log-file" in found.err
    assert "hint: " in found.err


def test_a_log_that_cannot_be_written_any_more_stops_nothing(raysat: Raysat) -> None:
    found = raysat("methods", "ldam", "--log-file", "/dev/full")
    assert found.code == 0
    assert "LDAM" in found.out
    assert found.err.count("warning: --log-file cannot be written any more: No space left on device") == 1


def test_a_log_has_every_event_and_none_twice(tmp_path: Path, capsys) -> None:
    from raysat.cli.log_file import LogFile

    with one_command():
        current.log = LogFile(str(tmp_path / "log"))
        state, view = run_state(), follow()
        view(Started(state=state, slots=2, most=2, workers=1, cpus=1.0, gpus=0.0, validation_split="val"))
        state.subscribers.append(lambda row: view(Progress(row=row)))
        for epoch in (1, 2, 3):
            score = Score(balanced_accuracy=0.5, icv=0.25)
            state.receive(EpochDone(job="other", epoch=epoch, score=score))
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert [f"epoch {epoch}/4" in text for epoch in (1, 2, 3)] == [True] * 3
    assert text.count("running    2 jobs at a time") == 1
    out = capsys.readouterr().out
    assert out.splitlines() == ["running    2 jobs at a time, 1 CPU each"], "a pipe hears little"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "color", "is_terminal", "colored"),
    [
        ({}, "auto", True, True),
        ({}, "auto", False, False),
        ({"NO_COLOR": "1"}, "auto", True, False),
        ({"FORCE_COLOR": "1"}, "auto", False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "auto", False, False),
        ({}, "always", False, True),
        ({"NO_COLOR": "1"}, "always", False, True),
        ({}, "never", True, False),
        ({"FORCE_COLOR": "1"}, "never", True, False),
    ],
)
def test_colours(monkeypatch, variables: dict[str, str], color, is_terminal: bool, colored: bool) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables | {"TERM": "xterm-256color"}).items():
        monkeypatch.setenv(name, value)
    out = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with one_command():
        current.color = color
        screen = console()
        screen.print("x", style="green")
        assert can_redraw(screen) == is_terminal, "colour alone makes no terminal"
    assert ("\x1b[32m" in out.getvalue()) == colored


def test_without_progress_a_terminal_gets_lines(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    with one_command():
        assert can_redraw(console())
        current.progress = False
        assert not can_redraw(console())


def test_each_command_begins_anew(raysat: Raysat) -> None:
    raysat("methods", "--quiet", "--no-progress", "--color", "never")
    with one_command():
        assert current == Settings()

"""Consoles that write little or are narrow: every command is readable on them, and none crashes."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

RUN = ROOT / "tests" / "data_files" / "run_0_1"
COMMANDS = {
    "status": ("status", RUN),
    "compare": ("compare", RUN, RUN),
    "verify": ("ledger", "verify", RUN),
    "methods": ("methods",),
    "explain": ("explain", "#2", "--space", "quickstart"),
    "plan": ("plan", "--space", "quickstart"),
}
ENVIRONMENTS = {
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a dumb terminal": {"TERM": "dumb"},
    "no colours": {"NO_COLOR": "1"},
    "no columns": {"COLUMNS": "0"},
    "columns that are no number": {"COLUMNS": "abc"},
    "20 columns": {"COLUMNS": "20"},
}


def environment(changes: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"LANG", "LC_ALL", "COLUMNS", "NO_COLOR"}}
    return kept | {"TERM": "xterm-256color"} | changes


def on_a_terminal(words: tuple[object, ...], changes: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit code and what the terminal was sent."""
    main, end = pty.openpty()
    command = [sys.executable, "-m", "raysat", *map(str, words)]
    with subprocess.Popen(command, stdout=end, stderr=end, stdin=end, env=environment(changes)) as process:
        os.close(end)
        sent = bytearray()
        while True:
            try:
                sent += (block := os.read(main, 1 << 16))
            except OSError:  # how a terminal ends on Linux
                break
            if not block:
                break
    os.close(main)
    return process.returncode, sent.decode("latin-1")


@pytest.mark.parametrize("changes", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_a_terminal_shows_the_status_of_a_run(changes):
    code, sent = on_a_terminal(("status", RUN), changes)
    assert code == 0, sent
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent)
    for word in ("plain", "ldam", "missing", "4 trials", "raysat report"):
        assert word in plain
    assert "unexpected" not in plain
    if changes.keys() & {"TERM", "NO_COLOR"}:
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", sent)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_pipe_that_is_not_utf_8_shows_every_page(raysat, monkeypatch, words, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    result = raysat(*words)
    sys.stdout.flush()
    assert (result.code, result.err) == (0, "")
    shown = raw.getvalue().decode(encoding)
    assert shown.count("?") <= 1  # of a headline
    assert len(shown.splitlines()) >= (1 if "verify" in words else 5)

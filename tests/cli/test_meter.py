"""Progress: a bar with rate and time left on a terminal; in a pipe a line now and then on stderr; silent when asked."""

import io
import sys
import time
from types import SimpleNamespace

import pytest

from raysat.cli import meter
from raysat.cli.console import progress_bar, waiting
from raysat.cli.settings import current, one_command


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """A clock that a test moves."""
    now = [1000.0]
    monkeypatch.setattr(meter, "time", SimpleNamespace(monotonic=lambda: now[0]))  # rich keeps its own
    return now


def test_a_pipe_gets_a_first_line_after_ten_seconds_and_then_few(capsys, clock) -> None:
    with one_command(), progress_bar() as bar:
        for second in range(100):
            clock[0] = 1000.0 + second
            bar("reading patches", 10 * second, 1000)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "reading patches: 11 % of 1,000, 10/s, 89 s left",
        "reading patches: 42 % of 1,000, 10/s, 58 s left",
        "reading patches: 73 % of 1,000, 10/s, 27 s left",
    ]


def test_of_a_step_that_counts_nothing_yet_its_time_is_said(capsys, clock) -> None:
    with one_command(), progress_bar() as bar:
        for second in (0, 11):
            clock[0] = 1000.0 + second
            bar("figures", 0, 1)
    assert capsys.readouterr().err == "figures: 11 s so far\n"


def test_bytes_are_said_as_such_and_an_unknown_total_is_none(capsys, clock) -> None:
    with one_command(), progress_bar(bytes_of=("downloading",)) as bar:
        for second in (0, 20):
            clock[0] = 1000.0 + second
            bar("downloading x.zip", second * 10**6, 0)
    assert capsys.readouterr().err == "downloading x.zip: 20.0 MB, 1.0 MB/s\n"


@pytest.mark.parametrize("option", ["quiet", "no progress"])
def test_it_is_silent_when_asked(capsys, clock, option: str) -> None:
    with one_command():
        current.quiet, current.progress = option == "quiet", option != "no progress"
        with progress_bar() as bar, waiting("looking"):
            for second in (0, 60, 120):
                clock[0] = 1000.0 + second
                bar("reading", second, 200)
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_a_terminal_sees_a_bar_with_rate_and_time_left(monkeypatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    with one_command(), progress_bar() as bar:
        for done in range(0, 60, 10):
            bar("reading patches", done, 100)
            time.sleep(0.13)
    drawn = screen.getvalue()
    assert "reading patches" in drawn
    assert "/s" in drawn
    assert "0:00:0" in drawn, "time left"


@pytest.mark.slow
def test_a_step_without_parts_is_shown_once_it_takes_a_while(monkeypatch) -> None:
    monkeypatch.setattr(meter, "_BEGIN_S", 0.05)
    monkeypatch.setenv("TERM", "xterm-256color")
    for wait, seen in ((0.0, False), (0.6, True)):
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        with one_command(), waiting("comparing"):
            time.sleep(wait)
        assert ("comparing" in screen.getvalue()) == seen

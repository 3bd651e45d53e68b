"""The console: what a file's text could do to a terminal is written out, and every encoding and width can show it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from raysat.views.screen import Screen, can_redraw

ANY_TEXT = st.text(st.characters(), max_size=40)


def printed(*things: object, encoding: str = "utf-8", width: int = 60) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    Screen(file=file, width=width, color_system=None).print(*things)
    file.flush()
    return raw.getvalue().decode(encoding)


def table(text: str) -> Table:
    made = Table(text)
    made.add_row(Text(text), text)
    return made


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252", "utf-16-le"])
@given(text=ANY_TEXT)
def test_no_text_can_control_a_terminal_or_stop_it(encoding, text):
    for thing in (text, Text(text), table(text), Tree(text)):
        try:
            shown = printed(thing, encoding=encoding)
        except UnicodeEncodeError:
            pytest.fail(f"{text!r} cannot be written as {encoding}")
        assert all(char.isprintable() or char == "\n" for char in shown), shown


def test_control_characters_are_written_out():
    assert printed("a\x1b]0;title\x07b\x9bc\u202ed") == "a\\x1b]0;titleb\\x9bc\\u202ed\n"


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("ascii", "a – b − c … d → e × f", "a - b - c ~ d > e x f\n"),
        ("latin-1", "a – b × é ± c", "a - b × é ± c\n"),
        ("ascii", "é 草 ±", "e ? ?\n"),
        ("utf-8", "é 草 ± –", "é 草 ± –\n"),
    ],
)
def test_what_an_encoding_lacks_has_a_likeness(encoding, text, shown):
    assert printed(text, encoding=encoding) == shown


@pytest.mark.parametrize("width", [0, 1, 20, 39])
def test_a_narrow_terminal_loses_nothing(width):
    made = Table("arm", "done", "failed")
    made.add_row("LDAM + DRW", "12", "3")
    assert all(word in printed(made, width=width) for word in ("LDAM + DRW", "12", "3", "failed"))


def test_lines_keep_their_colours_and_their_width():
    file = io.StringIO()
    Screen(file=file, width=60, force_terminal=True, color_system="standard").print("good", style="green")
    assert file.getvalue() == "\x1b[32mgood\x1b[0m\n"
    assert cell_len(printed(table("x" * 20)).splitlines()[0]) <= 60


@pytest.mark.parametrize(
    ("terminal", "term", "width", "can"),
    [(True, "xterm", 80, True), (False, "xterm", 80, False), (True, "dumb", 80, False), (True, "xterm", 20, False)],
)
def test_only_a_wide_terminal_that_knows_how_is_drawn_anew(terminal, term, width, can):
    screen = Screen(file=io.StringIO(), force_terminal=terminal, _environ={"TERM": term}, width=width)
    assert can_redraw(screen) == can

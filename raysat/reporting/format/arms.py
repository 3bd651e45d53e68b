"""What each arm is: the settings behind its name, a footnote to every table of arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from raysat.formatting import one_line, printable
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.format.cells import ARM, words
from raysat.reporting.format.table import Cell, Heading, Table, make_table

_MOST_NOTES: Final = 12  # arms whose names in files stand below a table on a terminal


def arms_table(board: Leaderboard) -> Table:
    """Return every arm with its name in files and its settings; without rows where an older plan does not tell them."""
    arms = board.arms if any(arm.own_settings for arm in board.arms) else ()
    shared = f" All have: {_listed(board.shared_settings)}." if board.shared_settings else ""
    named = [(Heading(text="name in files and options", words=True), [words(arm.name) for arm in arms])]
    return make_table(
        "arms",
        f"The settings that not all arms have.{shared}",
        [
            (ARM, [words(arm.label) for arm in arms]),
            *(named if any(arm.compact for arm in arms) else ()),
            (Heading(text="settings", words=True), [Cell(text=_listed(arm.own_settings)) for arm in arms]),
        ],
    )


def name_notes(board: Leaderboard) -> Iterator[str]:
    """Yield the name in files and options of each arm with a compact one; nothing where arms are many."""
    if len(board.arms) <= _MOST_NOTES:
        yield from (f"{arm.label}: {one_line(arm.name)}" for arm in board.arms if arm.compact)


def settings_notes(board: Leaderboard) -> Iterator[str]:
    """Yield the settings of each arm and those that all have; nothing where an older plan does not tell them."""
    yield from (f"{arm.label}: {_listed(arm.own_settings)}." for arm in board.arms if arm.own_settings)
    if board.shared_settings:
        yield f"All arms: {_listed(board.shared_settings)}."


def _listed(settings: Sequence[str]) -> str:
    return printable(", ".join(settings))

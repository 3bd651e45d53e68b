"""The report of a run: read its ledger, rank its arms, write its leaderboard."""

from __future__ import annotations

from pathlib import Path

from raysat.ledger import Ledger
from raysat.report.frame import Leaderboard, collect
from raysat.report.tables import write_leaderboard
from raysat.textual import safe_name


def report(run: Path, out: Path | None = None) -> tuple[Leaderboard, list[Path]]:
    """Write the leaderboard of a run, finished or not.

    Args:
        run: the folder that ``ablate`` wrote, ``runs/<study>``.
        out: where to write ``<study>/leaderboard.*``; into the run's own folder where None.

    Returns:
        The leaderboard, and the files written.

    Raises:
        LedgerError: the folder is not a run, its plan is damaged, or the files cannot be written.
        UsageError: the study names published rows that do not exist.
    """
    board = collect(Ledger.open(run))
    folder = run if out is None else out / safe_name(board.study, "study")
    return board, write_leaderboard(board, folder)

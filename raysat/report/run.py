"""The leaderboard of a run, finished or not: what ``ablate`` writes when it ends."""

from __future__ import annotations

from pathlib import Path

from raysat.ledger import Ledger
from raysat.report.frame import Leaderboard, collect
from raysat.report.tables import write_leaderboard


def leaderboard(run: Path) -> tuple[Leaderboard, list[Path]]:
    """Write the leaderboard of a run, finished or not, into its folder.

    Returns:
        The leaderboard, and the files written.

    Raises:
        LedgerError: the folder is not a run, its plan is damaged, or the files cannot be written.
        UsageError: the study names published rows that do not exist.
    """
    board = collect(Ledger.open(run))
    return board, write_leaderboard(board, run)

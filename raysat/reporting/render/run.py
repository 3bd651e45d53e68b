"""The leaderboard of a run, finished or not: what ``ablate`` writes when it ends."""

from __future__ import annotations

from dataclasses import replace

from raysat.errors import StorageError, UsageError
from raysat.files import AnyPath, write_atomic
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.paired import PairedBootstrap
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.analysis.replication import Replication, replicate
from raysat.reporting.format.pages import leaderboard_page
from raysat.reporting.render.json import leaderboard_json
from raysat.reporting.render.markdown import to_markdown
from raysat.reporting.render.rows import leaderboard_rows, rows_csv
from raysat.storage.ledger import Ledger
from raysat.storage.outcome import Outcomes


def read_leaderboard(ledger: Ledger, outcomes: Outcomes | None = None) -> tuple[Leaderboard, Replication | None]:
    """Return the leaderboard of a run, finished or not, and what is published beside it, where that is known.

    Args:
        ledger: of the run.
        outcomes: what became of its trials, where that is known already.

    Raises:
        StorageError: its plan is missing or damaged.
        UsageError: the study names published rows that do not exist.
    """
    board = collect(ledger, outcomes)
    return board, _replication(board)


def write_leaderboard(board: Leaderboard, replication: Replication | None, folder: AnyPath) -> list[AnyPath]:
    """Write ``leaderboard.md``, ``.csv`` and ``.json``, each at once, and return these files.

    Args:
        board: the arms.
        replication: what is published beside ours.
        folder: where to.

    Raises:
        StorageError: they cannot be written.
    """
    files = {
        folder / "leaderboard.md": to_markdown(leaderboard_page(board, replication)),
        folder / "leaderboard.csv": rows_csv(leaderboard_rows(board, replication)),
        folder / "leaderboard.json": leaderboard_json(board, replication),
    }
    for path, text in files.items():
        write_atomic(path, text)
    return list(files)


def _replication(board: Leaderboard) -> Replication | None:
    """Compare with the publication; predictions that cannot be read cost this comparison, not the leaderboard."""
    published = tuple(arm for arm in board.arms if arm.n and arm.published is not None)
    if not published:
        return None
    try:
        return replicate(board, PairedBootstrap(read_predictions(replace(board, arms=published))))
    except (StorageError, UsageError):
        return None

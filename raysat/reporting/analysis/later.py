"""All that was evaluated of a run's models after their training, analysed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from raysat.reporting.analysis.calibrated import Calibrated, calibrated
from raysat.reporting.analysis.elsewhere import Elsewhere, elsewhere
from raysat.reporting.analysis.evaluations import of_board, read_evaluations
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.paired import PairedBootstrap
from raysat.reporting.analysis.robustness import Robustness, robustness


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What ``raysat evaluate`` found; nothing of what it was not asked for."""

    robustness: Robustness | None = None
    calibrated: Calibrated | None = None
    elsewhere: tuple[Elsewhere, ...] = ()
    left_out: int = 0  # evaluations that are damaged or outdated


def read_later(
    board: Leaderboard,
    home: PairedBootstrap,
    baseline: str,
    progress: Callable[[str, int, int], None] | None = None,
) -> Later:
    """Read and analyse the evaluations of a board's models.

    Args:
        board: whose arms.
        home: the run's own predictions.
        baseline: the arm that others are compared with.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        What there is.

    Raises:
        StorageError: predictions that are damaged, or of different patches.
    """
    found = read_evaluations(board)
    clean = {(arm, seed): read for arm, seed, read in of_board(board)}
    of_corruptions, of_models = (
        partial(progress, what) if progress else None for what in ("corruptions", "calibration")
    )
    return Later(
        robustness=robustness(found.evaluated, clean, baseline, of_corruptions, places=home.places),
        calibrated=calibrated(found.evaluated, clean, of_models, places=home.places),
        elsewhere=elsewhere(found.evaluated, home, baseline),
        left_out=found.left_out,
    )

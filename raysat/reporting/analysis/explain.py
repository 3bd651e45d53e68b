"""What explains an arm: the patches that it changes against the baseline, and the pixels to show them."""

from __future__ import annotations

from dataclasses import dataclass

from raysat.data.patch_store import PatchStore
from raysat.reporting.analysis.changes import Changes, find_changes
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.occlusion import Maps, read_maps
from raysat.reporting.analysis.pixels import NoPixels, Pixels, find_pixels
from raysat.reporting.analysis.predictions import TrialPredictions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explained:
    """An arm against the baseline, patch by patch."""

    changes: Changes
    pixels: Pixels | NoPixels
    maps: Maps | None  # of where both look; None where these were not made


def explained_arm(board: Leaderboard, baseline: str, arm: str | None = None) -> str | None:
    """Return the arm to explain: the one that is asked for, else the best but the baseline; None where there is none.

    Args:
        board: ranked.
        baseline: what it is compared with.
        arm: that is asked for.
    """
    return arm or next((ranked.name for ranked in board.ranked if ranked.name != baseline), None)


def explain(
    board: Leaderboard, predictions: TrialPredictions, baseline: str, arm: str | None, data: PatchStore | None
) -> Explained | None:
    """Explain an arm; return None where there is no other than the baseline, or they have no seed in common.

    Args:
        board: ranked.
        predictions: of its trials.
        baseline: what the arm is compared with.
        arm: by default the best that is not the baseline.
        data: the store of the patches; by default where the records say.

    Raises:
        UsageError: another store.
    """
    pixels = find_pixels(board, predictions, data)
    name = explained_arm(board, baseline, arm)
    changes = None if name in (None, baseline) else find_changes(predictions, name, baseline)
    if changes is None:
        return None
    return Explained(changes=changes, pixels=pixels, maps=read_maps(board, predictions, changes))

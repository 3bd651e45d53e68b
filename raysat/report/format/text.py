"""How ranks, counts and notes of a leaderboard read in every form of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raysat.formatting import NONE
from raysat.report.analysis.collect import Arm, Leaderboard
from raysat.report.analysis.ranking import ranking_seeds

TIED: Final = "="  # beside the rank of an arm that is tied with the best
PARETO: Final = "◆"  # beside an arm that no other beats on both balanced accuracy and ICV
_ASCII: Final = str.maketrans(
    {"±": "+-", "√": "root ", "–": "-", "−": "-", "…": "~", "→": ">", "×": "x", PARETO: "*", "²": "^2"}
)


def printed(value: float | None) -> str:
    """A published number with the four digits that papers print."""
    return NONE if value is None else f"{value:.4f}"


def rank_text(arm: Arm) -> str:
    """An arm's rank: ``3``, or ``(3)`` where it is short of seeds; a dash without one."""
    if arm.rank is None:
        return NONE
    return f"({arm.rank})" if arm.short else str(arm.rank)


def rank_note(board: Leaderboard) -> str | None:
    """On which seeds arms are ranked, where not every arm has the same; None where all have."""
    finished = [arm for arm in board.arms if arm.n]
    seeds, short = ranking_seeds(finished), [arm for arm in finished if arm.short]
    said = []
    if any(set(arm.seeds) > set(seeds) for arm in finished if not arm.short):
        said.append(
            f"ranked on seeds {', '.join(map(str, seeds))}, which all complete arms share"
            if seeds
            else "complete arms share no seed: each is ranked on its own"
        )
    if short:
        said.append("rank in brackets: an arm that lacks seeds of the others, and so ranks below them")
    return "; ".join(said) or None


def for_terminal(text: str, *, ascii_only: bool) -> str:
    """A text as a terminal can write it: its signs in ASCII where that is all there is."""
    return text.translate(_ASCII).encode("ascii", "replace").decode() if ascii_only else text


def count(arm: Arm) -> str:
    """Finished seeds: ``3``, or ``2/3`` where some are not."""
    return str(arm.n) if arm.n == arm.n_planned else f"{arm.n}/{arm.n_planned}"


def measured_on(board: Leaderboard) -> str:
    """Split, data and how much of the study is finished."""
    size = "" if board.n_test is None else f", {board.n_test:,} patches"
    done = f"{board.finished} of {board.planned} trials finished"
    return f"{board.reported} split of {board.data}{size}; {done}"


def unfinished(board: Leaderboard) -> list[tuple[Arm, str, str]]:
    """Every cell without a result, in the board's order: arm, its seed or seeds, what became of them."""
    rows = []
    for arm in board.arms:
        rows += [(arm, _seeds([cell.seed]), f"failed: {cell.error}") for cell in arm.failed]
        if arm.missing:
            rows.append((arm, _seeds(arm.missing), "missing: not trained yet"))
    return rows


def published_note(board: Leaderboard) -> str | None:
    """What the published numbers are; None for a study without a reference."""
    if board.reference is None:
        return None
    source = f"{board.reference.source}, measured on {board.reference.data}"
    return f"published numbers: {source}; they compare with the same data and split alone"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"

"""The columns of a leaderboard, and how its numbers, counts and notes read in every form of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from raysat.report.frame import METRICS, Arm, Leaderboard, Summary, one_line
from raysat.report.ranking import LABELS, LOWER_IS_BETTER, RULE, ranking_seeds

NONE: Final = "–"
MOST_CLASSES: Final = 6  # whose recalls a leaderboard shows; with more they stand in a table of their own alone
TIED: Final = "="  # beside the rank of an arm that is tied with the best
PARETO: Final = "◆"  # beside an arm that no other beats on both balanced accuracy and ICV
_ASCII: Final = str.maketrans(
    {"±": "+-", "√": "root ", "–": "-", "−": "-", "…": "~", "→": ">", "×": "x", PARETO: "*", "²": "^2"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric, or one class's recall or precision."""

    metric: str
    position: int | None = None  # of the class
    label: str  # of the class, or of the metric

    @property
    def key(self) -> str:
        """Its name in files: ``icv``, ``recall_forest``."""
        return self.metric if self.position is None else f"{self.metric}_{self.label}"

    def ours(self, arm: Arm) -> Summary:
        """An arm's value over its seeds."""
        if self.position is None:
            return arm.metrics[self.metric]
        return (arm.recall if self.metric == "recall" else arm.precision)[self.position]

    def published(self, arm: Arm) -> float | None:
        """What was published of an arm; None where that is not printed, or is of other classes."""
        if arm.published is None:
            return None
        value = getattr(arm.published, self.metric, None)
        if self.position is not None:
            value = value[self.position] if value else None
        return None if value is None else float(value)

    def best(self, board: Leaderboard) -> str | None:
        """How its best value reads, so that all that read the same are marked; None where nothing competes.

        An arm that is short of seeds does not compete.
        """
        means = [mean for arm in board.arms if not arm.short and (mean := self.ours(arm).mean) is not None]
        if len(means) < 2:
            return None
        return number(min(means) if self.metric in LOWER_IS_BETTER else max(means), self.metric)


def columns(board: Leaderboard) -> list[Column]:
    """Every column, in the order shown: metrics, then recall and precision by class, accuracy last."""
    metrics = [Column(metric=metric, label=LABELS[metric]) for metric in METRICS]
    by_class = [class_columns(board, metric) for metric in ("recall", "precision")]
    return [*metrics[:-1], *by_class[0], *by_class[1], metrics[-1]]


def leading_columns(rank_by: str) -> list[Column]:
    """The column of what ranks, where the leaderboard would not show it otherwise."""
    return [] if rank_by in RULE else [Column(metric=rank_by, label=LABELS[rank_by])]


def class_columns(board: Leaderboard, metric: str) -> list[Column]:
    """Recall or precision, a column per class."""
    return [Column(metric=metric, position=k, label=one_line(name)) for k, name in enumerate(board.classes)]


def number(value: float | None, metric: str = "") -> str:
    """Three decimals; four for ICV, a sum of squares, which is small where it matters."""
    if value is None:
        return NONE
    return f"{value:.4f}" if metric == "icv" else f"{value:.3f}"


def printed(value: float | None) -> str:
    """A published number with the four digits that papers print."""
    return NONE if value is None else f"{value:.4f}"


def title(arm: Arm) -> str:
    """An arm's name, and what it is where a publication says so."""
    return one_line(arm.name if arm.published is None else f"{arm.name} {arm.published.label}")


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

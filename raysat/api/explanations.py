"""Explanations of finished models: which patches to look at, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence

from raysat.errors import UsageError
from raysat.reporting.analysis.analyze import choose
from raysat.reporting.analysis.changes import Changes
from raysat.storage.ledger import Ledger


def patches_to_explain(ledger: Ledger, arms: Sequence[str], count: int) -> tuple[Changes, tuple[int, ...]]:
    """Choose patches that an arm newly gets right, of each class pair in turn.

    Args:
        ledger: of the run.
        arms: the arm to explain and, after it, the baseline; by default those of the report.
        count: patches at most.

    Returns:
        What the arm changes, and the patches' positions in the store.

    Raises:
        UsageError: an unknown arm, or one that gets no patch newly right.
    """
    predictions, changes = choose(ledger, arms)
    turns = max((len(pair.rows) for pair in changes.right), default=0)
    rows = [int(pair.rows[turn]) for turn in range(turns) for pair in changes.right if turn < len(pair.rows)]
    if not rows:
        raise UsageError(
            f"arm {changes.arm!r} gets no patch right that {changes.baseline!r} gets wrong in most seeds",
            hint="name another arm with {--arms}",
        )
    return changes, tuple(int(predictions.positions[row]) for row in rows[:count])

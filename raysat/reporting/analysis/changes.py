"""What an arm changes against a baseline, patch by patch: those that it newly gets right, and newly wrong.

Seeds that both have finished are pairs. A patch is newly right where more than half of the arm's seeds are right and
more than half of the baseline's are wrong; newly wrong is the reverse. Where either has as many right as wrong, the
patch is neither. McNemar's exact test (1947) compares both counts within a class: without a difference, a patch that
changes is as likely to become right as wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.reporting.analysis.significance import holm

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassPair:
    """Patches of one true class that were, or now are, taken for another."""

    true: int
    wrong: (
        int  # predicted by most seeds that are wrong: of the baseline where newly right, of the arm where newly wrong
    )
    rows: Rows  # places among the N test patches; first those that most seeds changed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassChange:
    """How many patches of a class changed."""

    patches: int
    right: int  # newly
    wrong: int  # newly
    p: float  # McNemar's, exact and two-sided
    p_holm: float  # over the classes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """What an arm changes against a baseline."""

    arm: str
    baseline: str
    seeds: tuple[int, ...]  # that both have finished
    right: tuple[ClassPair, ...]  # newly; most patches first
    wrong: tuple[ClassPair, ...]
    by_class: tuple[ClassChange, ...]  # by label


def find_changes(predictions: TrialPredictions, arm: str, baseline: str) -> Changes | None:
    """Compare an arm with a baseline patch by patch; return None where they have no seed in common.

    Args:
        predictions: of both.
        arm: its name.
        baseline: what it is compared with.
    """
    rows, labels = predictions.rows, predictions.labels
    seeds = tuple(sorted(set(rows[arm]) & set(rows[baseline])))
    if not seeds:
        return None
    after, before = (predictions.predicted[[rows[name][seed] for seed in seeds]] for name in (arm, baseline))
    is_right, was_right = after == labels, before == labels
    gained = (is_right & ~was_right).sum(axis=0) - (was_right & ~is_right).sum(axis=0)  # seeds, net
    newly_right = _most(is_right) & _most(~was_right)
    newly_wrong = _most(~is_right) & _most(was_right)
    classes = predictions.classes
    counts = [np.bincount(labels[which], minlength=classes).tolist() for which in (newly_right, newly_wrong)]
    support = np.bincount(labels, minlength=classes).tolist()
    by_class = [
        ClassChange(patches=n, right=right, wrong=wrong, p=(p := mcnemar(right, wrong)), p_holm=p)
        for n, right, wrong in zip(support, *counts, strict=True)
    ]
    corrected = holm([change.p for change in by_class])
    return Changes(
        arm=arm,
        baseline=baseline,
        seeds=seeds,
        right=tuple(_pairs(labels, before, newly_right, gained, classes)),
        wrong=tuple(_pairs(labels, after, newly_wrong, -gained, classes)),
        by_class=tuple(replace(change, p_holm=p) for change, p in zip(by_class, corrected, strict=True)),
    )


def mcnemar(right: int, wrong: int) -> float:
    """Two-sided p of McNemar's exact test of how many changed either way; 1 where none did."""
    from scipy.special import bdtr  # noqa: PLC0415  (a fifth of a second, that most leaderboards do without)

    return min(1.0, 2 * float(bdtr(min(right, wrong), right + wrong, 0.5))) if right + wrong else 1.0


def _most(votes: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether more than half of the seeds say so, (N,) of (S, N)."""
    most: npt.NDArray[np.bool_] = 2 * votes.sum(axis=0) > len(votes)
    return most


def _pairs(
    labels: npt.NDArray[Any],
    predicted: npt.NDArray[Any],
    which: npt.NDArray[np.bool_],
    changed: npt.NDArray[Any],
    classes: int,
) -> Iterator[ClassPair]:
    """Yield some patches by true class and by the wrong one that most seeds predicted; of equals, the first one."""
    rows = np.flatnonzero(which)
    counts = np.stack([(predicted[:, rows] == k).sum(axis=0) for k in range(classes)], axis=1)
    counts[np.arange(len(rows)), labels[rows]] = -1
    pairs = labels[rows].astype(np.int64) * classes + counts.argmax(axis=1)
    found, sizes = np.unique(pairs, return_counts=True)
    for pair in found[np.argsort(-sizes, kind="stable")].tolist():
        members = rows[pairs == pair]
        order = np.argsort(-changed[members], kind="stable")
        yield ClassPair(true=pair // classes, wrong=pair % classes, rows=members[order])

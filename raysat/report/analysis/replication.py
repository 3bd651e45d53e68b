"""Ours beside a paper's: published rows with the difference and its interval, and each finding of the paper answered.

A finding is a list of comparisons between two arms, each with the way that it goes in the paper. By the 95 % interval
of our paired difference a comparison

    holds               the interval lies on the paper's side of zero (for "similar": within ``SIMILAR`` of it)
    does not hold       it lies on the other side, or at zero (for "similar": beyond ``SIMILAR``)
    cannot be told      it reaches across, or there is none: an arm is missing, or fewer than two seeds are common

A finding holds where all of its comparisons do, does not where one of them does not, and cannot be told otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from raysat.report.analysis.collect import Arm, Leaderboard
from raysat.report.analysis.columns import Column, columns
from raysat.report.analysis.paired import Blocks, Estimate
from raysat.report.analysis.reference import Comparison, PublishedFinding, PublishedMeasure, PublishedRow

# Table 2's text calls accuracies similar that lie up to .0165 apart (rows 4 and 5).
SIMILAR: Final = 0.02

Verdict = Literal["held", "not held", "cannot be told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One published number beside ours; ``estimate`` is ours minus the published one, over our seeds and patches."""

    arm: Arm
    column: Column
    ours: float
    published: float
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One comparison of a finding on our data; ``estimate`` is None where there is nothing to compare."""

    comparison: Comparison
    published: float | None  # the paper's own difference
    estimate: Estimate | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicated:
    """A finding of the paper, answered by our data."""

    finding: PublishedFinding
    verdict: Verdict
    answers: tuple[Answer, ...]

    @property
    def decisive(self) -> Answer:
        """The comparison that the verdict rests on: the clearest failure, else what holds by least or is open."""
        own = [each for each in self.answers if each.verdict == self.verdict]
        sign = -1 if self.verdict == "not held" else 1
        return min(own, key=lambda each: sign * abs(each.estimate.value) if each.estimate else -math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """All that a publication and our data say of each other."""

    differences: tuple[Difference, ...]
    findings: tuple[Replicated, ...]

    def of(self, arm: str, metric: str) -> Difference | None:
        """The difference of an arm in a metric that is one number; None where there is none."""
        found = (each for each in self.differences if each.arm.name == arm and each.column.key == metric)
        return next(found, None)


def replicate(board: Leaderboard, blocks: Blocks) -> Replication | None:
    """Set published rows and findings against our cells; None for a study without a reference."""
    if board.reference is None or board.support is None:
        return None
    present = {arm.name for arm in board.arms if arm.n}
    rows = {row.arm: row for row in board.reference.rows}
    findings = tuple(_answered(each, blocks, present, board.support, rows) for each in board.reference.findings)
    return Replication(differences=tuple(_differences(board, blocks)), findings=findings)


def majority(support: Sequence[int]) -> int:
    """Label of the largest class, given the patches of each in the reported split."""
    return max(range(len(support)), key=lambda label: support[label])


def _differences(board: Leaderboard, blocks: Blocks) -> list[Difference]:
    """Every number that is published of an arm with a finished seed, in the board's order."""
    found = []
    for arm in board.arms:
        if not arm.n or arm.published is None:
            continue
        means = blocks.estimates({arm.name: 1.0}, test=False)
        for column in columns(board):
            published = column.published(arm)
            own = means.get(column.metric if column.position is None else f"{column.metric}_{column.position}")
            if published is not None and own is not None:
                low, high = (None if end is None else end - published for end in (own.low, own.high))
                estimate = replace(own, value=own.value - published, low=low, high=high)
                found.append(Difference(arm=arm, column=column, ours=own.value, published=published, estimate=estimate))
    return found


def _answered(
    finding: PublishedFinding,
    blocks: Blocks,
    present: set[str],
    support: Sequence[int],
    rows: Mapping[str, PublishedRow],
) -> Replicated:
    answers = []
    for each in finding.comparisons:
        terms = _terms(each, support) if {each.of, each.minus} <= present else []
        estimate = blocks.combination(terms) if terms else None
        # Class 0 is the largest of the published data; which one is in ours is another matter.
        theirs = [rows[arm].measure(each.measure, 0) for arm in (each.of, each.minus)]
        published = None if theirs[0] is None or theirs[1] is None else theirs[0] - theirs[1]
        answers.append(
            Answer(comparison=each, published=published, estimate=estimate, verdict=judge(estimate, each.expected))
        )
    return Replicated(finding=finding, verdict=_joint([each.verdict for each in answers]), answers=tuple(answers))


def judge(estimate: Estimate | None, expected: str) -> Verdict:
    """Say whether a difference goes the expected way, by its interval."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return "cannot be told"
    low, high = estimate.low, estimate.high
    match expected:
        case "higher":
            holds, fails = low > 0, high <= 0
        case "lower":
            holds, fails = high < 0, low >= 0
        case _:
            holds, fails = low >= -SIMILAR and high <= SIMILAR, low > SIMILAR or high < -SIMILAR
    return "held" if holds else "not held" if fails else "cannot be told"


def _joint(verdicts: Sequence[Verdict]) -> Verdict:
    if all(each == "held" for each in verdicts):
        return "held"
    return "not held" if "not held" in verdicts else "cannot be told"


def _terms(comparison: Comparison, support: Sequence[int]) -> list[tuple[float, str, str]]:
    """A comparison as a weighted sum of measures that are resampled; empty where our classes do not have it."""
    own = _weights(comparison.measure, support)
    return [
        (sign * weight, arm, measure)
        for sign, arm in ((1.0, comparison.of), (-1.0, comparison.minus))
        for measure, weight in own.items()
    ]


def _weights(measure: PublishedMeasure, support: Sequence[int]) -> dict[str, float]:
    """A published measure as weights of measures that are resampled; classes without test patches take no part."""
    if measure not in ("rare_recall", "majority_gap"):
        return {measure: 1.0}
    largest = majority(support)
    rare = [f"recall_{label}" for label, patches in enumerate(support) if patches and label != largest]
    if not rare or measure == "rare_recall":
        return dict.fromkeys(rare, 1 / max(1, len(rare)))
    return {f"recall_{largest}": 1.0, **dict.fromkeys(rare, -1 / len(rare))}

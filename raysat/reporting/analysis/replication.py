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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from raysat.metrics.catalog import FROM_CONFUSION, RECALL, Metric
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.reference import Comparison, PublishedFinding, PublishedMeasure, PublishedRow

# Table 2's text calls accuracies similar that lie up to .0165 apart (rows 4 and 5).
SIMILAR: Final = 0.02

Verdict = Literal["held", "not held", "cannot be told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One published number beside ours; ``estimate`` is ours minus the published one, over our seeds and patches."""

    arm: Arm
    metric: Metric
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
        agreeing = [answer for answer in self.answers if answer.verdict == self.verdict]
        sign = -1 if self.verdict == "not held" else 1
        return min(agreeing, key=lambda answer: sign * abs(answer.estimate.value) if answer.estimate else -math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """All that a publication and our data say of each other."""

    differences: tuple[Difference, ...]
    findings: tuple[Replicated, ...]

    def of(self, arm: str, metric: Metric) -> Difference | None:
        """The difference of an arm in a metric; None where there is none."""
        return next((d for d in self.differences if (d.arm.name, d.metric) == (arm, metric)), None)


def replicate(
    board: Leaderboard, bootstrap: PairedBootstrap, means: Mapping[str, Estimates] | None = None
) -> Replication | None:
    """Return published rows and findings beside our trials; None for a study without a reference.

    Args:
        board: with what is published.
        bootstrap: of its trials.
        means: of its arms, by name, where they are known already.
    """
    if board.reference is None or board.support is None:
        return None
    published = [arm for arm in board.ranked if arm.published is not None]
    if means is None:
        means = {arm.name: bootstrap.mean(Contrast.mean([arm.name])) for arm in published}
    present = {arm.name for arm in board.ranked}
    rows = {row.arm: row for row in board.reference.rows}
    return Replication(
        differences=tuple(
            difference for arm in published for difference in _differences(arm, board.metrics, means[arm.name])
        ),
        findings=tuple(
            _answered(finding, bootstrap, present, board.support, rows) for finding in board.reference.findings
        ),
    )


def majority(support: Sequence[int]) -> int:
    """Label of the largest class, given the patches of each in the reported split."""
    return max(range(len(support)), key=lambda label: support[label])


def _differences(arm: Arm, metrics: Sequence[Metric], means: Estimates) -> Iterator[Difference]:
    """Every number that is published of an arm, in the order of metrics."""
    for metric in metrics:
        published, ours = arm.published_value(metric), means.get(metric)
        if published is not None and ours is not None:
            low, high = (None if end is None else end - published for end in (ours.low, ours.high))
            estimate = replace(ours, value=ours.value - published, low=low, high=high)
            yield Difference(arm=arm, metric=metric, ours=ours.value, published=published, estimate=estimate)


def _answered(
    finding: PublishedFinding,
    bootstrap: PairedBootstrap,
    present: set[str],
    support: Sequence[int],
    rows: Mapping[str, PublishedRow],
) -> Replicated:
    answers = []
    for comparison in finding.comparisons:
        arms = (comparison.of, comparison.minus)
        weights = _weights(comparison.measure, support).items() if present.issuperset(arms) else ()
        terms = [
            (sign * weight, arm, metric)
            for sign, arm in zip((1.0, -1.0), arms, strict=True)
            for metric, weight in weights
        ]
        estimate = bootstrap.across_metrics(terms) if terms else None
        # Class 0 is the largest of the published data; which one is in ours is another matter.
        of, minus = (rows[arm].measure(comparison.measure, 0) for arm in arms)
        published = None if of is None or minus is None else of - minus
        verdict = judge(estimate, comparison.expected)
        answers.append(Answer(comparison=comparison, published=published, estimate=estimate, verdict=verdict))
    verdicts = {answer.verdict for answer in answers}
    joint: Verdict = "not held" if "not held" in verdicts else "held" if verdicts == {"held"} else "cannot be told"
    return Replicated(finding=finding, verdict=joint, answers=tuple(answers))


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


def _weights(measure: PublishedMeasure, support: Sequence[int]) -> dict[Metric, float]:
    """A published measure as weights of resampled metrics, of classes with test patches; empty where that is none."""
    if (metric := metric_of(measure)) is not None:
        return {metric: 1.0}
    largest = majority(support)
    rare = [RECALL.of_class(label) for label, patches in enumerate(support) if patches and label != largest]
    if not rare or measure == "rare_recall":
        return dict.fromkeys(rare, 1 / max(1, len(rare)))
    return {RECALL.of_class(largest): 1.0, **dict.fromkeys(rare, -1 / len(rare))}


def metric_of(measure: PublishedMeasure) -> Metric | None:
    """The metric that a published measure is; None of one that is made of several recalls."""
    return next((metric for metric in FROM_CONFUSION if metric.name == measure), None)

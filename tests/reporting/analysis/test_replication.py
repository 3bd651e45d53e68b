"""Published rows beside ours, and the paper's findings answered: verdicts by interval, on made-up predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.metrics.catalog import BALANCED_ACCURACY, FROM_CONFUSION, ICV, ICV_ROOT, RECALL
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.paired import PairedBootstrap
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.analysis.reference import load
from raysat.reporting.analysis.replication import SIMILAR, judge, majority, replicate
from raysat.reporting.format.replication import finding_sentences, findings_table, published_table

pytestmark = pytest.mark.slow

SEEDS = range(6)
SIZES = (300, 80, 75, 45)
# Recalls drawn from row by row of the printed Table 2, but with effects of AugMix and DRW made larger.
AS_THE_PAPER = {
    "(1)": (0.90, 0.49, 0.56, 0.64),
    "(2)": (0.90, 0.48, 0.55, 0.65),
    "(3)": (0.99, 0.15, 0.20, 0.40),
    "(4)": (0.70, 0.60, 0.70, 0.75),
    "(5)": (0.68, 0.50, 0.60, 0.70),
    "(6)": (0.90, 0.80, 0.85, 0.90),
    "(7)": (0.90, 0.75, 0.80, 0.85),
}


def estimate(low: float | None, high: float | None) -> Estimate:
    value = 0.0 if low is None or high is None else (low + high) / 2
    return Estimate(value=value, low=low, high=high, n=3, p=0.5)


@pytest.mark.parametrize(
    ("low", "high", "higher", "lower"),
    [
        (0.01, 0.02, "held", "not held"),
        (-0.02, -0.01, "not held", "held"),
        (-0.01, 0.02, "cannot be told", "cannot be told"),
        (0.0, 0.0, "not held", "not held"),  # arms that predict the same
        (0.0, 0.1, "cannot be told", "not held"),
        (None, None, "cannot be told", "cannot be told"),
    ],
)
def test_a_direction_is_judged_by_the_interval(low, high, higher, lower):
    assert judge(estimate(low, high), "higher") == higher
    assert judge(estimate(low, high), "lower") == lower


@given(low=st.floats(-0.1, 0.1), width=st.floats(0, 0.1))
def test_similar_is_within_the_margin_and_verdicts_exclude_each_other(low, width):
    high = low + width
    verdict = judge(estimate(low, high), "similar")
    inside = low >= -SIMILAR and high <= SIMILAR
    outside = low > SIMILAR or high < -SIMILAR
    assert verdict == ("held" if inside else "not held" if outside else "cannot be told")
    assert judge(None, "similar") == "cannot be told"


@pytest.fixture(scope="module")
def findings(make_shared_run):
    return analyze([make_shared_run(AS_THE_PAPER, seeds=SEEDS, sizes=SIZES, reference="table2").root])


def test_each_finding_is_answered_with_paired_differences(findings):
    verdicts = {each.finding.key: each for each in findings.replication.findings}
    assert list(verdicts) == ["a", "b", "c", "d"]
    assert verdicts["a"].verdict == "held"  # (3) leans to the majority most by construction, (4) least
    for each in verdicts.values():
        found = {answer.verdict for answer in each.answers}
        expected = "held" if found == {"held"} else "not held" if "not held" in found else "cannot be told"
        assert each.verdict == expected
        assert each.decisive.verdict == each.verdict


def test_a_comparison_is_the_mean_over_seeds_of_the_difference_of_the_measure(findings):
    cells = findings.predictions
    confusion = {arm: cells.confusion[[rows[seed] for seed in SEEDS]] for arm, rows in cells.rows.items()}

    def gap(arm: str) -> float:
        recall = np.diagonal(confusion[arm], axis1=1, axis2=2) / confusion[arm].sum(axis=2)
        return (recall[:, 0] - recall[:, 1:].mean(axis=1)).mean()

    first = findings.replication.findings[0].answers[0]
    assert (first.comparison.of, first.comparison.minus, first.comparison.measure) == ("(1)", "(4)", "majority_gap")
    assert first.estimate.value == pytest.approx(gap("(1)") - gap("(4)"))
    assert first.estimate.n == len(SEEDS)
    recall = {row.arm: np.array(row.recall) for row in load("table2").rows}
    theirs = [recall[arm][0] - recall[arm][1:].mean() for arm in ("(1)", "(4)")]
    assert first.published == pytest.approx(theirs[0] - theirs[1])


def test_differences_to_the_publication_have_the_interval_of_our_mean(findings):
    beside = findings.replication.of("(4)", BALANCED_ACCURACY)
    own = findings.means["(4)"][BALANCED_ACCURACY]
    assert beside.published == 0.6694
    assert (beside.estimate.value, beside.estimate.low, beside.estimate.high) == pytest.approx(
        (own.value - 0.6694, own.low - 0.6694, own.high - 0.6694)
    )
    assert findings.replication.of("(4)", RECALL.of_class(0)) is None  # not the publication's classes
    assert {each.metric for each in findings.replication.differences} == set(FROM_CONFUSION)


def test_table_1_compares_the_square_root_and_answers_its_own_findings(make_run):
    rows = [row.arm for row in load("table1").rows]
    recalls = dict.fromkeys(rows, (0.9, 0.4, 0.5, 0.5)) | {"(8) $": (0.7, 0.7, 0.7, 0.7)}
    found = analyze([make_run(recalls, seeds=SEEDS, sizes=SIZES, reference="table1").root]).replication
    assert found.of("(8) $", ICV) is None
    assert found.of("(8) $", ICV_ROOT).published == 0.0942
    assert {each.finding.key: each.verdict for each in found.findings} == {"e": "cannot be told", "f": "held"}


def test_arms_and_seeds_that_are_missing_leave_it_open(make_run):
    run = make_run({"(1)": (0.9,) * 4, "(2)": (0.5,) * 4}, seeds=(0, 1), missing=[("(1)", 1), ("(2)", 0)],
                   reference="table2")  # fmt: skip
    board = collect(run)
    found = replicate(board, PairedBootstrap(read_predictions(board), n_resamples=200))
    assert {each.verdict for each in found.findings} == {"cannot be told"}
    assert all(answer.estimate is None for each in found.findings for answer in each.answers)
    assert "has no seed in common here" in next(finding_sentences(found, board))
    table = findings_table(found, board)
    assert len(table.rows) == sum(len(each.answers) for each in found.findings)
    assert len(published_table(board, found).rows) == 2 * 5


def test_a_study_without_a_reference_has_none(make_run):
    board = collect(make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}))
    assert replicate(board, PairedBootstrap(read_predictions(board), n_resamples=200)) is None


def test_the_majority_is_the_largest_class_of_our_own_data(make_run):
    assert majority((3, 9, 4)) == 1
    sizes = (45, 300, 75, 80)
    arms = {name: (r[1], r[0], r[2], r[3]) for name, r in AS_THE_PAPER.items()}
    found = analyze([make_run(arms, seeds=SEEDS, sizes=sizes, reference="table2").root])
    assert found.replication.findings[0].verdict == "held"
    assert "recall of built less that of the rarer classes" in next(finding_sentences(found.replication, found.board))


def test_a_sentence_names_verdict_difference_interval_and_n(findings):
    said = list(finding_sentences(findings.replication, findings.board))
    assert len(said) == 4
    for text, each in zip(said, findings.replication.findings, strict=True):
        assert text.startswith(f"({each.finding.key}) {each.finding.text}: {each.verdict}")
        assert "n = 6" in text
        assert "[" in text

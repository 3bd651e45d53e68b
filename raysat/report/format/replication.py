"""How a paper's numbers and findings compare with ours: tables, and a sentence for each finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raysat.formatting import one_line
from raysat.metrics.catalog import Metric
from raysat.report.analysis.model import Leaderboard
from raysat.report.analysis.replication import SIMILAR, Answer, Replicated, Replication, majority, metric_of
from raysat.report.format.cells import ARM, N, difference_cell, mean_cell, n_cell, p_cell, whole_cell, words
from raysat.report.format.numbers import format_difference, format_estimate, printed
from raysat.report.format.sentences import INTERVALS, sentence
from raysat.report.format.table import Cell, Heading, Table, make_table

_EXPECTED: Final = {"higher": "higher", "lower": "lower", "similar": f"within ± {SIMILAR:g}"}


def source_note(board: Leaderboard) -> str:
    """What the published numbers are, and where they differ from print; empty for a study without a reference."""
    if board.reference is None:
        return ""
    source = f"Published numbers: {board.reference.source}, measured on {board.reference.data}"
    return f"{source}; they compare with the same data and split alone. {sentence('here ' + board.reference.note)}"


def published_table(board: Leaderboard, replication: Replication | None, *metrics: Metric) -> Table:
    """Every published number beside ours.

    Args:
        board: the arms.
        replication: our differences to the publication; None where they could not be worked out.
        metrics: those to show; all where none is named.

    Returns:
        The table; without rows where nothing is published of these arms.
    """
    known = {(each.arm.name, each.metric): each for each in (replication.differences if replication else ())}
    rows = [
        (arm, metric, value, known.get((arm.name, metric)))
        for arm in board.ranked
        for metric in metrics or board.metrics
        if (value := arm.published_value(metric)) is not None
    ]
    return make_table(
        "published",
        "Ours: means over n seeds ± standard deviation. Differences with the 95 % interval of ours, over seeds and "
        "test patches; the published numbers are of one run and have none.",
        [
            (ARM, [words(arm.label) for arm, *_ in rows]),
            (Heading(text="metric", words=True, room=50), [words(board.full_label(metric)) for _, metric, *_ in rows]),
            (Heading(text="ours"), [mean_cell(arm.metrics[metric], metric) for arm, metric, *_ in rows]),
            (Heading(text="published"), [Cell(text=printed(value), value=value) for *_, value, _ in rows]),
            (
                Heading(text="ours − published"),
                [difference_cell(each.estimate if each else None, metric.digits) for _, metric, _, each in rows],
            ),
            (N, [n_cell(arm) for arm, *_ in rows]),
        ],
    )


def findings_table(replication: Replication, board: Leaderboard) -> Table:
    """The comparisons that each finding of the paper rests on; no rows where the paper's findings are not recorded."""
    rows = [(finding.finding, answer) for finding in replication.findings for answer in finding.answers]
    answers = [answer for _, answer in rows]
    comparisons, estimates = [answer.comparison for answer in answers], [answer.estimate for answer in answers]
    papers = [Cell(text=format_difference(each.published, digits=4), value=each.published) for each in answers]
    return make_table(
        "findings",
        "What the paper's findings rest on, and the same paired differences on our data; p by the sign-flip test, not "
        "corrected. By its interval a comparison held, did not, or cannot be told; a finding holds where all of its "
        f"comparisons do. {INTERVALS}",
        [
            (Heading(text="finding", words=True), [words(f"({finding.key})") for finding, _ in rows]),
            (Heading(text="arms", words=True), [words(_arms(answer)) for answer in answers]),
            (Heading(text="measure", words=True), [words(measure_label(answer, board)) for answer in answers]),
            (Heading(text="expected", words=True), [words(_EXPECTED[each.expected]) for each in comparisons]),
            (Heading(text="in the paper"), papers),
            (Heading(text="here"), list(map(difference_cell, estimates))),
            (Heading(text="p"), [p_cell(estimate.p if estimate else None) for estimate in estimates]),
            (N, [whole_cell(estimate.n if estimate else 0) for estimate in estimates]),
            (Heading(text="verdict", words=True), [words(answer.verdict) for answer in answers]),
        ],
    )


def finding_sentences(replication: Replication, board: Leaderboard) -> Iterator[str]:
    """One line for each finding of the paper: the verdict, how many comparisons it rests on, and the decisive one."""
    for each in replication.findings:
        verdicts = [answer.verdict for answer in each.answers]
        counts = f"{verdicts.count('held')} of {len(verdicts)} comparisons held, {verdicts.count('not held')} did not"
        yield f"({each.finding.key}) {each.finding.text}: {each.verdict} ({counts}). {_decisive(each, board)}."


def _decisive(replicated: Replicated, board: Leaderboard) -> str:
    answer = replicated.decisive
    if answer.estimate is None:
        return f"{_arms(answer)} has no seed in common here"
    difference = format_estimate(answer.estimate)
    return f"{_arms(answer)} in {measure_label(answer, board)}: {difference}, n = {answer.estimate.n}"


def _arms(answer: Answer) -> str:
    return f"{answer.comparison.of} − {answer.comparison.minus}"


def measure_label(answer: Answer, board: Leaderboard) -> str:
    """What a comparison measures, with the name of our largest class where it is of the majority."""
    measure = answer.comparison.measure
    if measure == "rare_recall":
        return "mean recall of the rarer classes"
    if measure == "majority_gap":
        largest = one_line(board.classes[majority(board.support or (1,))])
        return f"recall of {largest} less that of the rarer classes"
    metric = metric_of(measure)
    return metric.label if metric else measure

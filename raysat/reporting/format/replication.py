"""How a paper's numbers and findings compare with ours: tables, and a sentence for each finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raysat.formatting import one_line
from raysat.metrics.catalog import Metric
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.replication import SIMILAR, Answer, Replication, majority, metric_of
from raysat.reporting.format.cells import ARM, N, difference_cell, mean_cell, n_cell, p_cell, whole_cell, words
from raysat.reporting.format.numbers import format_difference, format_estimate, printed
from raysat.reporting.format.sentences import INTERVALS, sentence
from raysat.reporting.format.table import Cell, Heading, Table, make_table

_EXPECTED: Final = {"higher": "higher", "lower": "lower", "similar": f"within ± {SIMILAR:g}"}


def source_note(board: Leaderboard) -> str:
    """What the published numbers are, and where they differ from print; empty for a study without a reference."""
    if board.reference is None:
        return ""
    source = f"Published numbers: {board.reference.source}, measured on {board.reference.data}"
    return f"{source}; they compare with the same data and split alone. {sentence('here ' + board.reference.note)}"


def published_table(board: Leaderboard, replication: Replication | None, *metrics: Metric) -> Table:
    """Return every published number beside ours; no rows where nothing is published of these arms.

    Args:
        board: the arms.
        replication: our differences to the publication; None where they could not be worked out.
        metrics: those to show; all where none is named.
    """
    rows = [
        (arm, metric, value, replication.of(arm.name, metric) if replication else None)
        for arm in board.ranked
        for metric in metrics or board.metrics
        if (value := arm.published_value(metric)) is not None
    ]
    differences = [
        difference_cell(difference.estimate if difference else None, metric.digits) for _, metric, _, difference in rows
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
            (Heading(text="ours − published"), differences),
            (N, [n_cell(arm) for arm, *_ in rows]),
        ],
    )


def findings_table(replication: Replication, board: Leaderboard) -> Table:
    """The comparisons that each finding of the paper rests on; no rows where the paper's findings are not recorded."""
    rows = [(finding.finding, answer) for finding in replication.findings for answer in finding.answers]
    answers = [answer for _, answer in rows]
    estimates = [answer.estimate for answer in answers]
    papers = [Cell(text=format_difference(answer.published, digits=4), value=answer.published) for answer in answers]
    return make_table(
        "findings",
        "What the paper's findings rest on, and the same paired differences on our data; p by the sign-flip test, not "
        "corrected. By its interval a comparison held, did not, or cannot be told; a finding holds where all of its "
        f"comparisons do. {INTERVALS}",
        [
            (Heading(text="finding", words=True), [words(f"({finding.key})") for finding, _ in rows]),
            (Heading(text="arms", words=True), [words(_arms(answer)) for answer in answers]),
            (Heading(text="measure", words=True), [words(_measure(answer, board)) for answer in answers]),
            (
                Heading(text="expected", words=True),
                [words(_EXPECTED[answer.comparison.expected]) for answer in answers],
            ),
            (Heading(text="in the paper"), papers),
            (Heading(text="here"), list(map(difference_cell, estimates))),
            (Heading(text="p"), [p_cell(estimate.p if estimate else None) for estimate in estimates]),
            (N, [whole_cell(estimate.n if estimate else 0) for estimate in estimates]),
            (Heading(text="verdict", words=True), [words(answer.verdict) for answer in answers]),
        ],
    )


def finding_sentences(replication: Replication, board: Leaderboard) -> Iterator[str]:
    """One line for each finding of the paper: the verdict, how many comparisons it rests on, and the decisive one."""
    for replicated in replication.findings:
        finding, decisive = replicated.finding, replicated.decisive
        verdicts = [answer.verdict for answer in replicated.answers]
        counts = f"{verdicts.count('held')} of {len(verdicts)} comparisons held, {verdicts.count('not held')} did not"
        if estimate := decisive.estimate:
            why = f"in {_measure(decisive, board)}: {format_estimate(estimate)}, n = {estimate.n}"
        else:
            why = "has no seed in common here"
        yield f"({finding.key}) {finding.text}: {replicated.verdict} ({counts}). {_arms(decisive)} {why}."


def _arms(answer: Answer) -> str:
    return f"{answer.comparison.of} − {answer.comparison.minus}"


def _measure(answer: Answer, board: Leaderboard) -> str:
    """What a comparison measures, with the name of our largest class where it is of the majority."""
    measure = answer.comparison.measure
    if measure == "rare_recall":
        return "mean recall of the rarer classes"
    if measure == "majority_gap":
        largest = one_line(board.classes[majority(board.support or (1,))])
        return f"recall of {largest} less that of the rarer classes"
    metric = metric_of(measure)
    return metric.label if metric else measure

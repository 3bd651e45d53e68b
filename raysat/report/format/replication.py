"""How a paper's numbers and findings stand beside ours: the same tables and sentences for every form of a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raysat.formatting import NONE
from raysat.report.analysis.collect import Leaderboard, one_line
from raysat.report.analysis.ranking import LABELS
from raysat.report.analysis.replication import SIMILAR, Answer, Replicated, Replication, majority
from raysat.report.format.cells import Cell, Heading, Table, estimate_cell, number_cell, p_cell, spread, whole_cell
from raysat.report.format.sentences import bracketed, signed
from raysat.report.format.text import printed, published_note

_EXPECTED: Final = {"higher": "higher", "lower": "lower", "similar": f"within ± {SIMILAR:g}"}


def source_note(board: Leaderboard) -> str:
    """Where the published numbers are from, and where they differ from print."""
    said = published_note(board) or ""
    return f"{said[:1].upper()}{said[1:]}. Here {board.reference.note}." if board.reference else ""


def published_table(replication: Replication) -> Table | None:
    """Every published number beside ours; None where there is none of these arms."""
    rows = [
        [
            Cell(text=each.arm.label),
            Cell(text=LABELS.get(each.column.metric) or f"{each.column.metric} of {each.column.label}"),
            number_cell(each.ours, each.column.metric, below=spread(each.column.ours(each.arm), each.column.metric)),
            Cell(text=printed(each.published), value=each.published),
            estimate_cell(each.estimate, each.column.metric),
            whole_cell(each.estimate.n),
        ]
        for each in replication.differences
    ]
    headings = [
        Heading(text="arm", words=True),
        Heading(text="metric", words=True),
        Heading(text="ours"),
        Heading(text="published"),
        Heading(text="ours − published"),
        Heading(text="n"),
    ]
    caption = (
        "Ours: means over n seeds ± standard deviation. Differences with the 95 % interval of ours, over seeds and "
        "test patches; the published numbers are of one run and have none."
    )
    return Table(caption=caption, headings=headings, rows=rows) if rows else None


def findings_table(replication: Replication, board: Leaderboard) -> Table | None:
    """The comparisons that each finding of the paper rests on; None where the paper's findings are not recorded."""
    rows = [
        [
            Cell(text=f"({each.finding.key})"),
            Cell(text=f"{answer.comparison.of} − {answer.comparison.minus}"),
            Cell(text=measure_label(answer, board)),
            Cell(text=_EXPECTED[answer.comparison.expected]),
            _paper(answer),
            estimate_cell(answer.estimate, answer.comparison.measure),
            p_cell(answer.estimate.p if answer.estimate else None),
            whole_cell(answer.estimate.n if answer.estimate else 0),
            Cell(text=answer.verdict),
        ]
        for each in replication.findings
        for answer in each.answers
    ]
    words = ("finding", "arms", "measure", "expected")
    headings = [
        *(Heading(text=text, words=True) for text in words),
        Heading(text="in the paper"),
        Heading(text="here"),
        Heading(text="p"),
        Heading(text="n"),
        Heading(text="verdict", words=True),
    ]
    caption = (
        "What the paper's findings rest on, and the same paired differences on our data: 95 % intervals over n seeds "
        "and test patches; p by the sign-flip test, not corrected. By its interval a comparison held, did not, or "
        "cannot be told; a finding holds where all of its comparisons do."
    )
    return Table(caption=caption, headings=headings, rows=rows) if rows else None


def sentences(replication: Replication, board: Leaderboard) -> Iterator[str]:
    """One line for each finding of the paper: the verdict, how many comparisons it rests on, and the decisive one."""
    for each in replication.findings:
        verdicts = [answer.verdict for answer in each.answers]
        counts = f"{verdicts.count('held')} of {len(verdicts)} comparisons held, {verdicts.count('not held')} did not"
        yield f"({each.finding.key}) {each.finding.text}: {each.verdict} ({counts}). {_decisive(each, board)}."


def _decisive(replicated: Replicated, board: Leaderboard) -> str:
    answer = replicated.decisive
    arms = f"{answer.comparison.of} − {answer.comparison.minus}"
    if answer.estimate is None:
        return f"{arms} has no seed in common here"
    difference = bracketed(answer.estimate, answer.comparison.measure)
    return f"{arms} in {measure_label(answer, board)}: {difference}, n = {answer.estimate.n}"


def measure_label(answer: Answer, board: Leaderboard) -> str:
    """What a comparison measures, with the name of our largest class where it is of the majority."""
    measure = answer.comparison.measure
    if measure == "rare_recall":
        return "mean recall of the rarer classes"
    if measure == "majority_gap":
        largest = one_line(board.classes[majority(board.support or (1,))])
        return f"recall of {largest} less that of the rarer classes"
    return LABELS[measure]


def _paper(answer: Answer) -> Cell:
    value = answer.published
    return Cell(text=NONE) if value is None else Cell(text=signed(value, digits=4), value=value)

"""The leaderboard on a terminal: as many columns as its width holds; what remains goes to the names of the arms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from raysat.formatting import NONE, number
from raysat.report.analysis.collect import Arm, Leaderboard, one_line
from raysat.report.analysis.columns import Column, class_columns, columns, leading_columns
from raysat.report.analysis.ranking import LABELS, LOWER_IS_BETTER, RULE
from raysat.report.analysis.replication import Replication
from raysat.report.format.sentences import bracketed
from raysat.report.format.text import (
    PARETO,
    TIED,
    count,
    for_terminal,
    measured_on,
    printed,
    published_note,
    rank_note,
    rank_text,
    unfinished,
)

_Shown: TypeAlias = dict[str, list[Text]]  # heading -> a cell for each arm

_GAP: Final = 2
# What is left out first, while arms have less room than this; their names wrap in what they get.
_OPTIONAL: Final = (("√ICV", 40), ("recall by class", 36), ("acc.", 30), ("F1", 16), ("n", 12))
_NARROWEST: Final = 8


@dataclass(frozen=True, slots=True)
class Rendered:
    """A leaderboard that fits the console it is printed on; plain ASCII where that is all the console can write."""

    board: Leaderboard
    tied: frozenset[str] = frozenset()  # arms that are tied with the best
    pareto: frozenset[str] = frozenset()  # arms that no other beats on both balanced accuracy and ICV
    rank_by: str = RULE[0]
    replication: Replication | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a title, the table and notes."""
        ascii_only, board = options.ascii_only, self.board
        shown = _columns(board, self.rank_by, ascii_only=ascii_only)
        ranks = [rank_text(arm) + (TIED if arm.name in self.tied else "") for arm in board.arms]
        shown["#"] = [_text(rank, ascii_only=ascii_only) for rank in ranks]
        marks = [f" {PARETO}" if arm.name in self.pareto else "" for arm in board.arms]
        names = [_text(a.label + mark, ascii_only=ascii_only) for a, mark in zip(board.arms, marks, strict=True)]
        longest = max((name.cell_len for name in names), default=0)
        for heading, room in _OPTIONAL:
            if _room(shown, options.max_width) < min(longest, room):
                shown.pop(heading, None)
        width = max(_NARROWEST, min(longest, _room(shown, options.max_width)))

        yield Text.assemble(
            _text(board.study, "bold", ascii_only=ascii_only), "  ", _text(measured_on(board), ascii_only=ascii_only)
        )
        yield ""
        yield _table(board, shown, names, width, ascii_only=ascii_only)
        yield ""
        for note in self._notes(shown):
            yield _text(note, "dim", ascii_only=ascii_only)
        if self.replication is not None:
            yield from _published(board, self.replication, ascii_only=ascii_only)
        for arm, seeds, reason in unfinished(board):
            yield _text(f"{one_line(arm.name)}, {seeds} {reason}", ascii_only=ascii_only)

    def _notes(self, shown: _Shown) -> Iterator[str]:
        rule = [LABELS[name] for name in dict.fromkeys((self.rank_by, *RULE))]
        lower = [name in LOWER_IS_BETTER for name in dict.fromkeys((self.rank_by, *RULE))]
        said = [("lower " if low else "") + name for name, low in zip(rule, lower, strict=True)]
        yield f"± sd over n seeds; ranked by {', then '.join(said)}"
        if ranked_on := rank_note(self.board):
            yield ranked_on
        if "recall by class" in shown:
            yield f"recall by class: {', '.join(one_line(name) for name in self.board.classes)}"
        if self.tied or self.pareto:
            tied = (
                f"{TIED} tied with the best in {LABELS[self.rank_by]}, the interval including zero; "
                if self.tied
                else ""
            )
            yield f"{tied}{PARETO} beaten by no other on both balanced accuracy and ICV"


def render(
    board: Leaderboard,
    *,
    tied: frozenset[str] = frozenset(),
    pareto: frozenset[str] = frozenset(),
    rank_by: str = RULE[0],
    replication: Replication | None = None,
) -> Rendered:
    """Return a leaderboard for rich's ``console.print``; it takes its width from the console."""
    return Rendered(board, tied, pareto, rank_by, replication)


def _published(board: Leaderboard, replication: Replication, *, ascii_only: bool) -> Iterator[Table | Text | str]:
    """Published balanced accuracies beside ours, in the board's order."""
    table = _plain_table(ascii_only=ascii_only)
    for heading in ("arm", "balanced acc.", "published", "ours − published [95 %]", "n"):
        table.add_column(
            _text(heading, ascii_only=ascii_only),
            justify="left" if heading == "arm" else "right",
            no_wrap=heading != "arm",
            overflow="fold",
        )
    for each in replication.differences:
        if each.column.metric == "balanced_accuracy":
            cells = (number(each.ours), printed(each.published), bracketed(each.estimate), str(each.estimate.n))
            table.add_row(*(_text(cell, ascii_only=ascii_only) for cell in (one_line(each.arm.name), *cells)))
    yield ""
    yield table
    yield ""
    yield _text(published_note(board) or "", "dim", ascii_only=ascii_only)


def _table(board: Leaderboard, shown: _Shown, names: list[Text], width: int, *, ascii_only: bool) -> Table:
    table = _plain_table(ascii_only=ascii_only)
    for heading in shown:
        table.add_column(_text(heading, ascii_only=ascii_only), justify="right", no_wrap=True)
        if heading == "#":
            table.add_column("arm", width=width, overflow="fold")
    for position, arm in enumerate(board.arms):
        rank, *values = (cells[position] for cells in shown.values())
        table.add_row(rank, names[position], *values, style="" if arm.n else "dim")
    return table


def _plain_table(*, ascii_only: bool) -> Table:
    return Table(
        box=None if ascii_only else box.SIMPLE_HEAD,  # its dividers are one blank wide
        padding=(0, _GAP if ascii_only else _GAP - 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="",
    )


def _columns(board: Leaderboard, rank_by: str, *, ascii_only: bool) -> _Shown:
    """Every column but the arms' names, by heading, in the order shown."""
    metrics = {column.metric: column for column in columns(board) if column.position is None}
    balanced = metrics["balanced_accuracy"]

    def texts(column: Column, *, with_sd: bool = False) -> list[Text]:
        top = None if column.metric == "accuracy" else column.best(board)
        return [_number(column, arm, top, with_sd=with_sd, ascii_only=ascii_only) for arm in board.arms]

    return {
        "#": [],  # filled in by who knows of ties
        **{column.label: texts(column) for column in leading_columns(rank_by)},
        "balanced acc.": texts(balanced, with_sd=True),
        "ICV": texts(metrics["icv"]),
        "√ICV": texts(metrics["icv_root"]),
        "F1": texts(metrics["macro_f1"]),
        "recall by class": [_recalls(board, arm, ascii_only=ascii_only) for arm in board.arms],
        "acc.": texts(metrics["accuracy"]),
        "n": [Text(count(arm)) for arm in board.arms],
    }


def _number(column: Column, arm: Arm, top: str | None, *, with_sd: bool, ascii_only: bool) -> Text:
    summary = column.ours(arm)
    mean = number(summary.mean, column.metric)
    sd = f" ± {number(summary.sd, column.metric)}" if with_sd and summary.sd is not None else ""
    bold = "bold" if mean == top else ""
    return Text.assemble(_text(mean, bold, ascii_only=ascii_only), _text(sd, "dim", ascii_only=ascii_only))


def _recalls(board: Leaderboard, arm: Arm, *, ascii_only: bool) -> Text:
    """Recall of every class in three places: ``.91 .07 1.0``."""
    parts = []
    for column in class_columns(board, "recall"):
        mean = column.ours(arm).mean
        text = f" {NONE} " if mean is None else f"{mean:.2f}"[1:] if mean < 0.995 else "1.0"
        bold = mean is not None and number(mean) == column.best(board)
        parts.append(_text(text, "bold" if bold else "", ascii_only=ascii_only))
    return Text(" ").join(parts)


def _room(shown: _Shown, width: int) -> int:
    """What is left of a width for the names of the arms."""
    columns_width = (max([len(heading), *(cell.cell_len for cell in cells)]) for heading, cells in shown.items())
    return width - sum(column + _GAP for column in columns_width)


def _text(text: str, style: str = "", *, ascii_only: bool) -> Text:
    return Text(for_terminal(text, ascii_only=ascii_only), style=style)

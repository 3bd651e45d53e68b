"""The leaderboard as files: Markdown to read, CSV to compute with, JSON with every seed's value and every reason."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from raysat import __version__
from raysat.files import write_atomic
from raysat.formatting import number
from raysat.report.analysis.collect import Arm, Leaderboard, Summary, one_line
from raysat.report.analysis.columns import MOST_CLASSES, Column, class_columns, columns
from raysat.report.analysis.replication import Replication
from raysat.report.format.replication import published_table, source_note
from raysat.report.format.text import count, measured_on, printed, rank_note, rank_text, unfinished
from raysat.report.render.markdown import escape, from_table, table

_LEGEND: Final = (
    "± is the sample standard deviation over the n seeds of an arm; **bold** is the best of a column. "
    "Order: higher balanced accuracy, then lower ICV, then higher macro F1. "
    "ICV is the sum over classes of (accuracy − recall)²: low where no class is left behind. "
    "Accuracy never ranks: on imbalanced data it rewards neglect of the rare classes."
)


def write_leaderboard(board: Leaderboard, folder: Path, replication: Replication | None = None) -> list[Path]:
    """Write ``leaderboard.md``, ``.csv`` and ``.json``, each at once. Raises LedgerError where that fails."""
    texts = {
        "md": to_markdown(board, replication),
        "csv": to_csv(board, replication),
        "json": to_json(board, replication),
    }
    paths = [folder / f"leaderboard.{suffix}" for suffix in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_atomic(path, text)
    return paths


def to_markdown(board: Leaderboard, replication: Replication | None = None) -> str:
    """The leaderboard as GitHub-flavoured Markdown; names and errors are escaped."""
    parts = [
        f"# {escape(board.study)}",
        f"Ranked by balanced accuracy: {escape(measured_on(board))}.",
        main_table(board),
    ]
    notes = [_LEGEND]
    if ranked_on := rank_note(board):
        notes.append(f"{ranked_on[0].upper()}{ranked_on[1:]}.")
    if any(column.published(arm) is not None for column in columns(board) for arm in board.arms):
        notes.append("In brackets: the published value.")
    parts.append(" ".join(notes))
    if replication is not None and (beside := published_table(replication)):
        parts += ["## Published", escape(beside.caption), from_table(beside)]
    if board.reference is not None:
        parts.append(escape(source_note(board)))
    if board.support is not None:
        parts += ["## Per class", "Recall, with the number of patches of each class:", class_table(board, "recall")]
        parts += ["Precision:", class_table(board, "precision")]
    if rows := unfinished(board):
        lines = [f"- **{escape(arm.label)}**, {seeds} {escape(reason)}" for arm, seeds, reason in rows]
        parts += ["## Failed or missing", "\n".join(lines)]
    source = "" if board.fingerprint is None else f"; data fingerprint {escape(board.fingerprint[:8])}"
    parts.append(f"_Written by raysat {__version__}{source}; every seed's values are in `leaderboard.json`._")
    return "\n\n".join(parts) + "\n"


def to_csv(board: Leaderboard, replication: Replication | None = None) -> str:
    """One row per arm, numbers in full precision, empty where there is none; a name cannot start a formula."""
    return as_csv([csv_row(board, arm, replication) for arm in board.arms])


def as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as CSV, with a column for each key in the order of first appearance."""
    text = io.StringIO()
    keys = list(dict.fromkeys(key for row in rows for key in row)) or ["arm", "rank", "n", "n_planned"]
    writer = csv.DictWriter(text, keys, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def csv_text(text: str) -> str:
    """A text on one line that no spreadsheet takes for a formula."""
    line = one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def to_json(board: Leaderboard, replication: Replication | None = None) -> str:
    """Everything known: per arm the mean, sd and each seed's value of every metric, and every cell without a result."""
    return json.dumps(describe(board, replication), indent=1, allow_nan=False) + "\n"


def describe(board: Leaderboard, replication: Replication | None = None) -> dict[str, Any]:
    """The content of the JSON file."""
    counts = None if board.support is None else dict(zip(board.classes, board.support, strict=True))
    return {
        "study": board.study,
        "raysat": __version__,
        "data": {"name": board.data, "fingerprint": board.fingerprint},
        "reported": board.reported,
        "classes": list(board.classes),
        "n_test": board.n_test,
        "n_per_class": counts,
        "reference": None if board.reference is None else board.reference.model_dump(exclude={"rows", "findings"}),
        "arms": [_json_arm(board, arm, replication) for arm in board.arms],
    }


def main_table(board: Leaderboard) -> str:
    """The ranked arms as a Markdown table."""
    shown = [column for column in columns(board) if column.metric != "precision"]
    if len(board.classes) > MOST_CLASSES:
        shown = [column for column in shown if column.metric != "recall"]
    rows = [
        ["#", *map(rank_text, board.arms)],
        ["arm", *(escape(arm.label) for arm in board.arms)],
    ]
    for column in shown:
        heading = column.label if column.position is None else f"recall {escape(column.label)}"
        rows.append([heading, *_cells(board, column, with_sd=column.metric == "balanced_accuracy")])
    return table([*rows, ["n", *map(count, board.arms)]])


def class_table(board: Leaderboard, metric: str) -> str:
    """Recall or precision of each class as a Markdown table."""
    rows = [["arm", *(escape(arm.label) for arm in board.arms)]]
    for column, patches in zip(class_columns(board, metric), board.support or (), strict=True):
        heading = f"{escape(column.label)} (n = {patches:,})" if metric == "recall" else escape(column.label)
        rows.append([heading, *_cells(board, column, with_sd=True)])
    return table(rows)


def _cells(board: Leaderboard, column: Column, *, with_sd: bool) -> list[str]:
    """A column's cells: the best in bold, the published value in brackets where the column has any."""
    top, compared = column.best(board), any(column.published(arm) is not None for arm in board.arms)
    cells = []
    for arm in board.arms:
        ours = column.ours(arm)
        mean = number(ours.mean, column.metric)
        bold = mean == top and column.metric != "accuracy"
        sd = f" ± {number(ours.sd, column.metric)}" if with_sd and ours.sd is not None else ""
        published = f" ({printed(column.published(arm))})" if compared else ""
        cells.append((f"**{mean}**" if bold else mean) + sd + published)
    return cells


def csv_row(board: Leaderboard, arm: Arm, replication: Replication | None = None) -> dict[str, object]:
    """An arm's row of the CSV file, by column."""
    row: dict[str, object] = {
        "arm": csv_text(arm.name),
        "rank": arm.rank,
        "n": arm.n,
        "n_planned": arm.n_planned,
    }
    for column in columns(board):
        row[f"{column.key}_mean"], row[f"{column.key}_sd"] = column.ours(arm).mean, column.ours(arm).sd
        if any(column.published(other) is not None for other in board.arms):
            row[f"{column.key}_published"] = column.published(arm)
            beside = replication.of(arm.name, column.key) if replication else None
            for end in ("value", "low", "high"):
                name = f"{column.key}_minus_published" + ("" if end == "value" else f"_{end}")
                row[name] = getattr(beside.estimate, end) if beside else None
    return row


def _json_arm(board: Leaderboard, arm: Arm, replication: Replication | None) -> dict[str, Any]:
    def described(summary: Summary) -> dict[str, Any]:
        return {"mean": summary.mean, "sd": summary.sd, "values": list(summary.values)}

    def by_class(summaries: Sequence[Summary]) -> dict[str, Any]:
        return {name: described(summary) for name, summary in zip(board.classes, summaries, strict=True)}

    return {
        "name": arm.name,
        "rank": arm.rank,
        "short_of_seeds": arm.short,
        "n": arm.n,
        "n_planned": arm.n_planned,
        "seeds": list(arm.seeds),
        **{metric: described(summary) for metric, summary in arm.metrics.items()},
        "recall": by_class(arm.recall),
        "precision": by_class(arm.precision),
        "failed": [{"seed": cell.seed, "error": cell.error} for cell in arm.failed],
        "missing": list(arm.missing),
        "published": None if arm.published is None else arm.published.model_dump(exclude={"arm"}),
        "minus_published": {
            each.column.key: {key: getattr(each.estimate, key) for key in ("value", "low", "high", "n")}
            for each in (replication.differences if replication else ())
            if each.arm.name == arm.name
        },
    }

"""Numbers as pandas frames, and these as CSV and Parquet: a row per trial, arm, effect or candidate.

Pandas takes half a second to import: import this module where a frame is made, not before.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import pandas as pd

from raysat.formatting import one_line
from raysat.metrics.catalog import FROM_PREDICTIONS, Metric
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.effects import Effects
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.replication import Replication
from raysat.reporting.format.search import state
from raysat.reporting.format.table import Table
from raysat.search.load import Search
from raysat.search.log import Log, values_of

# Types of a column in which some are missing, by what the others are; pandas would make floats and objects of them.
_WITH_MISSING: Final = {"integer": "Int64", "boolean": "boolean", "empty": "float64"}

Row = Mapping[str, object]


def table_frame(table: Table) -> pd.DataFrame:
    """A row per row and a column per heading; a missing number is NaN."""
    columns = {
        heading.label: [row[k].text if heading.words else row[k].value for row in table.lines]
        for k, heading in enumerate(table.headings)
    }
    return pd.DataFrame(columns)


def trials_frame(board: Leaderboard) -> pd.DataFrame:
    """A row per finished trial, by arm and seed: each metric of it, those of each class included."""
    rows: list[Row] = []
    for arm in board.arms:
        for k, seed in enumerate(arm.seeds):
            # A class without test patches has no value with any seed.
            values = {
                board.key(metric): summary.values[k] if summary.values else None
                for metric, summary in arm.metrics.items()
            }
            rows.append({"arm": arm.name, "seed": seed} | values)
    metrics = dict.fromkeys(board.key(metric) for arm in board.arms for metric in arm.metrics)
    return make_frame(rows, ["arm", "seed"], list(metrics))


def leaderboard_frame(board: Leaderboard, replication: Replication | None = None) -> pd.DataFrame:
    """A row per arm, best first: mean and sd of each metric, and what was published beside them."""
    published = _published(board)
    rows = [_arm_row(board, arm, replication, published) for arm in board.arms]
    return make_frame(rows, ["arm"], ["rank", "n", "n_planned"])


def report_frame(analysis: Analysis) -> pd.DataFrame:
    """A row per arm: the leaderboard's columns, then more metrics, then differences to the best and the baseline."""
    rows: list[Row] = []
    published = _published(analysis.board)
    for arm in analysis.board.arms:
        row = _arm_row(analysis.board, arm, analysis.replication, published)
        if arm.n:
            row |= {"tied_with_best": arm.name in analysis.tied, "pareto": arm.name in analysis.pareto}
            for metric in FROM_PREDICTIONS:
                row |= {f"{metric.name}_mean": arm.metrics[metric].mean, f"{metric.name}_sd": arm.metrics[metric].sd}
            for to, estimates in (("to_best", analysis.to_best), ("to_baseline", analysis.to_baseline)):
                for metric, estimate in estimates.get(arm.name, {}).items():
                    row |= _estimate(f"{analysis.board.key(metric)}_{to}", estimate)
        rows.append(row)
    return make_frame(rows, ["arm"])


def effects_frame(analysis: Analysis) -> pd.DataFrame | None:
    """A row per main effect, interaction and part of a combination; None where there is none."""
    if analysis.effects is None:
        return None
    rows: list[Row] = []
    for kind, label, estimates in _effects(analysis.effects):
        row: dict[str, object] = {"kind": kind, "effect": label}
        for metric, estimate in estimates.items():
            row |= _estimate(analysis.board.key(metric), estimate)
        rows.append(row)
    return make_frame(rows, ["kind", "effect"])


def search_frame(search: Search, log: Log) -> pd.DataFrame:
    """A row per candidate, best first, with its value of each parameter; missing where it has none."""
    names = ["candidate", "state", "epochs", "val_balanced_accuracy", "val_icv"]
    names += ["test_balanced_accuracy", "test_icv", "job", *(parameter.name for parameter in search.parameters)]
    rows: list[Row] = []
    for rank, candidate in enumerate(log.ranked(), start=1):
        row: dict[str, object] = {
            "rank": rank if candidate.val else None,
            "candidate": candidate.number,
            "state": state(candidate),
            "epochs": len(candidate.curve),
            "job": candidate.job,
        }
        for split, score in (("val", candidate.val), ("test", candidate.test)):
            if score is not None:
                row |= {f"{split}_{metric}": value for metric, value in score}
        rows.append(row | values_of(search, candidate))
    return make_frame(rows, ["rank"], names)


def to_csv(frame: pd.DataFrame) -> str:
    """Numbers in full precision, empty where there is none; each text on a line, and no formula to a spreadsheet."""
    plain = frame.reset_index()
    for name in plain.select_dtypes(["object", "str"]).columns:
        plain[name] = [_csv_text(value) if isinstance(value, str) else value for value in plain[name]]
    return plain.to_csv(index=False, lineterminator="\n")


def to_parquet(frame: pd.DataFrame) -> bytes:
    """The frame with its types and index, as ``pandas.read_parquet`` gives it back."""
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def make_frame(rows: Sequence[Row], index: Sequence[str], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return rows as a frame with typed columns; missing where a row has no value.

    Args:
        rows: values by column.
        index: the columns that make the index.
        columns: those that come first; others follow as they appear.
    """
    names = dict.fromkeys([*index, *columns, *(key for row in rows for key in row)])
    frame = pd.DataFrame({name: _column([row.get(name) for row in rows]) for name in names})
    return frame.set_index(list(index))


def _column(values: Sequence[object]) -> pd.Series:
    known = pd.api.types.infer_dtype(values, skipna=True)
    missing = any(value is None for value in values)
    return pd.Series(values, dtype=_WITH_MISSING.get(known) if missing else None)


def _csv_text(text: str) -> str:
    line = one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def _published(board: Leaderboard) -> frozenset[Metric]:
    """The metrics of which something was published."""
    arms = [arm for arm in board.arms if arm.published is not None]
    return frozenset(metric for metric in board.metrics if any(arm.published_value(metric) is not None for arm in arms))


def _arm_row(
    board: Leaderboard, arm: Arm, replication: Replication | None, published: Collection[Metric]
) -> dict[str, object]:
    row: dict[str, object] = {"arm": arm.name, "rank": arm.rank, "n": arm.n, "n_planned": arm.n_planned}
    for metric in board.metrics:
        key, summary = board.key(metric), arm.metrics[metric]
        row[f"{key}_mean"], row[f"{key}_sd"] = summary.mean, summary.sd
        if metric in published:
            row[f"{key}_published"] = arm.published_value(metric)
            difference = replication.of(arm.name, metric) if replication else None
            row |= _estimate(f"{key}_minus_published", difference.estimate if difference else None, ("low", "high"))
    return row


def _estimate(
    name: str, estimate: Estimate | None, keys: Sequence[str] = ("low", "high", "p", "p_holm", "n")
) -> dict[str, object]:
    values = {key: getattr(estimate, key, None) for key in ("value", *keys)}
    return {name if key == "value" else f"{name}_{key}": value for key, value in values.items()}


def _effects(effects: Effects) -> Iterator[tuple[str, str, Estimates]]:
    for kind, group in (("main", effects.main), ("interaction", effects.pairs)):
        yield from ((kind, effect.label, effect.estimates) for effect in group)
    for whole in effects.combinations:
        yield "synergy", whole.label, whole.synergy
        yield from (("together", f"{whole.label} over {part.label}", part.gain) for part in whole.subsets[1:])

"""Numbers as rows, and these as CSV: a row per trial, arm, effect or candidate; ``frames.py`` makes frames of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from raysat.formatting import one_line, to_csv
from raysat.metrics.catalog import FROM_PREDICTIONS, Metric
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.effects import Effects
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.replication import Replication
from raysat.reporting.format.search import state
from raysat.search.load import Search
from raysat.search.log import Log, values_of

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Values by column, row by row; a row without a column, or with None there, has no value."""

    index: tuple[str, ...]  # the columns that name a row
    columns: tuple[str, ...] = ()  # those that come next; others follow as they appear
    rows: Sequence[Row]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in order."""
        return tuple(dict.fromkeys([*self.index, *self.columns, *(key for row in self.rows for key in row)]))


def trials_rows(board: Leaderboard) -> Rows:
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
    return Rows(index=("arm", "seed"), columns=tuple(metrics), rows=rows)


def leaderboard_rows(board: Leaderboard, replication: Replication | None = None) -> Rows:
    """A row per arm, best first: mean and sd of each metric, and what was published beside them."""
    published = _published(board)
    rows = [_arm_row(board, arm, replication, published) for arm in board.arms]
    return Rows(index=("arm",), columns=("rank", "n", "n_planned"), rows=rows)


def report_rows(analysis: Analysis) -> Rows:
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
    return Rows(index=("arm",), rows=rows)


def planned_rows(analysis: Analysis) -> Rows | None:
    """A row per planned contrast: its difference and tests, and what holds over all looks; None where none is."""
    if (planned := analysis.planned) is None:
        return None
    rows: list[Row] = []
    decisions = {} if planned.looked is None else {each.contrast: each for each in planned.looked.decisions}
    by_name = {(each.arm, each.to, each.metric): decision for each, decision in decisions.items()}
    for each in planned.differences:
        row: dict[str, object] = {"arm": each.arm, "to": each.to, "metric": analysis.board.key(each.metric)}
        if each.estimate is not None:
            row |= {name: getattr(each.estimate, name) for name in ("value", "low", "high", "p", "p_holm", "n")}
        if (decision := by_name.get((each.arm, each.to, analysis.board.key(each.metric)))) is not None:
            row |= {f"{name}_over_looks": getattr(decision, name) for name in ("value", "low", "high", "p", "p_holm")}
            row |= {"decided_at": decision.decided_at, "looks": len(planned.looked.seeds) if planned.looked else None}
        rows.append(row)
    return Rows(index=("arm", "to", "metric"), rows=rows)


def tuned_rows(analysis: Analysis) -> Rows | None:
    """A row per arm as tuned and as written: ranks, means and the paired change; None where none was tuned."""
    if analysis.tuned is None:
        return None
    rows: list[Row] = []
    for each in analysis.tuned.arms:
        entry = each.entry
        row: dict[str, object] = {"arm": each.arm, "rank": each.rank, "rank_as_written": each.written_rank}
        row |= {"trials": entry.tried, "failed": entry.failed, "stopped": entry.stopped}
        row |= {"chosen": ", ".join(entry.settings) or "as written"}
        for name, estimates in (("", each.mean), ("_as_written", each.written_mean), ("_change", each.change)):
            for metric, estimate in estimates.items():
                row |= _estimate(f"{analysis.board.key(metric)}{name}", estimate)
        rows.append(row)
    return Rows(index=("arm",), rows=rows)


def effects_rows(analysis: Analysis) -> Rows | None:
    """A row per main effect, interaction and part of a combination; None where there is none."""
    if analysis.effects is None:
        return None
    rows: list[Row] = []
    for kind, label, estimates in _effects(analysis.effects):
        row: dict[str, object] = {"kind": kind, "effect": label}
        for metric, estimate in estimates.items():
            row |= _estimate(analysis.board.key(metric), estimate)
        rows.append(row)
    return Rows(index=("kind", "effect"), rows=rows)


def search_rows(search: Search, log: Log) -> Rows:
    """A row per candidate, best first, with its value of each parameter; missing where it has none."""
    columns = ("candidate", "state", "epochs", "val_balanced_accuracy", "val_icv", "test_balanced_accuracy")
    parameters = (parameter.name for parameter in search.parameters)
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
    return Rows(index=("rank",), columns=(*columns, "test_icv", "job", *parameters), rows=rows)


def rows_csv(rows: Rows) -> str:
    """Numbers in full precision, empty where there is none; each text on a line, and no formula to a spreadsheet."""
    plain = [{name: _csv_value(value) for name, value in row.items()} for row in rows.rows]
    return to_csv(plain, rows.names)


def _csv_value(value: object) -> object:
    if isinstance(value, str):
        line = one_line(value)
        return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
    return None if isinstance(value, float) and math.isnan(value) else value


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

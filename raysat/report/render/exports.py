"""Numbers for programs: CSV with a row per arm, effect or candidate; JSON with all that is known; tables as frames."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from raysat import __version__
from raysat.formatting import one_line, to_csv
from raysat.metrics.catalog import AUROC, AVERAGE_PRECISION, FROM_PREDICTIONS, PRECISION, RECALL
from raysat.report.analysis.analyze import Analysis
from raysat.report.analysis.combination import Combination
from raysat.report.analysis.effects import Effect, Effects
from raysat.report.analysis.estimate import Estimate
from raysat.report.analysis.model import Arm, Leaderboard, MetricSummary
from raysat.report.analysis.paired import Estimates
from raysat.report.analysis.replication import Replication
from raysat.report.format.search import state
from raysat.report.format.table import Table
from raysat.search.load import Search
from raysat.search.log import Log, values_of


def to_frame(table: Table) -> Any:
    """Return a ``pandas.DataFrame`` with a row per row and a column per heading; a missing number is NaN.

    Pandas is imported here, as few need it and it takes half a second.
    """
    import pandas as pd  # noqa: PLC0415

    columns = {
        heading.label: [row[k].text if heading.words else row[k].value for row in table.lines]
        for k, heading in enumerate(table.headings)
    }
    return pd.DataFrame(columns)


def leaderboard_csv(board: Leaderboard, replication: Replication | None = None) -> str:
    """One row per arm, numbers in full precision, empty where there is none; a name cannot start a formula."""
    return to_csv([_arm_row(board, arm, replication) for arm in board.arms], ["arm", "rank", "n", "n_planned"])


def report_csv(analysis: Analysis) -> str:
    """One row per arm: the leaderboard's columns, then more metrics, then differences to the best and the baseline."""
    rows = []
    for arm in analysis.board.arms:
        row = _arm_row(analysis.board, arm, analysis.replication)
        if arm.n:
            row |= {"tied_with_best": arm.name in analysis.tied, "pareto": arm.name in analysis.pareto}
            for metric in FROM_PREDICTIONS:
                row |= {f"{metric.name}_mean": arm.metrics[metric].mean, f"{metric.name}_sd": arm.metrics[metric].sd}
            for to, estimates in (("to_best", analysis.to_best), ("to_baseline", analysis.to_baseline)):
                for metric, estimate in estimates.get(arm.name, {}).items():
                    row |= _estimate_row(f"{analysis.board.key(metric)}_{to}", estimate)
        rows.append(row)
    return to_csv(rows)


def effects_csv(analysis: Analysis) -> str | None:
    """One row per main effect, interaction and part of a combination; None where there is none."""
    if analysis.effects is None:
        return None
    rows = []
    for kind, label, estimates in _effect_rows(analysis.effects):
        row: dict[str, object] = {"kind": kind, "effect": _csv_text(label)}
        for metric, estimate in estimates.items():
            row |= _estimate_row(analysis.board.key(metric), estimate)
        rows.append(row)
    return to_csv(rows)


def search_csv(search: Search, log: Log) -> str:
    """Every candidate, best first, with its value of each parameter; empty where it has none."""
    names = ["rank", "candidate", "state", "epochs", "val_balanced_accuracy", "val_icv"]
    names += ["test_balanced_accuracy", "test_icv", "job", *(parameter.name for parameter in search.parameters)]
    rows = []
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
    return to_csv(rows, names)


def leaderboard_json(board: Leaderboard, replication: Replication | None = None) -> str:
    """Per arm the mean, sd and each seed's value of every metric, and every trial without a result."""
    return _json(_board(board, replication))


def report_json(analysis: Analysis) -> str:
    """Everything that a report says."""
    board, cost = analysis.board, analysis.cost
    value = _board(board, analysis.replication)
    for arm, row in zip(board.arms, value["arms"], strict=True):
        if arm.name in analysis.means:
            row |= {
                "tied_with_best": arm.name in analysis.tied,
                "pareto": arm.name in analysis.pareto,
                "interval": _estimates(board, analysis.means[arm.name]),
                "to_best": _estimates(board, analysis.to_best.get(arm.name, {})),
                "to_baseline": _estimates(board, analysis.to_baseline.get(arm.name, {})),
                "auroc": _by_class(board, arm.by_class(AUROC)),
                "average_precision": _by_class(board, arm.by_class(AVERAGE_PRECISION)),
                "confusion": analysis.predictions.confusion_of(arm.name).tolist(),
                "cost": cost.arms[arm.name],
            }
    value |= {
        "rank_by": analysis.rank_by.name,
        "best": analysis.best,
        "baseline": analysis.baseline,
        "draws": analysis.n_resamples,
        "effects": None if analysis.effects is None else _effects(board, analysis.effects),
        "cost": {
            **_fields(cost, "images", "seconds"),
            "planned": None if cost.planned is None else {"alone": cost.planned[0], "shared": cost.planned[1]},
            **_fields(cost, "hardware", "versions"),
        },
        "findings_of_the_paper": _paper(analysis.replication) if analysis.replication else [],
        "runs": [_fields(run, "study", "command", "text") for run in analysis.runs],
        "generators": [generator.record.model_dump(mode="json", exclude={"data"}) for generator in analysis.generators],
    }
    return _json(value)


def _csv_text(text: str) -> str:
    """A text on one line that no spreadsheet takes for a formula."""
    line = one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, allow_nan=False, default=asdict) + "\n"


def _arm_row(board: Leaderboard, arm: Arm, replication: Replication | None) -> dict[str, object]:
    row: dict[str, object] = {"arm": _csv_text(arm.name), "rank": arm.rank, "n": arm.n, "n_planned": arm.n_planned}
    for metric in board.metrics:
        key, summary = board.key(metric), arm.metrics[metric]
        row[f"{key}_mean"], row[f"{key}_sd"] = summary.mean, summary.sd
        if any(other.published_value(metric) is not None for other in board.arms):
            row[f"{key}_published"] = arm.published_value(metric)
            difference = replication.of(arm.name, metric) if replication else None
            row |= _estimate_row(f"{key}_minus_published", difference.estimate if difference else None, ("low", "high"))
    return row


def _estimate_row(
    name: str, estimate: Estimate | None, keys: Sequence[str] = ("low", "high", "p", "p_holm", "n")
) -> dict[str, object]:
    values = {key: getattr(estimate, key, None) for key in ("value", *keys)}
    return {name if key == "value" else f"{name}_{key}": value for key, value in values.items()}


def _effect_rows(effects: Effects) -> Iterator[tuple[str, str, Estimates]]:
    for kind, group in (("main", effects.main), ("interaction", effects.pairs)):
        yield from ((kind, effect.label, effect.estimates) for effect in group)
    for whole in effects.combinations:
        yield "synergy", whole.label, whole.synergy
        yield from (("together", f"{whole.label} over {part.label}", part.gain) for part in whole.subsets[1:])


def _board(board: Leaderboard, replication: Replication | None) -> dict[str, Any]:
    return {
        "study": board.study,
        "raysat": __version__,
        "data": {"name": board.data, "fingerprint": board.fingerprint},
        "reported": board.reported,
        "classes": board.classes,
        "n_test": board.n_test,
        "n_per_class": None if board.support is None else dict(zip(board.classes, board.support, strict=True)),
        "reference": None if board.reference is None else board.reference.model_dump(exclude={"rows", "findings"}),
        "arms": [_arm(board, arm, replication) for arm in board.arms],
    }


def _arm(board: Leaderboard, arm: Arm, replication: Replication | None) -> dict[str, Any]:
    differences = replication.differences if replication else ()
    return {
        "name": arm.name,
        "rank": arm.rank,
        "short_of_seeds": arm.short,
        **_fields(arm, "n", "n_planned", "seeds"),
        **{metric.name: _summary(summary) for metric, summary in arm.metrics.items() if metric.class_index is None},
        "recall": _by_class(board, arm.by_class(RECALL)),
        "precision": _by_class(board, arm.by_class(PRECISION)),
        **_fields(arm, "failed", "missing"),
        "published": None if arm.published is None else arm.published.model_dump(exclude={"arm"}),
        "minus_published": {
            board.key(difference.metric): _fields(difference.estimate, "value", "low", "high", "n")
            for difference in differences
            if difference.arm.name == arm.name
        },
    }


def _fields(model: object, *names: str) -> dict[str, Any]:
    return {name: getattr(model, name) for name in names}


def _summary(summary: MetricSummary) -> dict[str, Any]:
    return {"mean": summary.mean, "sd": summary.sd, "values": summary.values}


def _by_class(board: Leaderboard, summaries: Sequence[MetricSummary]) -> dict[str, Any]:
    return dict(zip(board.classes, map(_summary, summaries), strict=True))


def _estimates(board: Leaderboard, estimates: Estimates) -> dict[str, Estimate]:
    return {board.key(metric): estimate for metric, estimate in estimates.items()}


def _effects(board: Leaderboard, effects: Effects) -> dict[str, Any]:
    return {
        "balanced": effects.design.balanced,
        "arms": effects.design.arms,
        "factors": [_fields(factor, "name", "levels") for factor in effects.design.factors],
        "seeds": effects.seeds,
        "main": [_effect(board, effect) for effect in effects.main],
        "interactions": [_effect(board, effect) for effect in effects.pairs],
        "together": [_combination(board, combination) for combination in effects.combinations],
        "shares_of_balanced_accuracy": effects.components,
    }


def _effect(board: Leaderboard, effect: Effect) -> dict[str, Any]:
    return {**_fields(effect, "factors", "levels", "first"), "estimates": _estimates(board, effect.estimates)}


def _combination(board: Leaderboard, whole: Combination) -> dict[str, Any]:
    parts = [
        {"label": part.label, "mean": _estimates(board, part.mean), "whole_over_it": _estimates(board, part.gain)}
        for part in whole.subsets
    ]
    asked = {"label": whole.label, "asked": whole.preplanned, "over": whole.n_contexts}
    return {**asked, "synergy": _estimates(board, whole.synergy), "subsets": parts}


def _paper(replication: Replication) -> list[dict[str, Any]]:
    findings = []
    for replicated in replication.findings:
        answers = [
            {
                **answer.comparison.model_dump(),
                "published": answer.published,
                "ours": answer.estimate,
                "verdict": answer.verdict,
            }
            for answer in replicated.answers
        ]
        finding = {"key": replicated.finding.key, "text": replicated.finding.text}
        findings.append({**finding, "verdict": replicated.verdict, "comparisons": answers})
    return findings

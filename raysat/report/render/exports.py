"""Numbers for programs: CSV with a row per arm, effect or candidate; JSON with everything that is known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

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
from raysat.search.load import Search
from raysat.search.log import Log, values_of

_ESTIMATE_FIELDS: Final = ("low", "high", "p", "p_holm", "n")


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
            for metric, summary in arm.metrics.items():
                if metric in FROM_PREDICTIONS:
                    row |= {f"{metric.name}_mean": summary.mean, f"{metric.name}_sd": summary.sd}
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
                row |= {f"{split}_balanced_accuracy": score.balanced_accuracy, f"{split}_icv": score.icv}
        rows.append(row | values_of(search, candidate))
    return to_csv(rows, names)


def leaderboard_json(board: Leaderboard, replication: Replication | None = None) -> str:
    """Per arm the mean, sd and each seed's value of every metric, and every trial without a result."""
    return _json(_board(board, replication))


def report_json(analysis: Analysis) -> str:
    """Everything that a report says."""
    value = _board(analysis.board, analysis.replication)
    arms = {arm.name: arm for arm in analysis.ranked}
    for arm in value["arms"]:
        name = arm["name"]
        if name not in analysis.means:
            continue
        arm |= {
            "tied_with_best": name in analysis.tied,
            "pareto": name in analysis.pareto,
            "interval": _estimates(analysis, analysis.means[name]),
            "to_best": _estimates(analysis, analysis.to_best.get(name, {})),
            "to_baseline": _estimates(analysis, analysis.to_baseline.get(name, {})),
            "auroc": _by_class(analysis.board, arms[name].by_class(AUROC)),
            "average_precision": _by_class(analysis.board, arms[name].by_class(AVERAGE_PRECISION)),
            "confusion": analysis.predictions.confusion_of(name).tolist(),
            "cost": asdict(analysis.cost.arms[name]),
        }
    cost = analysis.cost
    value |= {
        "rank_by": analysis.rank_by.name,
        "best": analysis.best,
        "baseline": analysis.baseline,
        "draws": analysis.n_resamples,
        "effects": None if analysis.effects is None else _effects(analysis, analysis.effects),
        "cost": {
            "images": cost.images,
            "seconds": cost.seconds,
            "planned": None if cost.planned is None else {"alone": cost.planned[0], "shared": cost.planned[1]},
            "hardware": list(cost.hardware),
            "versions": list(cost.versions),
        },
        "findings_of_the_paper": _paper(analysis.replication) if analysis.replication else [],
        "runs": [{"study": run.study, "command": run.command, "text": run.text} for run in analysis.runs],
        "generators": [each.record.model_dump(mode="json", exclude={"data"}) for each in analysis.generators],
    }
    return _json(value)


def _csv_text(text: str) -> str:
    """A text on one line that no spreadsheet takes for a formula."""
    line = one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def _arm_row(board: Leaderboard, arm: Arm, replication: Replication | None) -> dict[str, object]:
    row: dict[str, object] = {"arm": _csv_text(arm.name), "rank": arm.rank, "n": arm.n, "n_planned": arm.n_planned}
    for metric in board.metrics:
        key, summary = board.key(metric), arm.metrics[metric]
        row[f"{key}_mean"], row[f"{key}_sd"] = summary.mean, summary.sd
        if any(other.published_value(metric) is not None for other in board.arms):
            row[f"{key}_published"] = arm.published_value(metric)
            beside = replication.of(arm.name, metric) if replication else None
            for end in ("value", "low", "high"):
                name = f"{key}_minus_published" + ("" if end == "value" else f"_{end}")
                row[name] = getattr(beside.estimate, end) if beside else None
    return row


def _estimate_row(name: str, estimate: Estimate) -> dict[str, object]:
    return {name: estimate.value} | {f"{name}_{key}": getattr(estimate, key) for key in _ESTIMATE_FIELDS}


def _effect_rows(effects: Effects) -> Iterator[tuple[str, str, Estimates]]:
    for kind, group in (("main", effects.main), ("interaction", effects.pairs)):
        yield from ((kind, effect.label, effect.estimates) for effect in group)
    for whole in effects.combinations:
        yield "synergy", whole.label, whole.synergy
        yield from (("together", f"{whole.label} over {part.label}", part.gain) for part in whole.subsets[1:])


def _board(board: Leaderboard, replication: Replication | None) -> dict[str, Any]:
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
        "arms": [_arm(board, arm, replication) for arm in board.arms],
    }


def _arm(board: Leaderboard, arm: Arm, replication: Replication | None) -> dict[str, Any]:
    return {
        "name": arm.name,
        "rank": arm.rank,
        "short_of_seeds": arm.short,
        "n": arm.n,
        "n_planned": arm.n_planned,
        "seeds": list(arm.seeds),
        **{metric.name: _summary(summary) for metric, summary in arm.metrics.items() if metric.class_index is None},
        "recall": _by_class(board, arm.by_class(RECALL)),
        "precision": _by_class(board, arm.by_class(PRECISION)),
        "failed": [{"seed": trial.seed, "error": trial.error} for trial in arm.failed],
        "missing": list(arm.missing),
        "published": None if arm.published is None else arm.published.model_dump(exclude={"arm"}),
        "minus_published": {
            board.key(each.metric): {key: getattr(each.estimate, key) for key in ("value", "low", "high", "n")}
            for each in (replication.differences if replication else ())
            if each.arm.name == arm.name
        },
    }


def _summary(summary: MetricSummary) -> dict[str, Any]:
    return {"mean": summary.mean, "sd": summary.sd, "values": list(summary.values)}


def _by_class(board: Leaderboard, summaries: Sequence[MetricSummary]) -> dict[str, Any]:
    return {name: _summary(summary) for name, summary in zip(board.classes, summaries, strict=True)}


def _estimates(analysis: Analysis, estimates: Estimates) -> dict[str, Any]:
    return {analysis.board.key(metric): asdict(estimate) for metric, estimate in estimates.items()}


def _effects(analysis: Analysis, effects: Effects) -> dict[str, Any]:
    def effect(each: Effect) -> dict[str, Any]:
        names = {"factors": list(each.factors), "levels": list(each.levels), "first": list(each.first)}
        return {**names, "estimates": _estimates(analysis, each.estimates)}

    def combination(each: Combination) -> dict[str, Any]:
        parts = [
            {
                "label": part.label,
                "mean": _estimates(analysis, part.mean),
                "whole_over_it": _estimates(analysis, part.gain),
            }
            for part in each.subsets
        ]
        synergy = _estimates(analysis, each.synergy)
        return {
            "label": each.label,
            "asked": each.preplanned,
            "over": each.n_contexts,
            "synergy": synergy,
            "subsets": parts,
        }

    return {
        "balanced": effects.design.balanced,
        "arms": list(effects.design.arms),
        "factors": [{"name": f.name, "levels": list(f.levels)} for f in effects.design.factors],
        "seeds": list(effects.seeds),
        "main": [effect(each) for each in effects.main],
        "interactions": [effect(each) for each in effects.pairs],
        "together": [combination(each) for each in effects.combinations],
        "shares_of_balanced_accuracy": [asdict(share) for share in effects.components],
    }


def _paper(replication: Replication) -> list[dict[str, Any]]:
    return [
        {
            "key": each.finding.key,
            "text": each.finding.text,
            "verdict": each.verdict,
            "comparisons": [
                {
                    **answer.comparison.model_dump(),
                    "published": answer.published,
                    "ours": None if answer.estimate is None else asdict(answer.estimate),
                    "verdict": answer.verdict,
                }
                for answer in each.answers
            ],
        }
        for each in replication.findings
    ]

"""A leaderboard and a report as documents for programs: all that is known, under the keys of ``raysat.documents``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raysat import __version__
from raysat.documents.base import document_json
from raysat.documents.leaderboard import LeaderboardDocument
from raysat.documents.report import ReportDocument
from raysat.metrics.catalog import AUROC, AVERAGE_PRECISION, PRECISION, RECALL
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.benchmarks import BenchmarkComparison
from raysat.reporting.analysis.changes import Changes, ClassPair
from raysat.reporting.analysis.combination import Combination
from raysat.reporting.analysis.effects import Effect, Effects
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.importance import ArmImportance
from raysat.reporting.analysis.model import Arm, Leaderboard, MetricSummary
from raysat.reporting.analysis.near import PlacesFound
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.planned import Planned
from raysat.reporting.analysis.replication import Replication
from raysat.reporting.analysis.tuned import TunedAndWritten
from raysat.reporting.render.later import later_values


def leaderboard_json(board: Leaderboard, replication: Replication | None = None) -> str:
    """Per arm the mean, sd and each seed's value of every metric, and every trial without a result."""
    return document_json(LeaderboardDocument.model_validate(_board(board, replication)))


def report_json(analysis: Analysis) -> str:
    """Everything that a report says: ``report.json``, and what ``raysat report --json`` prints."""
    return document_json(report_document(analysis))


def report_document(analysis: Analysis) -> ReportDocument:
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
        "benchmark": _benchmark(analysis.benchmark) if analysis.benchmark else None,
        "changes": None if analysis.explained is None else _changes(board, analysis.explained.changes),
        "importance": [_importance(arm) for arm in analysis.importance],
        "runs": [_fields(run, "study", "command", "text") for run in analysis.runs],
        "later": later_values(board, analysis.later),
        "generators": [generator.record.model_dump(mode="json", exclude={"data"}) for generator in analysis.generators],
        "planned": None if analysis.planned is None else _planned(board, analysis.planned),
        "tuned": None if analysis.tuned is None else [_tuned(board, arm) for arm in analysis.tuned.arms],
        "places": None if analysis.places is None else _places(board, analysis.places),
    }
    return ReportDocument.model_validate(value)


def _places(board: Leaderboard, found: PlacesFound) -> dict[str, Any]:
    groups, near, by_distance = found.groups, found.near, found.correlogram
    return {
        "resampled": "groups" if found.resampled else "patches",
        "groups": None if groups is None else {"n": len(groups), **groups.grouping.model_dump(mode="json")},
        "classes_in_one_group": [board.classes[k] for k in found.lone],
        "near": None if near is None else {"metres": near.limit, "within": near.within, "of": len(near.apart)},
        "correlation_of_errors": None
        if by_distance is None
        else {
            "arm": by_distance.arm,
            "patches": by_distance.patches,
            **{name: getattr(by_distance, name).tolist() for name in ("metres", "pairs", "correlation", "low", "high")},
        },
    }


def _planned(board: Leaderboard, planned: Planned) -> dict[str, Any]:
    looked = planned.looked
    return {
        "contrasts": [
            {**_fields(each, "arm", "to"), "metric": board.key(each.metric), "difference": each.estimate}
            for each in planned.differences
        ],
        "looks": None
        if looked is None
        else {
            "seeds": looked.seeds,
            "planned_seeds": looked.sizes,
            "contrasts": [
                each.contrast.model_dump() | _fields(each, "value", "low", "high", "pairs", "p", "p_holm", "decided_at")
                for each in looked.decisions
            ],
        },
    }


def _tuned(board: Leaderboard, arm: TunedAndWritten) -> dict[str, Any]:
    estimates = {"mean": arm.mean, "mean_as_written": arm.written_mean, "change": arm.change}
    return {
        **_fields(arm, "arm", "rank"),
        "rank_as_written": arm.written_rank,
        "trials": arm.entry.tried,
        **_fields(arm.entry, "failed", "stopped", "chosen", "settings"),
        "val": arm.entry.val,
        "val_as_written": arm.entry.written_val,
        **{name: {board.key(metric): each for metric, each in of.items()} for name, of in estimates.items()},
    }


def _benchmark(compared: BenchmarkComparison) -> dict[str, Any]:
    benchmark = compared.benchmark
    return {
        **benchmark.model_dump(mode="json", exclude={"references", "rows"}),
        "published": [row.model_dump(mode="json") for row in benchmark.rows],
        "patches_here": compared.patches,
        "same_classes": compared.same_classes,
        "same_split_sizes": compared.same_splits,
    }


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
        "published": None if arm.published is None else arm.published.model_dump(mode="json", exclude={"arm"}),
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


def _changes(board: Leaderboard, changes: Changes) -> dict[str, Any]:
    """How many patches of each class an arm newly gets right and wrong, and of each class pair."""

    def pairs(found: Sequence[ClassPair]) -> list[dict[str, Any]]:
        names = board.classes
        return [{"class": names[pair.true], "taken_for": names[pair.wrong], "n": len(pair.rows)} for pair in found]

    return {
        **_fields(changes, "arm", "baseline", "seeds"),
        "by_class": dict(zip(board.classes, changes.by_class, strict=True)),
        "newly_right": pairs(changes.right),
        "newly_wrong": pairs(changes.wrong),
    }


def _importance(arm: ArmImportance) -> dict[str, Any]:
    return {**_fields(arm, "arm", "seeds", "repeats"), "losses": arm.losses}


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

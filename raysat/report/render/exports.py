"""A report for programs: CSV with a row per arm and per effect, JSON with everything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from raysat.report.analysis.bootstrap import of_class
from raysat.report.analysis.collect import METRICS
from raysat.report.analysis.effects import Effect, Effects, Together
from raysat.report.analysis.findings import Estimates, Findings
from raysat.report.analysis.paired import Estimate
from raysat.report.render.tables import as_csv, csv_row, csv_text, describe


def to_csv(findings: Findings) -> str:
    """One row per arm: the leaderboard's columns, then more metrics, then differences to the best and the baseline."""
    board, rows = findings.board, []
    for arm in board.arms:
        row = csv_row(board, arm, findings.replication)
        if arm.n:
            row |= {"tied_with_best": arm.name in findings.tied, "pareto": arm.name in findings.pareto}
            for name, summary in arm.metrics.items():
                if name not in METRICS:
                    row |= {f"{name}_mean": summary.mean, f"{name}_sd": summary.sd}
            for what, compared in (("to_best", findings.to_best), ("to_baseline", findings.to_baseline)):
                for measure, estimate in compared.get(arm.name, {}).items():
                    row |= _columns(f"{_named(findings, measure)}_{what}", estimate)
        rows.append(row)
    return as_csv(rows)


def effects_csv(findings: Findings) -> str | None:
    """One row per main effect, interaction and part of a combination; None where there is none."""
    if findings.effects is None:
        return None
    rows = []
    for kind, effect, estimates in _lines(findings.effects):
        row: dict[str, object] = {"kind": kind, "effect": csv_text(effect)}
        for measure, estimate in estimates.items():
            row |= _columns(_named(findings, measure), estimate)
        rows.append(row)
    return as_csv(rows)


def to_json(findings: Findings) -> str:
    """Everything that a report says, as JSON."""
    value = describe(findings.board, findings.replication)
    for arm in value["arms"]:
        name = arm["name"]
        if name not in findings.means:
            continue
        arm |= {
            "tied_with_best": name in findings.tied,
            "pareto": name in findings.pareto,
            "interval": _estimates(findings, findings.means[name]),
            "to_best": _estimates(findings, findings.to_best.get(name, {})),
            "to_baseline": _estimates(findings, findings.to_baseline.get(name, {})),
            "auroc": _by_class(findings, findings.cells.auroc(name)),
            "average_precision": _by_class(findings, findings.cells.average_precision(name)),
            "confusion": findings.cells.confusion[list(findings.cells.seeds[name].values())].sum(axis=0).tolist(),
            "cost": asdict(findings.cost.arms[name]),
        }
    cost = findings.cost
    value |= {
        "rank_by": findings.rank_by,
        "best": findings.best,
        "baseline": findings.baseline,
        "draws": findings.draws,
        "effects": None if findings.effects is None else _effects(findings, findings.effects),
        "cost": {
            "images": cost.images,
            "seconds": cost.seconds,
            "planned": None if cost.planned is None else {"alone": cost.planned[0], "shared": cost.planned[1]},
            "hardware": list(cost.hardware),
            "versions": list(cost.versions),
        },
        "findings_of_the_paper": _replicated(findings),
        "runs": [{"study": run.study, "command": run.command, "text": run.text} for run in findings.runs],
        "generators": [each.record.model_dump(mode="json", exclude={"data"}) for each in findings.generators],
    }
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def _replicated(findings: Findings) -> list[dict[str, Any]]:
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
        for each in (findings.replication.findings if findings.replication else ())
    ]


def _named(findings: Findings, measure: str) -> str:
    """A measure's name in files: recalls by class, ``recall_forest``."""
    own = of_class(measure)
    return measure if own is None else f"{own[0]}_{findings.board.classes[own[1]]}"


def _columns(name: str, estimate: Estimate) -> dict[str, object]:
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_p": estimate.p,
        f"{name}_p_holm": estimate.p_holm,
        f"{name}_n": estimate.n,
    }


def _lines(effects: Effects) -> Iterator[tuple[str, str, Estimates]]:
    for kind, group in (("main", effects.main), ("interaction", effects.pairs)):
        for effect in group:
            yield kind, effect.label, effect.estimates
    for found in effects.together:
        yield "synergy", found.label, found.synergy
        for part in found.subsets[1:]:
            yield "together", f"{found.label} over {part.label}", part.gain


def _estimates(findings: Findings, estimates: Estimates) -> dict[str, Any]:
    return {_named(findings, measure): asdict(estimate) for measure, estimate in estimates.items()}


def _by_class(findings: Findings, summaries: Any) -> dict[str, Any]:
    pairs = zip(findings.board.classes, summaries, strict=True)
    return {name: {"mean": summary.mean, "sd": summary.sd, "values": list(summary.values)} for name, summary in pairs}


def _effects(findings: Findings, effects: Effects) -> Mapping[str, Any]:
    def effect(each: Effect) -> dict[str, Any]:
        own = {"factors": list(each.factors), "levels": list(each.levels), "first": list(each.first)}
        return {**own, "estimates": _estimates(findings, each.estimates)}

    def together(each: Together) -> dict[str, Any]:
        parts = [
            {
                "label": part.label,
                "mean": _estimates(findings, part.mean),
                "whole_over_it": _estimates(findings, part.gain),
            }
            for part in each.subsets
        ]
        synergy = _estimates(findings, each.synergy)
        return {"label": each.label, "asked": each.asked, "over": each.over, "synergy": synergy, "subsets": parts}

    return {
        "balanced": effects.design.balanced,
        "arms": list(effects.design.arms),
        "factors": [{"name": f.name, "levels": list(f.levels)} for f in effects.design.factors],
        "seeds": list(effects.seeds),
        "main": [effect(each) for each in effects.main],
        "interactions": [effect(each) for each in effects.pairs],
        "together": [together(each) for each in effects.together],
        "shares_of_balanced_accuracy": [asdict(share) for share in effects.shares],
    }

"""What was evaluated after training, as plain values for JSON."""

from __future__ import annotations

from typing import Any

from raysat.reporting.analysis.calibrated import Calibrated, CalibratedArm
from raysat.reporting.analysis.elsewhere import Elsewhere
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.later import Later
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.robustness import Robustness, UnderCorruption


def later_values(board: Leaderboard, later: Later) -> dict[str, Any]:
    """Return robustness, calibration and other data by name; None of what was not evaluated.

    Args:
        board: whose classes.
        later: what was found.
    """
    return {
        "robustness": None if later.robustness is None else _robustness(later.robustness),
        "calibration": None if later.calibrated is None else _calibrated(board, later.calibrated),
        "elsewhere": list(map(_elsewhere, later.elsewhere)),
    }


def _robustness(found: Robustness) -> dict[str, Any]:
    return {
        "patches": found.patches,
        "draws": found.n_resamples,
        "baseline": found.baseline,
        "severities": found.severities,
        "all": {arm: _named(drop) for arm, drop in found.overall.items()},
        "mce": found.mce,
        "relative_mce": found.relative_mce,
        "corruptions": {
            name: {arm: _under(under) for arm, under in of_arm.items()} for name, of_arm in found.under.items()
        },
    }


def _under(under: UnderCorruption) -> dict[str, Any]:
    return {
        "seeds": under.seeds,
        "by_severity": {str(severity): _named(values) for severity, values in under.by_severity.items()},
        "mean": _named(under.mean),
        "minus_clean": _named(under.drop),
        "gain": _named(under.gain),
        "gain_clean": _named(under.clean_gain),
        "gain_change": _named(under.gain_change),
    }


def _calibrated(board: Leaderboard, found: Calibrated) -> dict[str, Any]:
    return {
        "fitted_to": found.fitted_to,
        "patches": found.patches,
        "halves_of_val": found.halved,
        "arms": {name: _calibrated_arm(board, arm) for name, arm in found.arms.items()},
    }


def _calibrated_arm(board: Leaderboard, arm: CalibratedArm) -> dict[str, Any]:
    return {
        "seeds": arm.seeds,
        "temperatures": arm.temperatures,
        "ece": {"before": arm.ece[0], "after": arm.ece[1]},
        "nll": {"before": arm.nll[0], "after": arm.nll[1]},
        "aurc": arm.aurc,
        "coverage": dict(zip(board.classes, arm.coverage, strict=False)),
        "classes_in_a_set": arm.size,
    }


def _elsewhere(found: Elsewhere) -> dict[str, Any]:
    return {
        "store": found.store,
        "split": found.split,
        "patches": found.patches,
        "baseline": found.baseline,
        "arms": {
            arm: {
                "mean": _named(mean),
                "minus_here": _named(found.drop.get(arm, {})),
                "gain": _named(found.gain.get(arm, {})),
            }
            for arm, mean in found.mean.items()
        },
    }


def _named(estimates: Estimates) -> dict[str, Estimate]:
    return {metric.name: estimate for metric, estimate in estimates.items()}

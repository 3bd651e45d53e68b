"""Every number of what was evaluated after training as a row: what it is of, its value, its interval and its n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from raysat.metrics.catalog import BALANCED_ACCURACY, RECALL
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.calibrated import Calibrated
from raysat.reporting.analysis.elsewhere import Elsewhere
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.importance import rarest
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.robustness import Robustness
from raysat.reporting.render.rows import Row, Rows

_INDEX = ("evaluation", "condition", "arm", "metric", "quantity")
_COLUMNS = ("value", "low", "high", "n", "patches")
_ALL = "all"  # corruptions together


def evaluation_rows(analysis: Analysis) -> Rows:
    """Return a row per number, by evaluation, condition, arm, metric and quantity.

    An evaluation is ``corruption``, ``temperature``, ``data`` or ``importance``. A condition is a corruption, one with
    its severity (``haze-3``), ``all`` corruptions, ``before`` or ``after`` a temperature, a store with its split, or
    the bands that are permuted. A quantity is the ``value``, that ``minus_clean`` or ``minus_here``, a ``gain`` over
    the baseline, or what is ``lost``. ``n`` counts seeds.
    """
    board, later = analysis.board, analysis.later
    rows: list[Row] = []
    if later.robustness is not None:
        rows += _robustness(board, later.robustness)
    if later.calibrated is not None:
        rows += _calibrated(board, later.calibrated)
    for found in later.elsewhere:
        rows += _elsewhere(board, found)
    return Rows(index=_INDEX, columns=_COLUMNS, rows=[*rows, *_importance(analysis)])


def _robustness(board: Leaderboard, found: Robustness) -> Iterator[Row]:
    def row(condition: str, arm: str, metric: str, quantity: str, estimate: Estimate) -> Row:
        return _row("corruption", condition, arm, metric, quantity, estimate, found.patches)

    def rows(condition: str, arm: str, quantities: Mapping[str, Estimates]) -> Iterator[Row]:
        for quantity, estimates in quantities.items():
            for metric, estimate in estimates.items():
                yield row(condition, arm, board.key(metric), quantity, estimate)

    for name, arms in found.under.items():
        for arm, under in arms.items():
            for severity, estimates in under.by_severity.items():
                yield from rows(f"{name}-{severity}", arm, {"value": estimates})
            yield from rows(
                name,
                arm,
                {
                    "value": under.mean,
                    "minus_clean": under.drop,
                    "gain": under.gain,
                    "gain_clean": under.clean_gain,
                    "gain_change": under.gain_change,
                },
            )
    for arm, drop in found.overall.items():
        yield from rows(_ALL, arm, {"minus_clean": drop})
    for metric, ratios in (("mce", found.mce), ("relative_mce", found.relative_mce)):
        for arm, estimate in ratios.items():
            yield row(_ALL, arm, metric, "value", estimate)


def _calibrated(board: Leaderboard, found: Calibrated) -> Iterator[Row]:
    for arm, each in found.arms.items():
        numbers = [
            ("before", "ece", each.ece[0]),
            ("after", "ece", each.ece[1]),
            ("before", "nll", each.nll[0]),
            ("after", "nll", each.nll[1]),
            ("after", "aurc", each.aurc),
            ("after", "classes_in_a_set", each.size),
            *(
                ("after", f"coverage_{name}", covered)
                for name, covered in zip(board.classes, each.coverage, strict=False)
                if covered is not None
            ),
        ]
        for condition, metric, estimate in numbers:
            yield _row("temperature", condition, arm, metric, "value", estimate, found.patches)


def _elsewhere(board: Leaderboard, found: Elsewhere) -> Iterator[Row]:
    condition = f"{found.store}, {found.split}"
    for quantity, arms in (("value", found.mean), ("minus_here", found.drop), ("gain", found.gain)):
        for arm, estimates in arms.items():
            for metric, estimate in estimates.items():
                yield _row("data", condition, arm, board.key(metric), quantity, estimate, found.patches)


def _importance(analysis: Analysis) -> Iterator[Row]:
    board = analysis.board
    label = rarest(board)
    for arm in analysis.importance:
        for loss in arm.losses:
            numbers = [(BALANCED_ACCURACY, loss.balanced_accuracy)]
            numbers += [] if label is None else [(RECALL.of_class(label), loss.rare_recall)]
            for metric, estimate in numbers:
                yield _row("importance", loss.name, arm.arm, board.key(metric), "lost", estimate, board.n_test)


def _row(
    evaluation: str, condition: str, arm: str, metric: str, quantity: str, estimate: Estimate, patches: int | None
) -> Row:
    names = dict(zip(_INDEX, (evaluation, condition, arm, metric, quantity), strict=True))
    return {
        **names,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "patches": patches,
    }

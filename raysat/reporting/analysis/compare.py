"""Two runs of the same arms, apart by data, code, machine or settings: what changed, arm by arm, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from raysat.config.diff import flatten, label
from raysat.errors import UsageError
from raysat.files import AnyPath
from raysat.formatting import one_line
from raysat.metrics.catalog import BALANCED_ACCURACY, Metric
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.cost import Cost, cost_of
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap, unpaired_difference
from raysat.reporting.analysis.predictions import TrialPredictions, read_predictions
from raysat.reporting.analysis.significance import corrected
from raysat.storage.ledger import Ledger

_A, _B = "A: ", "B: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An arm in both runs."""

    arm: str
    estimates: Estimates  # B minus A; empty where the runs have no seed of it in common
    balanced_accuracy: tuple[float, float]  # mean of A, of B; over the seeds in common where they are paired
    seeds: tuple[int, int]  # finished, of A and of B
    pairs: int | None  # of seeds; None where nothing pairs the runs
    settings: tuple[str, ...]  # ``optim.lr: 0.001 → 0.01``
    identical: bool  # the same predictions, patch by patch, for every seed in common

    @property
    def n(self) -> str:
        """Pairs, or seeds of each run where nothing pairs them."""
        return f"{self.seeds[0]} and {self.seeds[1]}" if self.pairs is None else str(self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Run B against run A."""

    runs: tuple[str, str]  # the folders of A and B
    paired: bool  # by seeds and test patches; else the two are independent
    board: Leaderboard  # of A
    differs: tuple[tuple[str, str, str], ...]  # what, in A, in B
    changes: tuple[Change, ...]  # in the order of A's ranking
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare(run_a: AnyPath, run_b: AnyPath) -> Comparison:
    """Compare two runs, arm by arm; arms are the same by name.

    On the same test set differences are paired by seed and patch, and tested; else the runs are independent samples.

    Raises:
        StorageError: a folder is not a run, or its records are damaged.
        UsageError: a run has nothing finished, or no finished arm is in both.
    """
    a, b = (collect(Ledger.open(run)) for run in (run_a, run_b))
    for board, run in ((a, run_a), (b, run_b)):
        if not board.finished:
            raise UsageError(f"{run} has no finished trial to compare", hint="{raysat ablate} trains them")
    names_b = {arm.name for arm in b.ranked}
    both = [arm.name for arm in a.ranked if arm.name in names_b]
    if not both:
        raise UsageError(
            f"{run_a} and {run_b} have no finished arm in common",
            hint=f"A has {_some(a)}; B has {_some(b)}; arms are compared by name",
        )
    paired = a.fingerprint is not None
    paired = paired and (a.fingerprint, a.classes, a.reported) == (b.fingerprint, b.classes, b.reported)
    estimates, predictions_a, predictions_b = _paired(a, b, both) if paired else _independent(a, b, both)
    arms_a, arms_b = ({arm.name: arm for arm in board.arms} for board in (a, b))
    changes = []
    for name, change in zip(both, corrected(estimates), strict=True):
        arm_a, arm_b = arms_a[name], arms_b[name]
        pairs = next(iter(change.values())).n if change else 0
        changes.append(
            Change(
                arm=name,
                estimates=change,
                balanced_accuracy=_means(arm_a, arm_b, paired=paired),
                seeds=(arm_a.n, arm_b.n),
                pairs=pairs if paired else None,
                settings=tuple(_settings(arm_a, arm_b)),
                identical=paired and bool(change) and _identical(predictions_a, predictions_b, name),
            )
        )
    costs = cost_of(a, predictions_a), cost_of(b, predictions_b)
    return Comparison(
        runs=(str(run_a), str(run_b)),
        paired=paired,
        board=a,
        differs=tuple(_differences((a, b), costs)),
        changes=tuple(changes),
        only_a=tuple(arm.name for arm in a.ranked if arm.name not in both),
        only_b=tuple(arm.name for arm in b.ranked if arm.name not in both),
    )


Compared = tuple[list[dict[Metric, Estimate]], TrialPredictions, TrialPredictions]


def _paired(a: Leaderboard, b: Leaderboard, both: list[str]) -> Compared:
    """Both runs as one set of trials on the same patches, each arm under its run's letter."""
    arms = [
        replace(arm, name=prefix + arm.name)
        for board, prefix in ((a, _A), (b, _B))
        for arm in board.arms
        if arm.name in both
    ]
    predictions = read_predictions(replace(a, arms=tuple(arms)))
    bootstrap = PairedBootstrap(predictions)
    estimates = [bootstrap.difference(Contrast.mean([_B + name]) - Contrast.mean([_A + name])) for name in both]
    return estimates, _side(predictions, _A), _side(predictions, _B)


def _side(predictions: TrialPredictions, prefix: str) -> TrialPredictions:
    rows = {arm.removeprefix(prefix): rows for arm, rows in predictions.rows.items() if arm.startswith(prefix)}
    return replace(predictions, rows=rows)


def _independent(a: Leaderboard, b: Leaderboard, both: list[str]) -> Compared:
    predictions_a, predictions_b = read_predictions(a), read_predictions(b)
    bootstrap_a, bootstrap_b = PairedBootstrap(predictions_a), PairedBootstrap(predictions_b, seed=1)
    estimates = []
    for name in both:
        difference = unpaired_difference(bootstrap_a, bootstrap_b, name)
        if a.classes != b.classes:
            difference = {metric: value for metric, value in difference.items() if metric.class_index is None}
        estimates.append(difference)
    return estimates, predictions_a, predictions_b


def _identical(a: TrialPredictions, b: TrialPredictions, arm: str) -> bool:
    rows_a, rows_b = a.rows[arm], b.rows[arm]
    return all(
        np.array_equal(a.predicted[rows_a[seed]], b.predicted[rows_b[seed]]) for seed in set(rows_a) & set(rows_b)
    )


def _means(a: Arm, b: Arm, *, paired: bool) -> tuple[float, float]:
    common = set(a.seeds) & set(b.seeds) if paired else set()
    means = []
    for arm in (a, b):
        values = zip(arm.seeds, arm.metrics[BALANCED_ACCURACY].values, strict=True)
        means.append(fmean([value for seed, value in values if seed in common or not common]))
    return means[0], means[1]


def _settings(a: Arm, b: Arm) -> Iterator[str]:
    """Settings of an arm that are not the same in both runs."""
    specs = [flatten(arm.settings()) for arm in (a, b)]
    for key in dict.fromkeys([*specs[0], *specs[1]]):
        in_a, in_b = (label(spec[key]) if key in spec else "absent" for spec in specs)
        if in_a != in_b:
            yield f"{key}: {in_a} → {in_b}"


def _differences(boards: tuple[Leaderboard, Leaderboard], costs: tuple[Cost, Cost]) -> Iterator[tuple[str, str, str]]:
    """What the runs as wholes differ in."""

    def support(board: Leaderboard) -> str:
        counts = zip(board.classes, board.support or (), strict=False)
        return ", ".join(f"{one_line(name)} {count}" for name, count in counts)

    def seeds(board: Leaderboard) -> str:
        return ", ".join(map(str, sorted({seed for arm in board.arms for seed in arm.seeds})))

    rows = [
        ("study", *(board.study for board in boards)),
        ("data", *(board.data for board in boards)),
        ("fingerprint", *(str(board.fingerprint) for board in boards)),
        ("split", *(board.reported for board in boards)),
        ("test patches", *map(support, boards)),
        ("seeds", *map(seeds, boards)),
        ("hardware", *("; ".join(cost.hardware) for cost in costs)),
    ]
    versions: list[dict[str, list[str]]] = [{}, {}]
    for packages, cost in zip(versions, costs, strict=True):
        for text in cost.versions:
            package, _, version = text.rpartition(" ")
            packages.setdefault(package, []).append(version)
    for package in dict.fromkeys([*versions[0], *versions[1]]):
        rows.append((package, *(", ".join(packages.get(package, ["absent"])) for packages in versions)))
    yield from ((what, in_a, in_b) for what, in_a, in_b in rows if in_a != in_b)


def _some(board: Leaderboard) -> str:
    names = [one_line(arm.name) for arm in board.ranked]
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")

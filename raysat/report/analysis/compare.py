"""Two runs of the same arms, apart by data, code, machine or settings: what changed, arm by arm, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from raysat.config.diff import flatten, label
from raysat.errors import UsageError
from raysat.report.analysis.bootstrap import of_class
from raysat.report.analysis.collect import Arm, Leaderboard, collect, one_line
from raysat.report.analysis.cost import Cost, cost_of
from raysat.report.analysis.findings import Estimates
from raysat.report.analysis.paired import Blocks, apart, corrected
from raysat.report.analysis.predictions import Cells, read_cells
from raysat.storage.ledger import Ledger

_A, _B = "A: ", "B: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An arm in both runs."""

    arm: str
    estimates: Estimates  # B minus A; empty where the runs have no seed of it in common
    balanced_accuracy: tuple[float, float]  # mean of A, of B; over the seeds in common where they are paired
    n: str  # pairs, or seeds of each run where nothing pairs them
    settings: tuple[str, ...]  # ``optim.lr: 0.001 → 0.01``
    identical: bool  # the same predictions, patch by patch, for every seed in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Run B against run A."""

    runs: tuple[str, str]  # the folders of A and B
    paired: bool  # by seeds and test patches; else the two are independent
    classes: tuple[str, ...]  # of A
    differs: tuple[tuple[str, str, str], ...]  # what, in A, in B
    changes: tuple[Change, ...]  # in the order of A's ranking
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare(run_a: Path, run_b: Path) -> Comparison:
    """Compare two runs, arm by arm; arms are the same by name.

    On the same test set differences are paired by seed and patch, and tested; else the runs are independent samples.

    Raises:
        LedgerError: a folder is not a run, or its records are damaged.
        UsageError: a run has nothing finished, or no finished arm is in both.
    """
    a, b = (collect(Ledger.open(run)) for run in (run_a, run_b))
    for board, run in ((a, run_a), (b, run_b)):
        if not board.finished:
            raise UsageError(f"{run} has no finished trial to compare", hint="raysat ablate trains them")
    names_b = {arm.name for arm in b.arms if arm.n}
    both = [arm.name for arm in a.arms if arm.n and arm.name in names_b]
    if not both:
        raise UsageError(
            f"{run_a} and {run_b} have no finished arm in common",
            hint=f"A has {_some(a)}; B has {_some(b)}; arms are compared by name",
        )
    paired = a.fingerprint is not None
    paired = paired and (a.fingerprint, a.classes, a.reported) == (b.fingerprint, b.classes, b.reported)
    estimates, cells_a, cells_b = _paired(a, b, both) if paired else _independent(a, b, both)
    arms_a, arms_b = ({arm.name: arm for arm in board.arms} for board in (a, b))
    changes = []
    for name, each in zip(both, corrected(estimates), strict=True):
        one, other = arms_a[name], arms_b[name]
        pairs = next(iter(each.values())).n if each else 0
        changes.append(
            Change(
                arm=name,
                estimates=each,
                balanced_accuracy=_means(one, other, paired=paired),
                n=str(pairs) if paired else f"{one.n} and {other.n}",
                settings=tuple(_settings(one, other)),
                identical=paired and bool(each) and _identical(cells_a, cells_b, name),
            )
        )
    costs = cost_of(a, cells_a), cost_of(b, cells_b)
    return Comparison(
        runs=(str(run_a), str(run_b)),
        paired=paired,
        classes=a.classes,
        differs=tuple(_differences((a, b), costs)),
        changes=tuple(changes),
        only_a=tuple(arm.name for arm in a.arms if arm.n and arm.name not in both),
        only_b=tuple(arm.name for arm in b.arms if arm.n and arm.name not in both),
    )


def _paired(a: Leaderboard, b: Leaderboard, both: list[str]) -> tuple[list[dict[str, Any]], Cells, Cells]:
    """Both runs as one set of cells on the same patches, each arm under its run's letter."""
    arms = [
        replace(arm, name=prefix + arm.name)
        for board, prefix in ((a, _A), (b, _B))
        for arm in board.arms
        if arm.name in both
    ]
    cells = read_cells(replace(a, arms=tuple(arms)))
    blocks = Blocks(cells)
    estimates = [blocks.estimates({_B + name: 1.0, _A + name: -1.0}) for name in both]
    return estimates, _side(cells, _A), _side(cells, _B)


def _side(cells: Cells, prefix: str) -> Cells:
    own = {arm.removeprefix(prefix): rows for arm, rows in cells.seeds.items() if arm.startswith(prefix)}
    return replace(cells, seeds=own)


def _independent(a: Leaderboard, b: Leaderboard, both: list[str]) -> tuple[list[dict[str, Any]], Cells, Cells]:
    cells_a, cells_b = read_cells(a), read_cells(b)
    blocks_a, blocks_b = Blocks(cells_a), Blocks(cells_b, seed=1)
    same_classes = a.classes == b.classes
    estimates = []
    for name in both:
        each = apart(blocks_a, blocks_b, name, name)
        estimates.append({key: value for key, value in each.items() if same_classes or of_class(key) is None})
    return estimates, cells_a, cells_b


def _identical(cells_a: Cells, cells_b: Cells, arm: str) -> bool:
    one, other = cells_a.seeds[arm], cells_b.seeds[arm]
    return all(
        np.array_equal(cells_a.predicted[one[seed]], cells_b.predicted[other[seed]]) for seed in set(one) & set(other)
    )


def _means(one: Arm, other: Arm, *, paired: bool) -> tuple[float, float]:
    common = set(one.seeds) & set(other.seeds)
    means = []
    for arm in (one, other):
        values = zip(arm.seeds, arm.metrics["balanced_accuracy"].values, strict=True)
        means.append(fmean([value for seed, value in values if seed in common or not (paired and common)]))
    return means[0], means[1]


def _settings(one: Arm, other: Arm) -> Iterator[str]:
    """Settings of an arm that are not the same in both runs."""
    specs = [flatten(arm.sources[0].ledger.read_spec(arm.sources[0].trial).settings) for arm in (one, other)]
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
    for found, cost in zip(versions, costs, strict=True):
        for text in cost.versions:
            package, _, version = text.rpartition(" ")
            found.setdefault(package, []).append(version)
    for package in dict.fromkeys([*versions[0], *versions[1]]):
        rows.append((package, *(", ".join(each.get(package, ["absent"])) for each in versions)))
    yield from ((what, in_a, in_b) for what, in_a, in_b in rows if in_a != in_b)


def _some(board: Leaderboard) -> str:
    names = [one_line(arm.name) for arm in board.arms if arm.n]
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")

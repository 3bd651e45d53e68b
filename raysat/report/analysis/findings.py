"""Everything a report says, computed once: the ranked arms, their comparisons, effects, curves and cost."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.errors import LedgerError, UsageError, suggest
from raysat.report.analysis.bootstrap import SINGLE
from raysat.report.analysis.collect import Arm, Leaderboard, collect
from raysat.report.analysis.cost import Cost, cost_of
from raysat.report.analysis.effects import Effects, effects
from raysat.report.analysis.factors import Design, design
from raysat.report.analysis.generators import Generator, read_generators
from raysat.report.analysis.merge import merge
from raysat.report.analysis.paired import Blocks, Estimate, corrected
from raysat.report.analysis.predictions import Cells, read_cells, with_scores
from raysat.report.analysis.ranking import RULE, pareto, rank
from raysat.report.analysis.replication import Replication, replicate
from raysat.storage.ledger import Ledger

CURVES: Final = ("balanced_accuracy", "loss")

Progress = Callable[[str, int, int], None]
Estimates = Mapping[str, Estimate]  # by measure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """An arm's learning curves on the reported split, a row per seed; (S, E)."""

    epochs: npt.NDArray[np.int64]  # (E,), 1-based
    values: Mapping[str, npt.NDArray[np.float64]]  # by the names in CURVES


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the runs that a report is of."""

    folder: Path
    study: str
    text: str  # its study.yaml
    command: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Findings:
    """A report's content. Differences are an arm minus what it is compared with; names are those of arms."""

    board: Leaderboard  # its metrics include those that only predictions give
    rank_by: str
    cells: Cells
    draws: int  # of the bootstrap
    means: Mapping[str, Estimates]  # of each arm, with interval and without test
    best: str
    baseline: str
    to_best: Mapping[str, Estimates]  # of every other arm; empty where no seed is common
    to_baseline: Mapping[str, Estimates]
    tied: frozenset[str]  # with the best, by what ranks: the interval of the difference includes zero; none where what
    # ranks is not resampled
    pareto: frozenset[str]
    design: Design
    effects: Effects | None  # None where arms differ in fewer than two factors, or have no seed in common
    curves: Mapping[str, Curve]
    cost: Cost
    generators: tuple[Generator, ...]
    replication: Replication | None  # None for a study without a reference
    runs: tuple[Run, ...]

    @property
    def ranked(self) -> tuple[Arm, ...]:
        """Arms with a finished seed, best first."""
        return tuple(arm for arm in self.board.arms if arm.n)

    @property
    def measure(self) -> str:
        """The metric whose differences come first: what ranks where that is resampled, else balanced accuracy."""
        return self.rank_by if self.rank_by in SINGLE else RULE[0]


def find(
    runs: Sequence[Path],
    *,
    baseline: str | None = None,
    rank_by: str = RULE[0],
    together: Sequence[str] = (),
    progress: Progress | None = None,
) -> Findings:
    """Read runs and work out all that a report says of them.

    Args:
        runs: folders that ``ablate`` wrote; several are merged.
        baseline: the arm that others are compared with beside the best; by default the one without any method.
        rank_by: the metric in front of the ranking rule.
        together: combinations to compare with their parts, each ``factor=level,factor=level``.
        progress: called with what is being done, how far it is, and its end.

    Raises:
        LedgerError: a folder is not a run, or its records are damaged.
        UsageError: nothing has finished, runs of different data, an unknown arm, metric, factor or level.
    """
    ledgers = [Ledger.open(run) for run in runs]
    board = merge([collect(ledger) for ledger in ledgers], [str(run) for run in runs])
    cells = read_cells(board, _part(progress, "predictions"))
    board = with_scores(board, cells)
    board = replace(board, arms=rank(board.arms, by=rank_by))
    ranked = [arm for arm in board.arms if arm.n]
    best = ranked[0].name
    plan = design(board.arms)
    names = {arm.name: arm.name for arm in ranked} | {arm.label: arm.name for arm in ranked}
    base = _baseline(ranked, plan) if baseline is None else names[_known(baseline, list(names), "finished arm")]
    asked = [_combination(text, plan) for text in together]

    blocks = Blocks(cells, progress=_part(progress, "bootstrap"))
    means = {arm.name: blocks.estimates({arm.name: 1.0}, test=False) for arm in ranked}
    to_best, to_base = (
        dict(zip(others, corrected([blocks.estimates({arm: 1.0, one: -1.0}) for arm in others]), strict=True))
        for one in (best, base)
        for others in [[arm.name for arm in ranked if arm.name != one]]
    )
    found = effects(blocks, plan, next((arm.name for arm in ranked if arm.name in plan.arms), None), asked)
    if asked and found is None:
        raise UsageError("--together: the arms have no seed in common", hint="finish the same seeds of every arm")
    tied = (arm for arm, each in to_best.items() if rank_by in each and not _apart(each[rank_by]))
    return Findings(
        board=board,
        rank_by=rank_by,
        cells=cells,
        draws=blocks.draws,
        means=means,
        best=best,
        baseline=base,
        to_best=to_best,
        to_baseline=to_base,
        tied=frozenset(tied),
        pareto=pareto(board.arms),
        design=plan,
        effects=found,
        curves={arm.name: curve for arm in ranked if (curve := _curve(arm)) is not None},
        cost=cost_of(board, cells),
        generators=read_generators(board, ledgers),
        replication=replicate(board, blocks),
        runs=tuple(_run(ledger) for ledger in ledgers),
    )


def _apart(estimate: Estimate) -> bool:
    """Whether a difference is no tie; with one seed there is no interval, and nothing is known to be tied."""
    return estimate.low is None or estimate.clear


def _baseline(arms: Sequence[Arm], plan: Design) -> str:
    """The arm of the grid without any method, if there is one; else the study's first that has finished."""
    without = plan.arm({factor.name: factor.levels[0] for factor in plan.factors}) if plan.factors else None
    return without or min(arms, key=lambda arm: arm.position).name


def _part(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done, total)


def _known(name: str, known: Sequence[str], what: str) -> str:
    if name not in known:
        listed = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise UsageError(f"no {what} is called {name!r}", hint=suggest(name, known, f"there are {listed}"))
    return name


def _combination(text: str, plan: Design) -> dict[str, str]:
    """Read ``loss=ldam,average=swa``. Raises UsageError for factors and levels that the arms do not have."""
    levels = {factor.name: factor.levels for factor in plan.factors}
    chosen: dict[str, str] = {}
    for part in re.split(r",(?![^(]*\))", text):  # a level's own commas stand in brackets: triangular(a=1, b=2)
        name, equals, level = (word.strip() for word in part.partition("="))
        if not equals:
            raise UsageError(f"--together {text}: {part!r} is not factor=level", hint="such as loss=ldam,average=swa")
        _known(name, list(levels), "factor of these arms")
        if name in chosen:
            raise UsageError(f"--together {text}: {name} is given twice", hint="give each factor one level")
        chosen[name] = _known(level, levels[name], f"level of {name}")
        if level == levels[name][0]:
            raise UsageError(
                f"--together {text}: {name}={level} is what its other levels are compared with",
                hint=f"name one of {', '.join(levels[name][1:])}",
            )
    if not 2 <= len(chosen) <= 4:
        raise UsageError(f"--together {text}: a combination is of 2 to 4 factors")
    return chosen


def _curve(arm: Arm) -> Curve | None:
    """Curves of all seeds up to the last epoch that all of them have; None where one is missing or damaged."""
    try:
        histories = [source.ledger.read_history(source.trial) for source in arm.sources]
        if not all(math.isfinite(row.get("epoch", math.nan)) for rows in histories for row in rows):
            return None
    except LedgerError:
        return None
    length = min(len(rows) for rows in histories)
    if not length or not all(name in row for rows in histories for row in rows[:length] for name in ("epoch", *CURVES)):
        return None
    return Curve(
        epochs=np.array([int(row["epoch"]) for row in histories[0][:length]]),
        values={name: np.array([[row[name] for row in rows[:length]] for rows in histories]) for name in CURVES},
    )


def _run(ledger: Ledger) -> Run:
    plan = ledger.read_plan()
    try:
        text = (ledger.root / "study.yaml").read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    return Run(folder=ledger.root, study=plan.study, text=text, command=plan.command)

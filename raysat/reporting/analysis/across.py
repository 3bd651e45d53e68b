"""The same arms on several data sets: what each gains over the baseline on each, on average, and how surely elsewhere.

Within a data set an arm minus the baseline is estimated in pairs, as in any report (``paired.py``). Data sets then
count as draws of all there could be: ``random_effects.py`` combines their differences, ``ranks.py`` their rankings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from raysat.errors import UsageError
from raysat.files import AnyPath
from raysat.formatting import one_line
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, MACRO_F1, Metric
from raysat.reporting.analysis.analyze import default_baseline, named_arm
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.factors import design
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.paired import Contrast, PairedBootstrap
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.analysis.random_effects import Pooled, pool
from raysat.reporting.analysis.ranks import MeanRanks, mean_ranks
from raysat.reporting.analysis.significance import corrected, holm
from raysat.storage.ledger import Ledger

METRICS: Final = (BALANCED_ACCURACY, ICV, MACRO_F1)  # of any classes, so that data sets can be set beside each other
_LEAST_SEEDS: Final = 2  # of an arm and the baseline in common, on each data set

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """One of the data sets."""

    name: str
    run: AnyPath
    board: Leaderboard
    means: Mapping[str, Mapping[Metric, Estimate]]  # by arm
    gains: Mapping[str, Mapping[Metric, Estimate]]  # over the baseline, by arm; Holm's p is over its arms


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What an arm gains over the baseline in one metric, over all data sets."""

    pooled: Pooled
    p_holm: float  # over the arms
    without: Mapping[str, Pooled]  # one data set left out, by its name
    ahead: int  # data sets on which it is better than the baseline
    clearly_ahead: int  # of these, with an interval that leaves zero out
    clearly_behind: int

    @property
    def estimate(self) -> Estimate:
        """The mean over data sets as tables and figures show one; ``n`` counts data sets."""
        of = self.pooled
        return Estimate(value=of.value, low=of.low, high=of.high, n=of.n, p=of.p, p_holm=self.p_holm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """The same arms on several data sets."""

    study: str
    baseline: str
    arms: tuple[str, ...]  # on all data sets, the best mean rank first
    labels: Mapping[str, str]  # what people read, by arm
    data_sets: tuple[DataSet, ...]
    gains: Mapping[str, Mapping[Metric, Gain]]  # by arm but the baseline
    ranks: Mapping[Metric, MeanRanks]
    left_out: tuple[str, ...]  # arms that are not on all of them, or not with two seeds

    @property
    def folds(self) -> tuple[str, ...]:
        """Data sets that are folds of one with another of these: they share patches."""
        counts = Counter(each.board.folds_of for each in self.data_sets)
        return tuple(each.name for each in self.data_sets if each.board.folds_of and counts[each.board.folds_of] > 1)


def across(runs: Sequence[AnyPath], *, baseline: str | None = None, progress: Progress | None = None) -> Across:
    """Compare arms over the data sets of several runs.

    Args:
        runs: folders that ``ablate`` wrote, each of another data set.
        baseline: the arm that others are compared with; by default the one without any method.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        The comparison, over the arms that all runs have with two seeds.

    Raises:
        StorageError: a folder is not a run, or its records are damaged.
        UsageError: fewer than two runs, two of the same patches, arms that differ or that no other run has, an unknown
            baseline, fewer than two seeds.
    """
    if len(runs) < 2:
        raise UsageError("one data set says nothing of others", hint="name the runs of two data sets or more")
    boards = [collect(Ledger.open(run)) for run in runs]
    _check_different(boards, runs)
    finished = [{arm.name for arm in board.ranked if arm.n >= _LEAST_SEEDS} for board in boards]
    common = set.intersection(*finished)
    first = [arm for arm in boards[0].ranked if arm.name in common]
    if len(first) < 2:
        message = "these runs have fewer than two arms in common that have two seeds on each data set"
        raise UsageError(message, hint="train the same study on each: {raysat ablate}")
    _check_same_arms(boards, runs, common)
    base = default_baseline(first, design(boards[0].arms)) if baseline is None else named_arm(first, baseline)
    names = _names(boards, runs)
    data_sets = []
    for place, (board, run) in enumerate(zip(boards, runs, strict=True)):
        if progress:
            progress("data sets", place, len(runs))
        data_sets.append(_measured(names[place], run, board, [arm.name for arm in first], base))
    ranks = {metric: _ranks(data_sets, [arm.name for arm in first], metric) for metric in METRICS}
    arms = ranks[BALANCED_ACCURACY].arms
    present = {arm.name for board in boards for arm in board.arms}
    return Across(
        study=" + ".join(dict.fromkeys(board.study for board in boards)),
        baseline=base,
        arms=arms,
        labels={arm.name: arm.label for arm in first},
        data_sets=tuple(found for found, _ in data_sets),
        gains=_gains(data_sets, [arm for arm in arms if arm != base]),
        ranks=ranks,
        left_out=tuple(sorted(present - common)),
    )


Errors = Mapping[str, Mapping[Metric, float]]  # standard errors of gains, by arm


def _measured(name: str, run: AnyPath, board: Leaderboard, arms: Sequence[str], base: str) -> tuple[DataSet, Errors]:
    """What one data set says of the arms, with the standard error of each gain."""
    kept = replace(board, arms=tuple(arm for arm in board.arms if arm.name in arms))
    bootstrap = PairedBootstrap(read_predictions(kept))
    others = [arm for arm in arms if arm != base]
    contrasts = {arm: Contrast.mean([arm]) - Contrast.mean([base]) for arm in others}
    errors = {arm: bootstrap.standard_errors(contrast) for arm, contrast in contrasts.items()}
    if few := [arm for arm in others if not errors[arm]]:
        message = f"{run}: {one_line(few[0])!r} and the baseline have fewer than two seeds in common"
        raise UsageError(message, hint="finish the same seeds of every arm: {raysat ablate}")
    gains = corrected([bootstrap.difference(contrast) for contrast in contrasts.values()])
    found = DataSet(
        name=name,
        run=run,
        board=kept,
        means={arm: bootstrap.mean(Contrast.mean([arm])) for arm in arms},
        gains=dict(zip(others, gains, strict=True)),
    )
    return found, errors


def _gains(data_sets: Sequence[tuple[DataSet, Errors]], arms: Sequence[str]) -> dict[str, dict[Metric, Gain]]:
    """Combine the differences of all data sets, arm by arm and metric by metric; Holm over the arms."""
    gains: dict[str, dict[Metric, Gain]] = {arm: {} for arm in arms}
    for metric in METRICS:
        pooled = {arm: _pooled(data_sets, arm, metric) for arm in arms}
        adjusted = holm([1.0 if found.p is None else found.p for found in pooled.values()])
        for (arm, found), p in zip(pooled.items(), adjusted, strict=True):
            here = [one.gains[arm][metric] for one, _ in data_sets]
            sign = -1 if metric.lower_is_better else 1
            clear = [sign * each.value > 0 for each in here if each.excludes_zero]
            gains[arm][metric] = Gain(
                pooled=found,
                p_holm=p,
                without={
                    one.name: _pooled([other for other in data_sets if other[0] is not one], arm, metric)
                    for one, _ in data_sets
                },
                ahead=sum(sign * each.value > 0 for each in here),
                clearly_ahead=sum(clear),
                clearly_behind=len(clear) - sum(clear),
            )
    return gains


def _pooled(data_sets: Sequence[tuple[DataSet, Errors]], arm: str, metric: Metric) -> Pooled:
    effects = [one.gains[arm][metric].value for one, _ in data_sets]
    return pool(effects, [errors[arm][metric] for _, errors in data_sets])


def _ranks(data_sets: Sequence[tuple[DataSet, Errors]], arms: Sequence[str], metric: Metric) -> MeanRanks:
    values = [[one.means[arm][metric].value for arm in arms] for one, _ in data_sets]
    return mean_ranks(arms, values, lower_is_better=metric.lower_is_better)


def _check_different(boards: Sequence[Leaderboard], runs: Sequence[AnyPath]) -> None:
    """Refuse runs of the same patches: they would count as two data sets."""
    seen: dict[str, AnyPath] = {}
    for board, run in zip(boards, runs, strict=True):
        if not board.finished:
            raise UsageError(f"{run} has no finished trial", hint="{raysat ablate} trains them")
        if board.fingerprint is not None and (other := seen.setdefault(board.fingerprint, run)) is not run:
            raise UsageError(f"{other} and {run} are of the same patches", hint="{raysat report} merges such runs")


def _check_same_arms(boards: Sequence[Leaderboard], runs: Sequence[AnyPath], common: set[str]) -> None:
    """Refuse arms that are called the same and are not: each against the first run's."""
    settings = [{arm.name: arm.own_settings for arm in board.arms if arm.name in common} for board in boards]
    for own, run in zip(settings[1:], runs[1:], strict=True):
        for name, values in own.items():
            if settings[0][name] and values and settings[0][name] != values:
                ours, theirs = ("; ".join(map(one_line, found)) for found in (settings[0][name], values))
                message = f"{one_line(name)!r} is {ours} in {runs[0]}, and {theirs} in {run}"
                raise UsageError(message, hint="train the same study on each data set")


def _names(boards: Sequence[Leaderboard], runs: Sequence[AnyPath]) -> list[str]:
    """What the data sets are called: by their stores, else, where that says too little, by their runs' folders."""
    stores = [one_line(board.data.rstrip("/").rsplit("/", 1)[-1]) or "data" for board in boards]
    if max(Counter(stores).values()) == 1:
        return stores
    folders = [one_line(run.name) for run in runs]
    return folders if max(Counter(folders).values()) == 1 else [one_line(str(run)) for run in runs]

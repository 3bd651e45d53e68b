"""Everything a report says, computed once: the ranked arms, their comparisons, effects, curves and cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError
from raysat.files import AnyPath
from raysat.metrics.catalog import BALANCED_ACCURACY, FROM_CONFUSION, Metric
from raysat.reporting.analysis.benchmarks import BenchmarkComparison, compare_published
from raysat.reporting.analysis.changes import Changes, find_changes
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.combination import OPTION, check_known, parse_combination
from raysat.reporting.analysis.cost import Cost, cost_of
from raysat.reporting.analysis.curves import Curve, read_curve
from raysat.reporting.analysis.effects import Effects, estimate_effects
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.explain import Explained, explain, explained_arm
from raysat.reporting.analysis.factors import Design, design
from raysat.reporting.analysis.generators import Generator, read_generators
from raysat.reporting.analysis.importance import ArmImportance, read_importance
from raysat.reporting.analysis.later import Later, read_later
from raysat.reporting.analysis.merge import merge
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.near import PlacesFound, read_near
from raysat.reporting.analysis.needed import Needed, any_shown, needed
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.planned import Planned, corrected_apart, estimate_planned
from raysat.reporting.analysis.predictions import TrialPredictions, read_predictions, with_scores
from raysat.reporting.analysis.ranking import pareto, rank, ranking_metric
from raysat.reporting.analysis.replication import Replication, replicate
from raysat.reporting.analysis.tuned import TunedComparison, compare_tuned
from raysat.storage.ledger import Ledger

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the runs that a report is of."""

    folder: AnyPath
    study: str
    text: str  # its study.yaml
    command: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """A report's content. Differences are an arm minus what it is compared with; names are those of arms."""

    board: Leaderboard  # its metrics include those that only predictions give
    rank_by: Metric
    predictions: TrialPredictions
    n_resamples: int  # of the bootstrap
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
    later: Later  # what was evaluated of its models after their training
    runs: tuple[Run, ...]
    explained: Explained | None  # None where no other arm has a seed in common with the baseline
    importance: tuple[ArmImportance, ...]  # of arms for which that was evaluated, best first
    planned: Planned | None = None  # the contrasts that its studies planned
    tuned: TunedComparison | None = None  # with its arms as they were written, of a study that tuned them
    places: PlacesFound | None = None  # of the test patches, where the runs know any
    benchmark: BenchmarkComparison | None = None  # published results on the same data, where they are asked for

    @property
    def ranked(self) -> tuple[Arm, ...]:
        """Arms with a finished seed, best first."""
        return self.board.ranked

    @property
    def shown(self) -> bool:
        """Whether a planned difference, or one to the baseline or to the best, is significant at 5 % after Holm."""
        planned = self.planned is not None and self.planned.any_shown
        return planned or any_shown(self.metric, self.to_baseline, self.to_best)

    @property
    def needed(self) -> Needed:
        """What it takes to show a difference to the baseline."""
        return needed(self.ranked, self.baseline, self.metric)

    @property
    def metric(self) -> Metric:
        """The metric whose differences come first: what ranks where that is resampled, else balanced accuracy."""
        return self.rank_by if self.rank_by in FROM_CONFUSION else BALANCED_ACCURACY


def analyze(
    runs: Sequence[AnyPath],
    *,
    baseline: str | None = None,
    rank_by: str = BALANCED_ACCURACY.name,
    combinations: Sequence[str] = (),
    published: str | None = None,
    explained: str | None = None,
    data: PatchStore | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Read runs and return all that a report says of them.

    Args:
        runs: folders that ``ablate`` wrote; several are merged.
        baseline: the arm that others are compared with beside the best; by default the one without any method.
        rank_by: name of the metric in front of the ranking rule.
        combinations: to compare with their parts, each ``factor=level,factor=level``.
        published: a benchmark whose published results are set beside the arms; ``auto``: the one that the data are of.
        explained: the arm whose changes against the baseline are shown; by default the best other one.
        data: the store of the patches; by default where the records say.
        progress: called with what is being done, how far it is, and its end.

    Raises:
        StorageError: a folder is not a run, or its records are damaged.
        UsageError: nothing has finished, runs of different data, an unknown arm, metric, factor or level; a store
            that the runs were not measured on.
    """
    metric = ranking_metric(rank_by)
    ledgers = [Ledger.open(run) for run in runs]
    benchmark = None if published is None else compare_published(published, [each.read_plan() for each in ledgers])
    board = merge([collect(ledger) for ledger in ledgers], [str(run) for run in runs])
    predictions = read_predictions(board, _step(progress, "predictions"))
    board = with_scores(board, predictions)
    board = replace(board, arms=rank(board.arms, by=metric))
    ranked = board.ranked
    best = ranked[0].name
    plan = design(board.arms)
    base = default_baseline(ranked, plan) if baseline is None else named_arm(ranked, baseline)
    asked = None if explained is None else _explainable(ranked, explained, base)
    preplanned = [parse_combination(text, plan) for text in combinations]

    bootstrap = PairedBootstrap(predictions, progress=_step(progress, "bootstrap"))
    names = [arm.name for arm in ranked]
    means = {arm: bootstrap.mean(Contrast.mean([arm])) for arm in names}
    planned = estimate_planned(bootstrap, ledgers, board.classes)
    to_best = _compare_all(bootstrap, names, best, planned)
    best_of_design = next((arm for arm in names if arm in plan.arms), None)
    effects = estimate_effects(bootstrap, plan, best_of_design, preplanned)
    if preplanned and effects is None:
        raise UsageError(f"{OPTION}: the arms have no seed in common", hint="finish the same seeds of every arm")
    return Analysis(
        board=board,
        rank_by=metric,
        predictions=predictions,
        n_resamples=bootstrap.n_resamples,
        means=means,
        best=best,
        baseline=base,
        to_best=to_best,
        to_baseline=_compare_all(bootstrap, names, base, planned),
        tied=frozenset(arm for arm, estimates in to_best.items() if _is_tie(estimates.get(metric))),
        pareto=pareto(board.arms),
        design=plan,
        effects=effects,
        curves={arm.name: curve for arm in ranked if (curve := read_curve(arm)) is not None},
        cost=cost_of(board, predictions),
        generators=read_generators(board, ledgers),
        replication=replicate(board, bootstrap, means),
        later=read_later(board, bootstrap, base, progress),
        planned=planned,
        tuned=compare_tuned(ledgers, board, metric if metric in FROM_CONFUSION else BALANCED_ACCURACY),
        places=read_near(predictions, best),
        benchmark=benchmark,
        runs=tuple(map(_run, ledgers)),
        explained=explain(board, predictions, base, asked, data),
        importance=read_importance(board, predictions),
    )


def choose(ledger: Ledger, arms: Sequence[str] = ()) -> tuple[TrialPredictions, Changes]:
    """Compare the arm that a report of a run would explain with its baseline, without the rest of the report.

    Args:
        ledger: of the run.
        arms: of these the first that is not the baseline; by default the best one.

    Raises:
        StorageError: damaged records.
        UsageError: nothing has finished, an unknown arm, or arms that have no seed in common.
    """
    board = collect(ledger)
    predictions = read_predictions(board)
    board = replace(board, arms=rank(board.arms))
    ranked = board.ranked
    base = default_baseline(ranked, design(board.arms))
    asked = [named_arm(ranked, text) for text in arms]
    arm = explained_arm(board, base, next((name for name in asked if name != base), None))
    changes = None if arm is None else find_changes(predictions, arm, base)
    if changes is None:
        raise UsageError(f"{board.study} has no two finished arms with a seed in common", hint="finish more of it")
    return predictions, changes


def _compare_all(
    bootstrap: PairedBootstrap, arms: Sequence[str], to: str, planned: Planned | None
) -> dict[str, Estimates]:
    """Each other arm minus one of them, by name, corrected for their number; planned ones are corrected apart."""
    one = Contrast.mean([to])
    differences = {arm: bootstrap.difference(Contrast.mean([arm]) - one) for arm in arms if arm != to}
    return corrected_apart(differences, to, planned)


def _is_tie(difference: Estimate | None) -> bool:
    """Whether an interval includes zero; with one seed there is none, and nothing is known to be tied."""
    return difference is not None and difference.low is not None and not difference.excludes_zero


def default_baseline(arms: Sequence[Arm], plan: Design) -> str:
    """The arm of the grid without any method, if there is one; else the study's first that has finished."""
    without = plan.arm({factor.name: factor.levels[0] for factor in plan.factors}) if plan.factors else None
    return without or min(arms, key=lambda arm: arm.position).name


def named_arm(arms: Sequence[Arm], text: str) -> str:
    """The name of an arm that a user gave by its name or its label."""
    names = {arm.name: arm.name for arm in arms} | {arm.label: arm.name for arm in arms}
    return names[check_known(text, list(names), "finished arm")]


def _explainable(arms: Sequence[Arm], text: str, baseline: str) -> str:
    """The name of an arm that is to be explained."""
    if (name := named_arm(arms, text)) == baseline:
        raise UsageError(f"{text!r} is the baseline, which changes nothing", hint="name another arm with {--explain}")
    return name


def _step(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done, total)


def _run(ledger: Ledger) -> Run:
    plan = ledger.read_plan()
    return Run(folder=ledger.root, study=plan.study, text=ledger.read_study_text(), command=plan.command)

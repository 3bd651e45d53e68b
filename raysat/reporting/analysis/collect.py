"""Reads a run's ledger into a leaderboard: one row per arm over its seeds; failed and missing trials are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from raysat.errors import StorageError
from raysat.formatting import one_line
from raysat.metrics.catalog import FROM_CONFUSION, PRECISION, RECALL
from raysat.metrics.confusion import Metrics
from raysat.reporting.analysis import reference
from raysat.reporting.analysis.model import Arm, FailedTrial, Leaderboard, TrialSource, summarise
from raysat.reporting.analysis.ranking import rank
from raysat.reporting.analysis.reference import PublishedRow, Reference
from raysat.storage.ledger import Ledger
from raysat.storage.outcome import Outcomes, read_outcomes
from raysat.storage.plan_file import ArmEntry, PlanFile, TrialEntry
from raysat.storage.record_metrics import RecordMetrics, read_metrics


def collect(
    ledger: Ledger,
    outcomes: Outcomes | None = None,
    *,
    as_written: bool = False,
    metrics: Mapping[str, RecordMetrics | StorageError] | None = None,
) -> Leaderboard:
    """Read a run and rank its arms.

    Args:
        ledger: of the run.
        outcomes: what became of its trials, where that is known already.
        as_written: of a study that tuned its arms, as they were before.
        metrics: of all that are finished, where they were read already.

    Returns:
        The arms, best first.

    Raises:
        StorageError: the plan is damaged. A damaged record is no reason to lose the others: it counts as failed.
        UsageError: the study names published rows that do not exist.
    """
    plan = ledger.read_plan()
    if as_written:
        plan = plan.as_written()
    published = None if plan.reference is None else reference.load(plan.reference)
    found = read_outcomes(ledger, plan.trial_ids) if outcomes is None else outcomes
    read = read_metrics(ledger, found.finished) if metrics is None else metrics
    usable = _usable_metrics(read, plan, found)
    some = next((outcome for outcome in usable.values() if isinstance(outcome, Metrics)), None)
    written = {each.arm: each.trials for each in plan.tuned}
    arms = [
        replace(
            _arm(arm, usable, len(plan.classes), ledger),
            position=position,
            published=_row(published, arm, plan),
            written=_first(written.get(arm.name, ()), usable, ledger),
        )
        for position, arm in enumerate(plan.arms)
    ]
    return Leaderboard(
        study=plan.study,
        data=plan.data.name,
        fingerprint=plan.data.fingerprint,
        classes=_class_names(plan.classes),
        reported=plan.reported,
        support=None if some is None else tuple(sum(row) for row in some.confusion),
        ordinal=plan.data.ordinal,
        synthetic=plan.data.synthetic,
        folds_of=plan.data.folds_of,
        reference=published,
        arms=rank(arms),
        shared_settings=plan.settings,
        generators=tuple(job.id for job in plan.generate),
        images=None if plan.images is None else (plan.images.alone, plan.images.shared),
    )


def _first(
    trials: Iterable[TrialEntry], metrics: Mapping[str, Metrics | str | None], ledger: Ledger
) -> TrialSource | None:
    """The first of some trials that has finished."""
    finished = (trial.id for trial in trials if isinstance(metrics[trial.id], Metrics))
    return next((TrialSource(ledger=ledger, trial=trial) for trial in finished), None)


def _row(published: Reference | None, arm: ArmEntry, plan: PlanFile) -> PublishedRow | None:
    """The published row of an arm; numbers by class only where the classes are those of the publication."""
    row = None if published is None else published.row(arm.name)
    if row is None or published is None or published.classes == plan.classes:
        return row
    return row.model_copy(update={"recall": (), "precision": ()})


def _class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Class names on one line each, no two alike: they name columns and keys of files."""
    unique: list[str] = []
    for text in names:
        name = one_line(text)
        while name in unique:
            name += "'"
        unique.append(name)
    return tuple(unique)


def _usable_metrics(
    read: Mapping[str, RecordMetrics | StorageError], plan: PlanFile, found: Outcomes
) -> dict[str, Metrics | str | None]:
    """Of each trial: metrics of a finished one, why it has none, or None where it has not run."""
    usable = {trial: _usable(metrics, plan) for trial, metrics in read.items() if trial in found.finished}
    return {trial: usable.get(trial, found.unusable.get(trial)) for trial in plan.trial_ids}


def _usable(found: RecordMetrics | StorageError, plan: PlanFile) -> Metrics | str:
    """Metrics of a finished trial, or why these are not to be used."""
    if isinstance(found, StorageError):
        return found.message
    kind = found.kind
    if kind.classes != plan.classes:
        return f"its record is of other classes: {', '.join(kind.classes)}"
    if kind.reported != plan.reported:
        return f"its record reports the {kind.reported} split, not {plan.reported}"
    if plan.data.fingerprint not in (None, kind.fingerprint or plan.data.fingerprint):
        return "its record is of other data"
    return found.metrics


def _arm(planned: ArmEntry, outcomes: Mapping[str, Metrics | str | None], classes: int, ledger: Ledger) -> Arm:
    trials = [(trial, outcomes[trial.id]) for trial in planned.trials]
    finished = [(trial, outcome) for trial, outcome in trials if isinstance(outcome, Metrics)]
    failed = [(trial.seed, outcome) for trial, outcome in trials if isinstance(outcome, str)]
    by_class = [metric.of_class(k) for metric in (RECALL, PRECISION) for k in range(classes)]
    return Arm(
        name=planned.name,
        compact=planned.compact,
        own_settings=planned.settings,
        seeds=tuple(trial.seed for trial, _ in finished),
        failed=tuple(FailedTrial(seed=seed, error=one_line(error) or "no reason recorded") for seed, error in failed),
        missing=tuple(trial.seed for trial, outcome in trials if outcome is None),
        metrics={
            metric: summarise(metric.of(metrics) for _, metrics in finished) for metric in (*FROM_CONFUSION, *by_class)
        },
        in_grid=planned.grid,
        sources=tuple(TrialSource(ledger=ledger, trial=trial.id) for trial, _ in finished),
    )

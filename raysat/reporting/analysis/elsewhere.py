"""The same models on other data: another region, another year.

There arms are compared in pairs, by seed and patch, as at home. Between home and there the patches differ: a drop has
no pairs but the models, and its interval is that of independent samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.reporting.analysis.evaluations import Evaluated, pooled
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap, unpaired_difference
from raysat.storage.evaluations import OtherData
from raysat.storage.predictions import Predictions

_METRICS = (BALANCED_ACCURACY, ICV)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """All arms that were evaluated on a split of another store."""

    store: str
    split: str
    patches: int
    baseline: str
    mean: Mapping[str, Estimates]  # by arm
    drop: Mapping[str, Estimates]  # there minus at home
    gain: Mapping[str, Estimates]  # over the baseline there; of arms with a seed in common


def elsewhere(evaluated: Sequence[Evaluated], home: PairedBootstrap, baseline: str) -> tuple[Elsewhere, ...]:
    """Describe each other store that models were evaluated on.

    Args:
        evaluated: evaluations of any kind.
        home: the run's own predictions.
        baseline: the arm that others are compared with.

    Returns:
        One for each store and split.

    Raises:
        StorageError: predictions that are damaged, or of different patches.
    """
    stores: dict[str, dict[tuple[str, int], Evaluated]] = {}
    for each in evaluated:
        if isinstance(each.record.subject, OtherData):
            stores.setdefault(each.record.subject.name, {})[each.arm, each.seed] = each
    return tuple(_elsewhere(models, home, baseline) for models in stores.values())


def _elsewhere(models: Mapping[tuple[str, int], Evaluated], home: PairedBootstrap, baseline: str) -> Elsewhere:
    trials: dict[tuple[str, int], Predictions] = {model: each.predictions() for model, each in models.items()}
    there = PairedBootstrap(pooled(trials), seed=1)
    arms = list(dict.fromkeys(arm for arm, _ in models))
    first = next(iter(models.values())).record
    subject = first.subject
    assert isinstance(subject, OtherData)  # noqa: S101  (as all of them)
    compared = [arm for arm in arms if arm != baseline and there.has(baseline) and there.seeds(arm, baseline)]
    base = Contrast.mean([baseline])
    return Elsewhere(
        store=subject.store,
        split=subject.split,
        patches=first.n,
        baseline=baseline,
        mean={arm: _kept(there.mean(Contrast.mean([arm]))) for arm in arms},
        drop={arm: _kept(unpaired_difference(home, there, arm)) for arm in arms},
        gain={arm: _kept(there.difference(Contrast.mean([arm]) - base)) for arm in compared},
    )


def _kept(estimates: Estimates) -> Estimates:
    return {metric: estimates[metric] for metric in _METRICS if metric in estimates}

"""What is left of each arm's balanced accuracy and ICV under corruptions, paired by seed and patch.

A corruption's value is the mean over its severities. A drop is that minus the same models' value on the patches as they
are; a gain is over the baseline's models under the same corruption, so seeds, patches and random numbers are shared.
All corruptions get the same resamples of the patches, hence the drop over all of them is paired as well, and so are mCE
and relative mCE (``corruption_error.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from raysat.data.corruptions import CORRUPTIONS
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.reporting.analysis.bootstrap import resamples_that_fit
from raysat.reporting.analysis.corruption_error import at_least_zero, mean_ratio
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.evaluations import Evaluated, pooled
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.seed_blocks import SeedBlock, common_seeds, estimates, mean_block
from raysat.storage.evaluations import Corrupted
from raysat.storage.places import KeptPlaces
from raysat.storage.predictions import Predictions

N_RESAMPLES: Final = 1000  # there are up to fifty times as many predictions as of the run itself
_LEAST_LOSS: Final = 0.01  # of the baseline's balanced accuracy: over less, a ratio is of noise
_WIDTH: Final = 1e-6  # of an interval: less is what float32 leaves of none
_METRICS: Final = (BALANCED_ACCURACY, ICV)

Clean = Mapping[tuple[str, int], Callable[[], Predictions]]  # by arm and seed: predictions of the patches as they are
_Models = dict[tuple[str, int], dict[int, Evaluated]]  # under a corruption, by arm and seed: by severity


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderCorruption:
    """An arm under one corruption, of the seeds that were evaluated at all its severities."""

    seeds: tuple[int, ...]
    by_severity: Mapping[int, Estimates]  # without test; 0 is of the patches as they are
    mean: Estimates  # over severities but 0
    drop: Estimates  # that minus the patches as they are
    gain: Estimates  # over the baseline under this corruption; empty of itself, and where no seed is common
    clean_gain: Estimates  # the same of the patches as they are, of the same seeds
    gain_change: Estimates  # gain minus clean gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """All arms under all corruptions that were evaluated."""

    baseline: str
    severities: Mapping[str, tuple[int, ...]]  # by corruption
    under: Mapping[str, Mapping[str, UnderCorruption]]  # by corruption and arm
    overall: Mapping[str, Estimates]  # drop over all these corruptions, of arms that have them all
    mce: Mapping[str, Estimate]  # of the same arms, where the baseline has them too, with a seed in common
    relative_mce: Mapping[str, Estimate]
    incomplete: tuple[str, ...]  # arms that were evaluated, and under all these corruptions and severities with no seed
    patches: int
    n_resamples: int

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms that have some corruption."""
        return tuple(dict.fromkeys(arm for arms in self.under.values() for arm in arms))


def robustness(
    evaluated: Sequence[Evaluated],
    clean: Clean,
    baseline: str,
    progress: Callable[[int, int], None] | None = None,
    *,
    places: KeptPlaces | None = None,
) -> Robustness | None:
    """Compare arms under corruptions; None where none was evaluated.

    Args:
        evaluated: evaluations of any kind.
        clean: predictions of the patches as they are.
        baseline: the arm that others are compared with.
        progress: called with corruptions done, and all.
        places: of the patches.

    Returns:
        Every arm that has some corruption at all its severities.

    Raises:
        StorageError: predictions that are damaged, or of different patches.
    """
    found: dict[str, _Models] = {}
    for each in evaluated:
        if isinstance(subject := each.record.subject, Corrupted):
            of_model = found.setdefault(subject.corruption, {}).setdefault((each.arm, each.seed), {})
            of_model[subject.severity] = each
    if not found:
        return None
    severities = {name: _compared(found[name]) for name in CORRUPTIONS if name in found}
    n_resamples = _n_resamples(found, severities, clean)
    under, blocks, patches = {}, _Blocks(), 0
    for done, (name, wanted) in enumerate(severities.items(), start=1):
        trials = _trials(found[name], wanted, clean)
        bootstrap = PairedBootstrap(pooled(trials, places), n_resamples=n_resamples)
        arms = dict.fromkeys(arm for (arm, _), of in found[name].items() if set(wanted) <= set(of))
        under[name] = {arm: _under(bootstrap, arm, baseline, wanted) for arm in arms}
        for arm in arms:
            blocks.add(bootstrap, arm, _mean(arm, wanted), Contrast.mean([_key(arm, 0)]))
        patches = len(next(iter(trials.values())).labels)
        if progress:
            progress(done, len(severities))
    overall = blocks.overall(len(under))
    mce, relative = blocks.relative(tuple(overall), baseline)
    every = dict.fromkeys(arm for models in found.values() for arm, _ in models)
    return Robustness(
        baseline=baseline,
        severities=severities,
        under=under,
        overall=overall,
        mce=mce,
        relative_mce=relative,
        incomplete=tuple(arm for arm in every if arm not in overall),
        patches=patches,
        n_resamples=n_resamples,
    )


def _compared(models: _Models) -> tuple[int, ...]:
    """The severities at which models are compared: of the sets that models have, that with the most predictions.

    Of equals the larger set. So neither does a model that was evaluated at one severity alone leave one for all, nor
    one that was evaluated at more than the others leave these out.
    """

    def merit(wanted: Collection[int]) -> tuple[int, int, tuple[int, ...]]:
        whole = sum(set(wanted) <= set(of) for of in models.values())
        return whole * len(wanted), len(wanted), tuple(wanted)

    return max({tuple(sorted(of)) for of in models.values()}, key=merit)


def _n_resamples(found: Mapping[str, _Models], severities: Mapping[str, Sequence[int]], clean: Clean) -> int:
    """As many resamples as can be kept under every corruption: they are paired across these."""
    (model, _), *_ = next(iter(found.values())).items()
    classes = clean[model]().probabilities.shape[1]
    trials = max(len(found[name]) * (1 + len(wanted)) for name, wanted in severities.items())
    return resamples_that_fit(N_RESAMPLES, classes, trials)


def _key(arm: str, severity: int) -> str:
    """What stands for an arm at a severity among the arms that are resampled."""
    return f"{severity} {arm}"


def _mean(arm: str, severities: Sequence[int]) -> Contrast:
    return Contrast.mean([_key(arm, severity) for severity in severities])


def _trials(models: _Models, severities: Sequence[int], clean: Clean) -> dict[tuple[str, int], Predictions]:
    """Predictions of the models that have all severities, and of the patches as they are."""
    trials = {}
    for (arm, seed), by_severity in models.items():
        if set(severities) <= set(by_severity):
            trials[_key(arm, 0), seed] = clean[arm, seed]()
            for severity in severities:
                trials[_key(arm, severity), seed] = by_severity[severity].predictions()
    return trials


def _under(bootstrap: PairedBootstrap, arm: str, baseline: str, severities: Sequence[int]) -> UnderCorruption:
    mean, clean = _mean(arm, severities), Contrast.mean([_key(arm, 0)])
    nothing: Estimates = {}
    gain = clean_gain = change = nothing
    base, base_clean = _mean(baseline, severities), Contrast.mean([_key(baseline, 0)])
    if arm != baseline and bootstrap.has(*base.arms) and bootstrap.seeds(*base.arms, *mean.arms):
        gain, clean_gain = (_kept(bootstrap.difference(each)) for each in (mean - base, clean - base_clean))
        change = _kept(bootstrap.difference(mean - base - (clean - base_clean)))
    return UnderCorruption(
        seeds=bootstrap.seeds(*mean.arms),
        by_severity={s: _kept(bootstrap.mean(Contrast.mean([_key(arm, s)]))) for s in (0, *severities)},
        mean=_kept(bootstrap.mean(mean)),
        drop=_kept(bootstrap.difference(mean - clean)),
        gain=gain,
        clean_gain=clean_gain,
        gain_change=change,
    )


def _kept(of_all: Estimates) -> Estimates:
    """The estimates that are shown; without an interval where two seeds that agree by chance leave it no width."""
    shown = {metric: of_all[metric] for metric in _METRICS if metric in of_all}
    return {metric: replace(each, low=None, high=None) if _is_point(each) else each for metric, each in shown.items()}


def _is_point(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.high - estimate.low < _WIDTH


class _Blocks:
    """What each arm has under each corruption, seed by seed and resample by resample, to be added up over these."""

    def __init__(self) -> None:
        self._drops: dict[str, list[SeedBlock]] = {}  # of ``_METRICS``
        self._errors: dict[str, list[SeedBlock]] = {}  # 1 - balanced accuracy

    def add(self, bootstrap: PairedBootstrap, arm: str, under: Contrast, clean: Contrast) -> None:
        """Keep an arm under one more corruption.

        Args:
            bootstrap: of the corruption.
            arm: its name.
            under: its mean over severities.
            clean: it on the patches as they are.
        """
        drop = _block(bootstrap, under - clean)
        accuracy = _block(bootstrap, under)
        error = SeedBlock(seeds=drop.seeds, values=1 - accuracy.values[:1], resampled=1 - accuracy.resampled[:1])
        self._drops.setdefault(arm, []).append(drop)
        self._errors.setdefault(arm, []).append(error)

    def overall(self, corruptions: int) -> dict[str, Estimates]:
        """The mean drop of each arm that has so many corruptions, over the seeds that all of them have."""
        found: dict[str, Estimates] = {}
        for arm, blocks in self._drops.items():
            seeds = common_seeds(blocks)
            if len(blocks) == corruptions and seeds:
                mean = mean_block([block.at(seeds) for block in blocks])
                found[arm] = dict(zip(_METRICS, estimates(mean), strict=True))
        return found

    def relative(self, arms: Sequence[str], baseline: str) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
        """MCE and relative mCE of arms that have all corruptions; none where the baseline does not."""
        if baseline not in arms:
            return {}, {}
        mce, relative = {}, {}
        for arm in arms:
            if (errors := at_least_zero(mean_ratio(self._errors[arm], self._errors[baseline], least=0.0))) is not None:
                mce[arm] = errors
            losses = (_losses(self._drops[each]) for each in (arm, baseline))
            if (lost := mean_ratio(*losses, least=_LEAST_LOSS)) is not None:
                relative[arm] = lost
        return mce, relative


def _block(bootstrap: PairedBootstrap, contrast: Contrast) -> SeedBlock:
    """``_METRICS`` of a contrast."""
    rows, seeds = [bootstrap.metrics.index(metric) for metric in _METRICS], bootstrap.seeds(*contrast.arms)
    values, resampled = bootstrap.blocks(contrast, seeds)
    return SeedBlock(seeds=seeds, values=values[rows], resampled=resampled[rows].astype(np.float32))


def _losses(drops: Sequence[SeedBlock]) -> list[SeedBlock]:
    """What is lost of balanced accuracy."""
    return [SeedBlock(seeds=drop.seeds, values=-drop.values[:1], resampled=-drop.resampled[:1]) for drop in drops]

"""What is left of each arm's balanced accuracy and ICV under corruptions, paired by seed and patch.

A corruption's value is the mean over its severities. A drop is that minus the same models' value on the patches as they
are; a gain is over the baseline's models under the same corruption, so seeds, patches and random numbers are shared.
All corruptions get the same resamples of the patches, hence the drop over all of them is paired as well. After
Hendrycks & Dietterich 2019, eq. 1 and 2, against the baseline in place of AlexNet, with E = 1 - balanced accuracy:

    CE           sum over severities of E of the arm, over that of the baseline; mCE its mean over corruptions
    relative CE  the same of E minus E on the patches as they are; None where the baseline loses nothing
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np

from raysat.data.corruptions import CORRUPTIONS
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.reporting.analysis.estimate import Estimate, Floats, interval
from raysat.reporting.analysis.evaluations import Evaluated, pooled
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.storage.evaluations import Corrupted
from raysat.storage.predictions import Predictions

N_RESAMPLES: Final = 1000  # there are up to fifty times as many predictions as of the run itself
_LEAST_LOSS: Final = 1e-3  # of the baseline's balanced accuracy, that others are compared with
_METRICS: Final = (BALANCED_ACCURACY, ICV)

Clean = Mapping[tuple[str, int], Callable[[], Predictions]]  # by arm and seed: predictions of the patches as they are


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
    mce: Mapping[str, float]  # of the same arms, where the baseline has them too
    relative_mce: Mapping[str, float]
    patches: int
    n_resamples: int

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms that have some corruption."""
        return tuple(dict.fromkeys(arm for arms in self.under.values() for arm in arms))


def robustness(
    evaluated: Sequence[Evaluated], clean: Clean, baseline: str, progress: Callable[[int, int], None] | None = None
) -> Robustness | None:
    """Compare arms under corruptions; None where none was evaluated.

    Args:
        evaluated: evaluations of any kind.
        clean: predictions of the patches as they are.
        baseline: the arm that others are compared with.
        progress: called with corruptions done, and all.

    Returns:
        Every arm that has some corruption at all its severities.

    Raises:
        StorageError: predictions that are damaged, or of different patches.
    """
    found: dict[str, dict[tuple[str, int], dict[int, Evaluated]]] = {}
    for each in evaluated:
        if isinstance(subject := each.record.subject, Corrupted):
            of_model = found.setdefault(subject.corruption, {}).setdefault((each.arm, each.seed), {})
            of_model[subject.severity] = each
    names = [name for name in CORRUPTIONS if name in found]
    severities, under, drops = {}, {}, _Drops()
    patches = n_resamples = 0
    for done, name in enumerate(names, start=1):
        wanted = tuple(sorted({severity for model in found[name].values() for severity in model}))
        whole = {model: of for model, of in found[name].items() if len(of) == len(wanted)}
        if whole:
            trials = _trials(whole, clean)
            bootstrap = PairedBootstrap(pooled(trials), n_resamples=N_RESAMPLES)
            severities[name], arms = wanted, dict.fromkeys(arm for arm, _ in whole)
            under[name] = {arm: _under(bootstrap, arm, baseline, wanted) for arm in arms}
            drops.add(bootstrap, {arm: _mean(arm, wanted) - Contrast.mean([_key(arm, 0)]) for arm in arms})
            patches, n_resamples = len(next(iter(trials.values())).labels), bootstrap.n_resamples
        if progress:
            progress(done, len(names))
    if not under:
        return None
    overall = drops.overall(len(under))
    mce, relative = _relative(under, tuple(overall), baseline)
    return Robustness(
        baseline=baseline,
        severities=severities,
        under=under,
        overall=overall,
        mce=mce,
        relative_mce=relative,
        patches=patches,
        n_resamples=n_resamples,
    )


def _key(arm: str, severity: int) -> str:
    """What stands for an arm at a severity among the arms that are resampled."""
    return f"{severity} {arm}"


def _mean(arm: str, severities: Sequence[int]) -> Contrast:
    return Contrast.mean([_key(arm, severity) for severity in severities])


def _trials(
    whole: Mapping[tuple[str, int], Mapping[int, Evaluated]], clean: Clean
) -> dict[tuple[str, int], Predictions]:
    trials = {}
    for (arm, seed), by_severity in whole.items():
        trials[_key(arm, 0), seed] = clean[arm, seed]()
        for severity, each in sorted(by_severity.items()):
            trials[_key(arm, severity), seed] = each.predictions()
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


def _kept(estimates: Estimates) -> Estimates:
    return {metric: estimates[metric] for metric in _METRICS if metric in estimates}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """The drop of one arm under one corruption."""

    seeds: tuple[int, ...]
    values: Floats  # (M, S)
    resampled: Floats  # (M, B, S)


class _Drops:
    """The drops of each corruption, added up resample by resample."""

    def __init__(self) -> None:
        self._blocks: dict[str, list[_Block]] = {}

    def add(self, bootstrap: PairedBootstrap, contrasts: Mapping[str, Contrast]) -> None:
        """Keep the drops of arms under one more corruption, by arm."""
        rows = [bootstrap.metrics.index(metric) for metric in _METRICS]
        for arm, contrast in contrasts.items():
            seeds = bootstrap.seeds(*contrast.arms)
            values, resampled = bootstrap.blocks(contrast, seeds)
            block = _Block(seeds=seeds, values=values[rows], resampled=resampled[rows].astype(np.float32))
            self._blocks.setdefault(arm, []).append(block)

    def overall(self, corruptions: int) -> dict[str, Estimates]:
        """The mean drop of each arm that has so many corruptions, over the seeds that all of them have."""
        found: dict[str, Estimates] = {}
        for arm, blocks in self._blocks.items():
            seeds = sorted(set.intersection(*(set(block.seeds) for block in blocks)))
            if len(blocks) < corruptions or not seeds:
                continue
            columns = [[block.seeds.index(seed) for seed in seeds] for block in blocks]
            both = list(zip(blocks, columns, strict=True))
            values = np.mean([block.values[..., of] for block, of in both], axis=0)
            resampled = np.mean([block.resampled[..., of] for block, of in both], axis=0)
            low, high = interval(values, resampled)
            known = len(seeds) > 1
            found[arm] = {
                metric: Estimate(
                    value=float(values[m].mean()),
                    low=float(low[m]) if known else None,
                    high=float(high[m]) if known else None,
                    n=len(seeds),
                    p=None,
                )
                for m, metric in enumerate(_METRICS)
            }
        return found


def _relative(
    under: Mapping[str, Mapping[str, UnderCorruption]], arms: Sequence[str], baseline: str
) -> tuple[dict[str, float], dict[str, float]]:
    """MCE and relative mCE of arms that have all corruptions; none where the baseline does not."""
    if baseline not in arms:
        return {}, {}
    mce, relative = {}, {}
    for arm in arms:
        ours, base = ([of[each] for of in under.values()] for each in (arm, baseline))
        errors = [(1 - _accuracy(a.mean), 1 - _accuracy(b.mean)) for a, b in zip(ours, base, strict=True)]
        losses = [(-_accuracy(a.drop), -_accuracy(b.drop)) for a, b in zip(ours, base, strict=True)]
        if all(error > 0 for _, error in errors):
            mce[arm] = fmean(of / to for of, to in errors)
        if all(loss >= _LEAST_LOSS for _, loss in losses):
            relative[arm] = fmean(of / to for of, to in losses)
    return mce, relative


def _accuracy(estimates: Estimates) -> float:
    return estimates[BALANCED_ACCURACY].value

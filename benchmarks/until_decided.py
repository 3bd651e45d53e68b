"""How often a study that adds seeds until decided errs, and how many seeds it takes.

    python benchmarks/until_decided.py [--studies 2000]

Simulates studies of a reference and three other arms, each compared with it in balanced accuracy, on the same test
patches for all: a patch is classified right where a sum of normal effects (of the patch; of arm and patch; of arm and
seed; of all three) is above 0. Each look goes as in a run: the standard error counts seeds and the patches' own part,
of which the resamples' variances are worked out in full instead of drawn; then t, the spending of 5 %, and Holm.

Without an effect all arms are equal on patches without end, though not on those of the test set, and an error is any
contrast that is decided. With one, all three arms are better by it. Shares come with 95 % intervals (Wilson). Beside
them what plain tests at 5 %, repeated at each look and corrected by Holm, would find.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from raysat.metrics.expected_seeds import looks_p, stop
from raysat.metrics.power import LEVEL
from raysat.metrics.spending import Floats, Schedule, look_sizes

SIZES = (120, 40, 40, 24)  # patches per class
LEVELS = (1.0, 0.2, 0.5, 0.0)  # of the reference, by class
CONTRASTS = 3
BLOCK, MOST = 5, 30
SPREADS = {  # standard deviations of what an arm does by patch, by seed, and by both together
    "seeds differ": (0.05, 0.15, 0.5),
    "patches differ": (0.6, 0.1, 0.5),
}
EFFECTS = {"no": 0.0, "small": 0.08, "large": 0.3}  # shift of each other arm
_AT_ONCE = 50  # studies: bounds the memory


@dataclass(frozen=True)
class Found:
    """What became of studies of one kind."""

    seeds: float  # on average
    decided: float  # share of the contrasts
    any: int  # studies with a decided contrast
    repeated: int  # by plain tests, repeated at each look


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    sizes = look_sizes(BLOCK, MOST)
    print(f"{CONTRASTS} contrasts, looks at {', '.join(map(str, sizes))} seeds, n = {studies:,} studies each")
    print(f"{'spread':<15} {'effect':<6} {'seeds':>5} {'decided':>8}   {'studies with any':<20} repeated plain tests")
    for spread, effect, found in simulate(studies):
        row = f"{spread:<15} {effect:<6} {found.seeds:>5.1f} {100 * found.decided:>6.1f} %"
        print(f"{row}   {share(found.any, studies):<20} {share(found.repeated, studies)}")


def simulate(studies: int) -> Iterator[tuple[str, str, Found]]:
    """Each spread and effect, and what became of its studies."""
    schedule = Schedule(look_sizes(BLOCK, MOST))
    for spread, parts in SPREADS.items():
        for effect, shift in EFFECTS.items():
            yield spread, effect, follow(schedule, p_values(schedule, *parts, shift=shift, studies=studies))


def follow(schedule: Schedule, p: Floats) -> Found:
    """Follow studies whose contrasts have these p at each look, (studies, contrasts, looks)."""
    seeds, decided = stop(schedule, p)
    plain = (p * CONTRASTS).min(axis=1) <= LEVEL  # Holm's first step
    return Found(
        seeds=float(seeds.mean()),
        decided=float(decided.mean()),
        any=int(decided.any(axis=1).sum()),
        repeated=int(plain.any(axis=1).sum()),
    )


def p_values(
    schedule: Schedule, by_patch: float, by_seed: float, by_both: float, *, shift: float, studies: int
) -> Floats:
    """The p of each contrast at each look alone, (studies, contrasts, looks)."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(SIZES)), SIZES)
    levels = np.array(LEVELS, np.float32)[labels]
    shifts = np.array([0.0, *[shift] * CONTRASTS], np.float32)[:, None, None]
    found = []
    for start in range(0, studies, _AT_ONCE):
        some = min(_AT_ONCE, studies - start)
        arms, patches = CONTRASTS + 1, len(labels)

        def normal(*shape: int) -> Floats:
            return rng.standard_normal(shape, np.float32)

        of_patch = levels + normal(some, 1, 1, patches) + by_patch * normal(some, arms, 1, patches)
        of_seed = shifts + by_seed * normal(some, arms, MOST, 1)
        right = (of_patch + of_seed + by_both * normal(some, arms, MOST, patches) > 0).astype(np.float32)
        differences = right[:, 1:] - right[:, :1]  # (some, contrasts, seeds, patches)
        found.append(_looks(differences, labels, schedule))
    return np.concatenate(found)


def _looks(differences: Floats, labels: np.ndarray, schedule: Schedule) -> Floats:
    """The p at each look of (..., seeds, patches) differences of hits; balanced accuracy is the mean of the classes."""
    classes = len(SIZES)
    of_class = [differences[..., labels == k] for k in range(classes)]
    values = sum(hits.mean(axis=-1) for hits in of_class) / classes
    parts = []
    for n in schedule.sizes:
        # Over resamples: the variance of the mean over seeds, and the mean over seeds of the variance of each.
        of_mean = sum(hits[..., :n, :].mean(axis=-2).var(axis=-1, ddof=1) / hits.shape[-1] for hits in of_class)
        of_seeds = sum(hits[..., :n, :].var(axis=-1, ddof=1).mean(axis=-1) / hits.shape[-1] for hits in of_class)
        parts.append(np.maximum(0, (n * of_mean - of_seeds) / (n - 1)) / classes**2)
    return looks_p(values.astype(np.float64), schedule.sizes, np.stack(parts, axis=-1).astype(np.float64))


def share(number: int, studies: int) -> str:
    """A share with its interval."""
    ends = binomtest(number, studies).proportion_ci(0.95, method="wilson")
    return f"{100 * number / studies:.1f} % [{100 * ends.low:.1f}, {100 * ends.high:.1f}]"


if __name__ == "__main__":
    main()

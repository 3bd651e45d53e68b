"""What looks at growing seeds have decided: the test of a look, p-values and intervals that hold over all of them.

At each look a contrast's statistic is its mean over the seeds so far by a standard error that counts seeds and test
patches as the report's interval does (``estimate.py``), as Student's t with Satterthwaite's (1946) degrees of freedom:

    error^2 = patches' own part + s^2 / n,    degrees = error^4 / ((s^2 / n)^2 / (n - 1))

the patches' part being known well beside that of a few seeds. Its p, with those of the looks before, gives a p-value
that holds whenever one stops (``metrics/spending.py``); Holm corrects it for the contrasts (Ye, Li, Liu & Yao 2013).
The interval is that of the last look at its level, and so holds over all looks together (Jennison & Turnbull 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from raysat.errors import StorageError
from raysat.metrics.power import LEVEL
from raysat.metrics.spending import Schedule
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Floats, patches_part
from raysat.reporting.analysis.paired import Contrast, PairedBootstrap
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.analysis.significance import EPSILON, holm
from raysat.storage.ledger import Ledger
from raysat.storage.looks_file import Look, Looks, Seen, trials_digest
from raysat.storage.plan_file import ContrastEntry
from raysat.study.compare import known_metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What looks say of one contrast."""

    contrast: ContrastEntry
    value: float  # at the last look
    low: float | None  # of the interval that holds over all looks; None where this look allows none
    high: float | None
    pairs: int
    p: float  # that holds over all looks so far
    p_holm: float  # after Holm, over the contrasts
    decided_at: int | None  # seeds at the look that showed a difference; None for an open one

    @property
    def decided(self) -> bool:
        """Whether a difference was shown."""
        return self.decided_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was decided by the looks so far."""

    seeds: tuple[int, ...]  # at each look so far
    sizes: tuple[int, ...]  # at each look that was laid down
    decisions: tuple[Decision, ...]  # in the order of the contrasts

    @property
    def most(self) -> int:
        """Seeds at the last look that was laid down."""
        return self.sizes[-1]

    @property
    def all_decided(self) -> bool:
        """Whether no contrast is open."""
        return all(decision.decided for decision in self.decisions)

    @property
    def ended(self) -> bool:
        """Whether no further look is to be taken."""
        return self.all_decided or len(self.seeds) == len(self.sizes)


def looked_at(looks: Looks) -> Looked:
    """Work out what the looks of a run, one at least, have decided."""
    plan = schedule(looks.sizes)
    n_looks, n_contrasts = len(looks.looks), len(looks.contrasts)
    p = [[look.seen[k].p for look in looks.looks] for k in range(n_contrasts)]
    decided_at: list[int | None] = [None] * n_contrasts
    sequential: list[float] = []
    corrected: list[float] = []
    for number in range(1, n_looks + 1):
        sequential = [plan.sequential_p(of[:number]) for of in p]
        corrected = holm(sequential)
        for k in range(n_contrasts):
            if decided_at[k] is None and corrected[k] <= LEVEL:
                decided_at[k] = looks.sizes[number - 1]
    level = float(plan.levels()[n_looks - 1])
    decisions = []
    for k, contrast in enumerate(looks.contrasts):
        last = looks.looks[-1].seen[k]
        low, high = _interval(last, level)
        decisions.append(
            Decision(
                contrast=contrast,
                value=last.value,
                low=low,
                high=high,
                pairs=last.pairs,
                p=sequential[k],
                p_holm=corrected[k],
                decided_at=decided_at[k],
            )
        )
    return Looked(seeds=tuple(look.seeds for look in looks.looks), sizes=looks.sizes, decisions=tuple(decisions))


def take_look(ledger: Ledger, looks: Looks) -> Look:
    """Look at a run whose every arm has finished the seeds of the next look. Raises StorageError for damaged records.

    Args:
        ledger: of the run.
        looks: when it is looked at, and the looks so far.
    """
    plan, size = ledger.read_plan(), looks.sizes[len(looks.looks)]
    trials = trials_digest(plan, size)
    if trials is None:
        raise StorageError(f"{ledger.root / 'plan.json'} has not {size} seeds of every arm", hint="run the study again")
    bootstrap = PairedBootstrap(read_predictions(collect(ledger)))
    seeds = [trial.seed for trial in plan.arms[0].trials[:size]]
    return Look(seeds=size, trials=trials, seen=see(bootstrap, looks.contrasts, seeds, plan.classes))


@lru_cache(maxsize=8)
def schedule(sizes: tuple[int, ...]) -> Schedule:
    """The levels of looks at these numbers of seeds: worked out once, as that takes seconds."""
    return Schedule(sizes)


def see(
    bootstrap: PairedBootstrap, contrasts: Sequence[ContrastEntry], seeds: Sequence[int], classes: Sequence[str]
) -> tuple[Seen, ...]:
    """Test contrasts on some seeds, which all of their arms have finished.

    Args:
        bootstrap: of the run's trials.
        contrasts: what to test.
        seeds: two or more.
        classes: names of the classes, for metrics of one.

    Returns:
        What is seen of each, in their order.
    """
    found = []
    for contrast in contrasts:
        metric = known_metric(contrast.metric, classes)
        difference = Contrast.mean([contrast.arm]) - Contrast.mean([contrast.to])
        values, resampled = bootstrap.blocks(difference, seeds)
        m = bootstrap.metrics.index(metric)  # checked when the study was planned
        found.append(student(values[m], resampled[m]))
    return tuple(found)


def student(values: Floats, resampled: Floats) -> Seen:
    """Test the mean of paired differences, seeds and patches being random.

    Args:
        values: (S,) differences on the patches as they are, of two seeds or more.
        resampled: (B, S) the same on each resample of the patches.

    Returns:
        The test; without a spread over seeds nothing is known, and p is 1.
    """
    from scipy.special import stdtr  # noqa: PLC0415  (a fifth of a second, that most reports do without)

    n, mean = len(values), float(values.mean())
    of_seeds = float(values.var(ddof=1)) / n
    if of_seeds <= EPSILON**2:
        return Seen(value=mean, error=0.0, degrees=None, p=1.0, pairs=n)
    of_patches, _ = patches_part(resampled)
    square = of_seeds + float(of_patches)
    error, degrees = float(np.sqrt(square)), (n - 1) * (square / of_seeds) ** 2
    p = min(1.0, 2 * float(stdtr(degrees, -abs(mean) / error)))
    return Seen(value=mean, error=error, degrees=degrees, p=p, pairs=n)


def _interval(seen: Seen, level: float) -> tuple[float | None, float | None]:
    from scipy.special import stdtrit  # noqa: PLC0415  (as above)

    if seen.degrees is None or level <= 0:
        return None, None
    reach = -float(stdtrit(seen.degrees, level / 2)) * seen.error
    return seen.value - reach, seen.value + reach

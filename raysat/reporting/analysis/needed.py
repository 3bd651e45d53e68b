"""What it would take to show a difference: the spread of paired differences over seeds, and the seeds it asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import variance
from typing import Final

from raysat.metrics.catalog import Metric
from raysat.metrics.power import LEVEL
from raysat.reporting.analysis.model import Arm
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.analysis.sample_size import Spread, seeds_to_show

DIFFERENCES: Final = (0.02, 0.05)  # worth knowing of, in balanced accuracy, ICV or F1


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Seeds that comparisons with the baseline need."""

    comparisons: int  # with at least one pair of seeds
    pairs: int  # of the comparison that has most
    sd: float | None  # of paired differences, pooled over the comparisons; None where none has two pairs
    seeds: Mapping[float, int | None]  # for a difference of so much; None for too many; empty without sd


def any_shown(metric: Metric, *families: Mapping[str, Estimates]) -> bool:
    """Whether any comparison of these families is significant at 5 % after Holm in this metric."""
    compared = [estimates[metric] for family in families for estimates in family.values() if metric in estimates]
    return any(estimate.p_holm is not None and estimate.p_holm <= LEVEL for estimate in compared)


def needed(arms: Sequence[Arm], baseline: str, metric: Metric) -> Needed:
    """Work out the seeds that a difference to the baseline needs, by how differences spread over the finished seeds.

    Args:
        arms: with a finished seed; the baseline among them.
        baseline: its name.
        metric: of the differences.

    Returns:
        How the comparisons spread and how many seeds differences worth knowing of need.
    """
    values = {arm.name: dict(zip(arm.seeds, arm.metrics[metric].values, strict=True)) for arm in arms}
    base = values.pop(baseline)
    families = [[value - base[seed] for seed, value in of.items() if seed in base] for of in values.values()]
    paired = [differences for differences in families if differences]
    degrees = sum(len(differences) - 1 for differences in paired)
    squares = sum((len(differences) - 1) * variance(differences) for differences in paired if len(differences) > 1)
    sd = math.sqrt(squares / degrees) if degrees else None
    return Needed(
        comparisons=len(paired),
        pairs=max(map(len, paired), default=0),
        sd=sd,
        seeds={} if sd is None else {size: seeds_to_show(size, Spread(sd), len(paired)) for size in DIFFERENCES},
    )

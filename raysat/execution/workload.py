"""What a run is to do, by which its jobs get their part of the machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from raysat.config.schema import Config
from raysat.data.weights.about import PREFIX
from raysat.planning.build import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a run is to do.

    How many cores a job gets decides how its sums are rounded: a run that goes on must say of itself what it said
    first, with what it has done since.
    """

    jobs: int = 1  # that could run at once, if all were to be done
    networks: tuple[Config, ...] = ()  # that train, the one that trains most first
    copies: int = 1  # of patches, where trials of a GPU share them: for other bands, and with other generated ones
    shares_cores: bool = True  # of this machine among the jobs; else each has all of a node's
    threads_before: int | None = None  # of the trials that the run has finished on a CPU
    has_generators: bool = False  # which run beside trials

    @property
    def weight_files(self) -> tuple[str, ...]:
        """Files of weights that trials start from, but for torchgeo's, which each machine downloads for itself."""
        named = {config.model.weights for config in self.networks if config.model.weights is not None}
        return tuple(sorted(weights for weights in named if not weights.startswith(PREFIX)))


def planned_work(plan: Plan, *, threads_before: int | None = None) -> Workload:
    """All that a plan asks for, whether it was done before or not.

    Args:
        plan: what the study means on its store.
        threads_before: of the trials that the run has finished on a CPU.
    """
    images: Counter[tuple[Any, ...]] = Counter()
    networks: dict[tuple[Any, ...], Config] = {}
    for job in plan.train_jobs:
        config = job.trials[-1].trial.config
        images[network_of(config)] += job.samples_seen
        networks.setdefault(network_of(config), config)
    return Workload(
        jobs=len(plan.train_jobs) + len(plan.generate_jobs),
        copies=len({(trial.trial.config.data, trial.needs) for trial in plan.trials}),
        networks=tuple(networks[key] for key, _ in images.most_common()),
        threads_before=threads_before,
        has_generators=bool(plan.generate_jobs),
    )


def network_of(config: Config) -> tuple[Any, ...]:
    """What decides how long a step takes, and how much memory, near enough."""
    return config.model, config.data, config.augment, config.sharpness.kind, config.optim.batch_size

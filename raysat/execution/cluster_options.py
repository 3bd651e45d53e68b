"""How a run uses the machine or cluster; without ray, so that a command can say it before ray is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from raysat.config import limits
from raysat.config.arguments import Workers, check_fields
from raysat.config.spacing import AUTO, Spacing, read_spacing


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """How to use the machine or cluster; None lets raysat choose. Raises UsageError for what cannot be."""

    address: str | None = None  # of a cluster; None or "local" starts Ray on this machine
    workers: Workers = 1  # data-parallel, per trial
    cpus_per_trial: Annotated[float, Ge(limits.LEAST_CPUS), Le(limits.CPUS)] | None = None  # per worker
    gpus_per_trial: Annotated[float, Ge(0), Le(limits.CPUS)] | None = None  # per worker
    max_concurrent: Annotated[int, Ge(1), Le(limits.JOBS)] | None = None
    retries: Annotated[int, Ge(0), Le(limits.RETRIES)] = 1  # of a job whose worker died or raised what nobody expected
    checkpoint_every: str = AUTO  # or seconds (30s) or epochs (1epoch)
    eager: bool = False  # no CUDA graphs
    energy: bool = False  # is measured, by codecarbon
    wait: bool = False  # for another raysat that fills the same run

    def __post_init__(self) -> None:
        check_fields(self)
        read_spacing(self.checkpoint_every, "checkpoint_every")

    @property
    def spacing(self) -> Spacing:
        """What lies between two checkpoints of a trial."""
        return read_spacing(self.checkpoint_every, "checkpoint_every")


def per_worker(cpus: float, gpus: float) -> dict[str, float]:
    """Ray's resources of a worker."""
    return {"CPU": cpus} | ({"GPU": gpus} if gpus else {})

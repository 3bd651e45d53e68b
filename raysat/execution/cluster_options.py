"""How a run uses the machine or cluster; without ray, so that a command can say it before ray is imported."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """How to use the machine or cluster; None lets raysat choose."""

    address: str | None = None  # of a cluster; None or "local" starts Ray on this machine
    workers: int = 1  # data-parallel, per trial
    cpus_per_trial: float | None = None  # per worker
    gpus_per_trial: float | None = None  # per worker
    max_concurrent: int | None = None
    retries: int = 1  # of a job whose worker died or raised what nobody expected
    wait: bool = False  # for another raysat that fills the same run

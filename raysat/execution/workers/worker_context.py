"""What a worker works with: the run's settings, the queues to its slot, and its place among a job's workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from queue import Queue
from typing import Any, TypeVar

from raysat.config.spacing import Spacing
from raysat.execution.cluster_options import per_worker
from raysat.execution.messages import Message
from raysat.execution.storage.run_files import RunFiles
from raysat.execution.storage.run_storage import RunStorage
from raysat.files import AnyPath
from raysat.planning.stages import Job

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSettings:
    """What all slots of a run share."""

    storage: RunStorage
    store: AnyPath
    digest: str  # of the store, by which a copy is known
    artifacts: AnyPath  # root of the generated stores
    workers: int  # per job
    cpus: float  # per worker
    gpus: float  # per worker
    spacing: Spacing  # of checkpoints
    study: str | None  # under which metrics are exported; None where nobody collects them
    eager: bool = False  # no CUDA graphs
    energy: bool = False  # is measured
    weights: tuple[str, ...] = ()  # files that trials start from, which each node must have
    versions: Mapping[str, str] | None = None  # the driver's; None where all run on its own machine
    holders: Any = None  # the actor of ``patch_holders``; None where trials do not share patches on a GPU

    @property
    def per_worker(self) -> dict[str, float]:
        """Ray's resources of each worker."""
        return per_worker(self.cpus, self.gpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """What a worker has of its slot; the queues are Ray's where workers have processes of their own."""

    settings: SlotSettings
    storage: RunFiles  # as this worker reaches them
    inbox: Queue[Job | None]  # None ends the workers
    outbox: Queue[Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerGroup:
    """The data-parallel workers of a job, seen from one of them: here a single one."""

    is_rank_zero: bool = True  # writes and reports
    single_worker: bool = True
    node: str = ""  # Ray's name of this machine

    def broadcast(self, value: _T) -> _T:
        """Return the value of rank zero, in all workers alike: for what depends on the moment."""
        return value

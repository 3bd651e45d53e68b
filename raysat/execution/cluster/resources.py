"""What each job gets of the machines, and what a run reserves of them is given back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import ray
from ray import PlacementGroupID
from ray._common.utils import get_system_memory
from ray._private.utils import get_num_cpus
from ray.util.placement_group import NODE_ID_LABEL_KEY, PlacementGroup, placement_group_table, remove_placement_group

from raysat.errors import ClusterError
from raysat.execution.cluster.gpu_share import GpuShare
from raysat.execution.cluster_options import ClusterOptions, per_worker
from raysat.execution.workload import Workload

_ALONE: Final = Workload()  # one job
_WORKER_BYTES: Final = 2 * 10**9  # of one that trains on the CPU: 0.6 GB of libraries, the rest for its network


@contextmanager
def no_leftovers() -> Iterator[None]:
    """Free what a run has reserved and not given back: the CPUs of slots that Tune ended while they still started.

    Ray would do so when this process leaves it; a further run of the same process would wait for them.
    """
    before = _reserved()
    try:
        yield
    finally:
        for group in _reserved() - before:
            remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(group))))


def _reserved() -> set[str]:
    """Ids of this process's placement groups: the last digits of one are the job that made it."""
    job = ray.get_runtime_context().get_job_id()
    groups: dict[str, dict[str, Any]] = placement_group_table()
    return {group for group, info in groups.items() if group.endswith(job) and info["state"] != "REMOVED"}


def own_nodes() -> list[dict[str, Any]]:
    """What ``ray.nodes()`` says of a Ray that starts with the run, but with the machine's whole memory.

    What Ray takes for its memory depends on what else runs just then; ``fit`` must say the same when the run goes on.
    """
    return [node | {"Resources": node["Resources"] | _memory()} for node in ray.nodes()]


def this_machine() -> dict[str, Any]:
    """This machine as the node that it would be, where no Ray runs."""
    import torch

    gpus = {"GPU": float(torch.cuda.device_count())} if torch.cuda.is_available() else {}
    return {"Alive": True, "Resources": {"CPU": float(get_num_cpus())} | _memory() | gpus}


def _memory() -> dict[str, float]:
    return {"memory": float(get_system_memory())}


def fit(
    nodes: Sequence[dict[str, Any]],
    options: ClusterOptions,
    workload: Workload = _ALONE,
    share: GpuShare | None = None,
) -> tuple[float, float]:
    """Decide what each job gets.

    By default a worker gets a share of a GPU where there are any, with its part of the node's cores, else all cores of
    a node. Where it is known how many jobs there are, they share these cores, down to one each, as far as memory goes:
    threads of one step wait for each other, jobs do not (docs/speed.md). Where generators run beside trials, a job gets
    at most half the cores of a node, since a generator is long; and after trials that were finished on a CPU others get
    as many cores, where the node has them.

    Args:
        nodes: what ``ray.nodes()`` says.
        options: what the user asks for.
        workload: what is to be done.
        share: of a GPU; a whole one where none was chosen.

    Returns:
        CPUs and GPUs of each worker.

    Raises:
        ClusterError: no node can hold one worker.
    """
    alive = [node["Resources"] for node in nodes if node.get("Alive") and node["Resources"].get("CPU", 0) >= 1]
    most_gpus = max((node.get("GPU", 0.0) for node in alive), default=0.0)
    gpus = options.gpus_per_trial
    if gpus is None:
        gpus = (share.gpus if share else 1.0) if most_gpus else 0.0
    useful = [node for node in alive if node.get("GPU", 0.0) >= gpus] or alive
    cpus = options.cpus_per_trial
    if cpus is None:
        cores, before = min((node["CPU"] for node in useful), default=1.0), workload.threads_before
        if gpus and most_gpus:
            each = cores * gpus / most_gpus
        elif before is not None and before * options.workers <= cores:
            each = before
        else:
            jobs = workload.jobs if workload.shares_cores else 1
            memory = min((node.get("memory", math.inf) for node in useful), default=math.inf)
            workers = min(jobs, options.max_concurrent or jobs) * options.workers
            most = max(options.workers, int(min(workers, memory // _WORKER_BYTES)))
            each = cores / (max(2, most) if workload.has_generators else most)
            if most < workers:  # no more than memory holds, but those of one job
                each = min(math.ceil(each), cores // options.workers)
        cpus = float(max(1, int(each)))

    if options.address is not None and options.max_concurrent is not None:
        # The cluster may grow: what is too large for it now waits.
        if not alive and (options.cpus_per_trial is None or options.gpus_per_trial is None):
            raise ClusterError(
                "no machine of the cluster can train yet, so raysat cannot tell what a trial should get",
                hint="give {--cpus-per-trial} and {--gpus-per-trial}",
            )
        return cpus, gpus
    if room(alive, per_worker(cpus, gpus), options.workers) == 0:
        raise ClusterError(
            f"a trial asks for {options.workers} x {_described(cpus, gpus)}, more than the machine or cluster has now: "
            f"{_largest(alive)}",
            hint="ask for less with {--cpus-per-trial}, {--gpus-per-trial}; "
            "if the cluster grows, give {--max-concurrent}",
        )
    return cpus, gpus


def room(nodes: Sequence[Mapping[str, float]], worker: Mapping[str, float], workers: int) -> int:
    """How many jobs fit at once.

    Args:
        nodes: resources of each node.
        worker: resources of each worker.
        workers: of each job.

    Returns:
        Jobs, whose workers may be on several nodes.
    """
    fitting = (min(node.get(name, 0.0) / amount for name, amount in worker.items()) for node in nodes)
    return sum(int(most + 1e-6) for most in fitting) // workers


def selector(avoided: Sequence[str]) -> dict[str, str] | None:
    """Ray's selector of nodes other than some; None where none is to be avoided.

    Args:
        avoided: Ray's ids of nodes.
    """
    return {NODE_ID_LABEL_KEY: f"!in({','.join(sorted(avoided))})"} if avoided else None


def _described(cpus: float, gpus: float) -> str:
    return f"{cpus:g} CPU" + (f" + {gpus:g} GPU" if gpus else "")


def _largest(nodes: Sequence[Mapping[str, float]]) -> str:
    if not nodes:
        return "no node has a CPU"
    cpus, gpus = max((node["CPU"], node.get("GPU", 0.0)) for node in nodes)
    most_gpus, beside = max((node.get("GPU", 0.0), node["CPU"]) for node in nodes)
    largest = [_described(cpus, gpus)] + ([_described(beside, most_gpus)] if most_gpus > gpus else [])
    many = f"the largest of {len(nodes)} nodes have" if len(largest) > 1 else "the largest node has"
    return f"{many} {' and '.join(largest)}"

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
from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group

from raysat.errors import ClusterError
from raysat.execution.cluster_options import ClusterOptions, per_worker

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
    *,
    jobs: int = 1,
    before: int | None = None,
    beside: bool = False,
) -> tuple[float, float]:
    """Decide what each job gets.

    By default a worker gets one GPU where there are any, with its share of the node's cores, else all cores of a node.
    Where it is known how many jobs there are, they share these cores, down to one each, as far as memory goes: threads
    of one step wait for each other, jobs do not (docs/speed.md).

    Args:
        nodes: what ``ray.nodes()`` says.
        options: what the user asks for.
        jobs: that share a node's cores. How many cores a job gets decides how its sums are rounded: this must be the
            same when a run goes on.
        before: cores of jobs that the run has done on CPUs: others get as many, where the node has them.
        beside: generators are to run beside trials: at most half the cores of a node each, since a generator is long.

    Returns:
        CPUs and GPUs of each worker.

    Raises:
        ClusterError: no node can hold one worker.
    """
    alive = [node["Resources"] for node in nodes if node.get("Alive") and node["Resources"].get("CPU", 0) >= 1]
    most_gpus = max((node.get("GPU", 0.0) for node in alive), default=0.0)
    gpus = options.gpus_per_trial if options.gpus_per_trial is not None else float(most_gpus > 0)
    useful = [node for node in alive if node.get("GPU", 0.0) >= gpus] or alive
    cpus = options.cpus_per_trial
    if cpus is None:
        cores = min((node["CPU"] for node in useful), default=1.0)
        if gpus and most_gpus:
            share = cores * gpus / most_gpus
        elif before is not None and before * options.workers <= cores:
            share = before
        else:
            memory = min((node.get("memory", math.inf) for node in useful), default=math.inf)
            workers = min(jobs, options.max_concurrent or jobs) * options.workers
            most = max(options.workers, int(min(workers, memory // _WORKER_BYTES)))
            share = cores / (max(2, most) if beside else most)
            if most < workers:  # no more than memory holds, but those of one job
                share = min(math.ceil(share), cores // options.workers)
        cpus = float(max(1, int(share)))

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

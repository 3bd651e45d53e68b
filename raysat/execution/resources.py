"""What each job gets of the machines, and what a run reserves of them is given back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray import PlacementGroupID
from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group

from raysat.errors import ClusterError
from raysat.execution.cluster_options import ClusterOptions


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


def fit(nodes: Sequence[dict[str, Any]], options: ClusterOptions, *, beside: bool = False) -> tuple[float, float, int]:
    """Decide what each job gets.

    By default a worker gets one GPU where there are any, with its share of the node's cores, else all cores of a node:
    on small machines one trial with all cores beats several with one each.

    Args:
        nodes: what ``ray.nodes()`` says.
        options: what the user asks for.
        beside: generators are to run beside trials: half the cores of a node, then, since a generator is long, and
            gains little from threads.

    Returns:
        CPUs and GPUs of each worker, and how many slots run at once.

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
        share = cores * gpus / most_gpus if gpus and most_gpus else cores / options.workers / (2 if beside else 1)
        cpus = float(max(1, int(share)))

    def room(node: dict[str, float]) -> int:
        by_gpu = node.get("GPU", 0.0) / gpus if gpus else float("inf")
        return int(min(node["CPU"] / cpus, by_gpu) + 1e-6)

    slots = sum(room(node) for node in alive) // options.workers
    if options.address is not None and options.max_concurrent is not None:
        # The cluster may grow. A slot too many waits for its workers until another slot ends.
        if not alive and (options.cpus_per_trial is None or options.gpus_per_trial is None):
            raise ClusterError(
                "no machine of the cluster can train yet, so raysat cannot tell what a trial should get",
                hint="give {--cpus-per-trial} and {--gpus-per-trial}",
            )
        return cpus, gpus, options.max_concurrent
    if slots == 0:
        asked = f"{options.workers} x {cpus:g} CPU" + (f" + {gpus:g} GPU" if gpus else "")
        raise ClusterError(
            f"a trial asks for {asked}, more than the machine or cluster has now",
            hint="ask for less with {--cpus-per-trial}, {--gpus-per-trial}; "
            "if the cluster grows, give {--max-concurrent}",
        )
    return cpus, gpus, min(slots, options.max_concurrent or slots)

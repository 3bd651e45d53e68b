"""What each job gets of the machines."""

from typing import Any

import pytest

from raysat.errors import ClusterError
from raysat.execution.cluster.gpu_share import GpuShare
from raysat.execution.cluster.resources import fit, room
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.workload import Workload


def node(cpus: float, gpus: float = 0.0, *, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": {"CPU": cpus} | ({"GPU": gpus} if gpus else {})}


HEAD = {"Alive": True, "Resources": {"memory": 1.0}}


@pytest.mark.parametrize(
    ("nodes", "options", "expected"),
    [
        ([node(2)], ClusterOptions(), (2.0, 0.0)),
        ([node(8)], ClusterOptions(cpus_per_trial=2), (2, 0.0)),
        ([node(8)], ClusterOptions(workers=2), (4.0, 0.0)),
        ([node(2)], ClusterOptions(cpus_per_trial=0.5), (0.5, 0.0)),
        ([HEAD, node(16, 2), node(16, 2)], ClusterOptions(), (8.0, 1.0)),
        ([HEAD, node(8, 1)], ClusterOptions(gpus_per_trial=0.25), (2.0, 0.25)),
        ([node(4), node(8, 1)], ClusterOptions(), (8.0, 1.0)),
        ([node(4), node(4, alive=False)], ClusterOptions(), (4.0, 0.0)),
        ([node(8)], ClusterOptions(cpus_per_trial=2, max_concurrent=3), (2, 0.0)),
        ([node(2)], ClusterOptions(cpus_per_trial=1, max_concurrent=3), (1, 0.0)),
        ([HEAD], ClusterOptions(address="auto", cpus_per_trial=4, gpus_per_trial=1, max_concurrent=6), (4, 1)),
        ([HEAD, node(8)], ClusterOptions(address="auto", cpus_per_trial=4), (4, 0.0)),
    ],
)
def test_each_worker_gets_its_part(
    nodes: list[dict[str, Any]], options: ClusterOptions, expected: tuple[float, float]
) -> None:
    assert fit(nodes, options) == expected


@pytest.mark.parametrize(
    ("machine", "options", "jobs", "expected"),
    [
        (node(2), ClusterOptions(), 12, 1.0),
        (node(16), ClusterOptions(), 5, 3.0),
        (node(16), ClusterOptions(), 100, 1.0),
        (node(16), ClusterOptions(max_concurrent=2), 100, 8.0),
        (node(16), ClusterOptions(workers=2), 4, 2.0),
        (node(16), ClusterOptions(workers=3), 1, 5.0),
        (node(8, 1), ClusterOptions(), 100, 8.0),  # of one GPU
        (node(8), ClusterOptions(cpus_per_trial=4), 100, 4.0),
    ],
)
def test_the_cores_of_cpus_are_shared_out_among_jobs(
    machine: dict[str, Any], options: ClusterOptions, jobs: int, expected: float
) -> None:
    assert fit([machine], options, Workload(jobs=jobs))[0] == expected


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("gigabytes", [1, 3, 8, 12, 18, 31, 64])
def test_no_more_workers_share_the_cores_than_memory_holds(gigabytes: int, workers: int) -> None:
    machine = {"Alive": True, "Resources": {"CPU": 16.0, "memory": gigabytes * 1e9}}
    cpus, _ = fit([machine], ClusterOptions(workers=workers), Workload(jobs=100))
    assert workers <= 16 // cpus <= max(workers, gigabytes // 2)
    beside, _ = fit([machine], ClusterOptions(workers=workers), Workload(jobs=100, has_generators=True))
    assert beside == min(cpus, 8)


def test_a_run_goes_on_with_the_threads_that_it_had() -> None:
    went_on = Workload(jobs=100, threads_before=4)
    assert fit([node(8)], ClusterOptions(), went_on) == (4.0, 0.0)
    assert fit([node(8)], ClusterOptions(cpus_per_trial=2), went_on) == (2, 0.0)
    assert fit([node(2)], ClusterOptions(), went_on) == (1.0, 0.0)  # another machine
    assert fit([node(8, 1)], ClusterOptions(), went_on) == (8.0, 1.0)
    assert fit([node(8)], ClusterOptions(workers=2), Workload(threads_before=8)) == (
        4.0,
        0.0,
    )  # too many for two workers


def test_trials_share_a_gpu_as_was_chosen_unless_the_user_says() -> None:
    share = GpuShare(trials=4, gain=2.0, reason="measured")
    assert fit([node(16, 2)], ClusterOptions(), Workload(jobs=100), share) == (2.0, 0.25)
    assert fit([node(2, 1)], ClusterOptions(), Workload(jobs=100), share) == (1.0, 0.25)
    assert fit([node(16, 2)], ClusterOptions(gpus_per_trial=1), Workload(jobs=100), share) == (8.0, 1)
    assert fit([node(16)], ClusterOptions(), Workload(jobs=2), share) == (8.0, 0.0)


def test_cores_are_shared_only_where_that_is_wanted() -> None:
    assert fit([node(8)], ClusterOptions(), Workload(jobs=4, shares_cores=False)) == (8.0, 0.0)


def test_generators_and_trials_get_half_the_cores_each() -> None:
    two = [{"Alive": True, "Resources": {"CPU": 2.0}}]
    assert fit(two, ClusterOptions()) == (2.0, 0.0)
    assert fit(two, ClusterOptions(), Workload(has_generators=True)) == (1.0, 0.0)
    assert fit(two, ClusterOptions(cpus_per_trial=2), Workload(has_generators=True)) == (2.0, 0.0)


@pytest.mark.parametrize(
    ("nodes", "options"),
    [
        ([node(2)], ClusterOptions(cpus_per_trial=4)),
        ([node(2)], ClusterOptions(gpus_per_trial=1)),
        ([node(2)], ClusterOptions(workers=3, cpus_per_trial=1)),
        ([node(2)], ClusterOptions(gpus_per_trial=1, max_concurrent=1)),
        ([HEAD], ClusterOptions(address="auto", cpus_per_trial=4)),
    ],
)
def test_a_trial_that_fits_nowhere_is_refused(nodes: list[dict[str, Any]], options: ClusterOptions) -> None:
    with pytest.raises(ClusterError, match="more than the machine or cluster has"):
        fit(nodes, options)


def test_a_cluster_without_machines_needs_to_be_told_what_a_trial_gets() -> None:
    with pytest.raises(ClusterError, match="no machine of the cluster can train yet") as caught:
        fit([HEAD], ClusterOptions(address="auto", max_concurrent=4))
    assert "gpus_per_trial" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("nodes", "worker", "workers", "jobs"),
    [
        ([node(8)], {"CPU": 2.0}, 1, 4),
        ([node(8)], {"CPU": 4.0}, 2, 1),
        ([HEAD, node(16, 2), node(16, 2)], {"CPU": 8.0, "GPU": 1.0}, 1, 4),
        ([HEAD, node(8, 1)], {"CPU": 2.0, "GPU": 0.25}, 1, 4),
        ([node(4), node(8, 1)], {"CPU": 8.0, "GPU": 1.0}, 1, 1),
        ([node(3), node(3)], {"CPU": 2.0}, 2, 1),
        ([node(0.3)], {"CPU": 0.1}, 1, 3),
        ([], {"CPU": 1.0}, 1, 0),
    ],
)
def test_jobs_fit_the_nodes_one_by_one(
    nodes: list[dict[str, Any]], worker: dict[str, float], workers: int, jobs: int
) -> None:
    assert room([each["Resources"] for each in nodes], worker, workers) == jobs


@pytest.mark.parametrize(
    ("nodes", "largest"),
    [
        ([node(2), node(4)], "the largest node has 4 CPU\n"),
        ([node(8, 1), node(4, 2)], r"the largest of 2 nodes have 8 CPU \+ 1 GPU and 4 CPU \+ 2 GPU\n"),
        ([HEAD], "no node has a CPU\n"),
    ],
)
def test_the_refusal_names_the_largest_node(nodes: list[dict[str, Any]], largest: str) -> None:
    with pytest.raises(ClusterError, match=largest):
        fit(nodes, ClusterOptions(address="auto", cpus_per_trial=16, gpus_per_trial=0))

"""What each job gets of the machines."""

from typing import Any

import pytest

from raysat.errors import ClusterError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.resources import fit


def node(cpus: float, gpus: float = 0.0, *, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": {"CPU": cpus} | ({"GPU": gpus} if gpus else {})}


HEAD = {"Alive": True, "Resources": {"memory": 1.0}}


@pytest.mark.parametrize(
    ("nodes", "options", "expected"),
    [
        ([node(2)], ClusterOptions(), (2.0, 0.0, 1)),
        ([node(8)], ClusterOptions(cpus_per_trial=2), (2, 0.0, 4)),
        ([node(8)], ClusterOptions(workers=2), (4.0, 0.0, 1)),
        ([node(2)], ClusterOptions(cpus_per_trial=0.5), (0.5, 0.0, 4)),
        ([HEAD, node(16, 2), node(16, 2)], ClusterOptions(), (8.0, 1.0, 4)),
        ([HEAD, node(8, 1)], ClusterOptions(gpus_per_trial=0.25), (2.0, 0.25, 4)),
        ([node(4), node(8, 1)], ClusterOptions(), (8.0, 1.0, 1)),
        ([node(4), node(4, alive=False)], ClusterOptions(), (4.0, 0.0, 1)),
        ([node(8)], ClusterOptions(cpus_per_trial=2, max_concurrent=3), (2, 0.0, 3)),
        ([node(2)], ClusterOptions(cpus_per_trial=1, max_concurrent=3), (1, 0.0, 2)),
        ([HEAD], ClusterOptions(address="auto", cpus_per_trial=4, gpus_per_trial=1, max_concurrent=6), (4, 1, 6)),
        ([HEAD, node(8)], ClusterOptions(address="auto", cpus_per_trial=4), (4, 0.0, 2)),
    ],
)
def test_slots_fit_the_machine(
    nodes: list[dict[str, Any]], options: ClusterOptions, expected: tuple[float, float, int]
) -> None:
    assert fit(nodes, options) == expected


def test_generators_and_trials_get_half_the_cores_each() -> None:
    two = [{"Alive": True, "Resources": {"CPU": 2.0}}]
    assert fit(two, ClusterOptions()) == (2.0, 0.0, 1)
    assert fit(two, ClusterOptions(), beside=True) == (1.0, 0.0, 2)
    assert fit(two, ClusterOptions(cpus_per_trial=2), beside=True) == (2.0, 0.0, 1)


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

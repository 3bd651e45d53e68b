"""How many trials share a GPU: by what they do together, memory, jobs and CPUs, each by hand."""

from __future__ import annotations

from typing import Any

import pytest

from raysat.data.store import PatchStore
from raysat.execution.cluster import gpu_share as module
from raysat.execution.cluster.gpu_share import GpuShare, choose, gpu_share, packing_request, planned_share
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.workload import Workload
from raysat.training.packing.messages import Packing
from tests.helpers.training import MakeStore, config

GB = 10**9
NODE = {"CPU": 16.0, "GPU": 1.0}
RATES = (100.0, 190.0, 350.0, 360.0)


def packing(**facts: Any) -> Packing:
    base = {"device": "H100", "memory": 80 * GB, "need": 4 * GB, "rates": RATES, "mps": "absent"}
    return Packing.model_validate(base | facts)


def decide(
    found: Packing,
    *,
    patches: int = 0,
    jobs: int = 100,
    node: dict[str, float] = NODE,
    has_generators: bool = False,
    **options: Any,
) -> GpuShare:
    return choose(
        found,
        patches=patches,
        workload=Workload(jobs=jobs, has_generators=has_generators),
        options=ClusterOptions(**options),
        nodes=[{"CPU": 64.0}, node],
    )


@pytest.mark.parametrize(
    ("facts", "patches", "jobs", "node", "trials", "reason"),
    [
        ({}, 0, 100, NODE, 4, "1 / 2 / 4 / 8 at once do 100 / 190 / 350 / 360 patches/s in all"),
        ({"rates": (100.0, 90.0)}, 0, 100, NODE, 1, "1 / 2 at once do 100 / 90 patches/s in all"),
        ({"rates": (100.0, 99.0)}, 0, 100, NODE, 2, "100 / 99 patches/s in all; one computes while the other"),
        ({"rates": (100.0, 99.0)}, 0, 1, NODE, 1, "no more jobs"),
        ({"rates": (100.0, 120.0, 121.0)}, 0, 100, NODE, 2, "120 / 121 patches/s in all"),
        ({"rates": (100.0, 200.0, 400.0, 800.0)}, 0, 100, NODE, 8, "100 / 200 / 400 / 800"),
        ({"rates": (100.0,), "need": 50 * GB}, 0, 100, NODE, 1, "memory"),  # two do not fit: 72 of 80 GB may be used
        ({"need": 30 * GB}, 0, 100, NODE, 2, "memory"),
        ({"need": 20 * GB}, 20 * GB, 100, NODE, 2, "memory"),  # 52 GB are left
        ({}, 0, 3, NODE, 3, "no more jobs"),
        ({}, 0, 3, {"CPU": 16.0, "GPU": 2.0}, 2, "no more jobs"),
        ({}, 0, 100, {"CPU": 2.0, "GPU": 1.0}, 2, "each takes its CPUs"),
        ({}, 0, 100, NODE | {"memory": 13.0 * GB}, 3, "the machine's memory"),
        ({"need": 20 * GB}, 70 * GB, 100, NODE, 2, "memory"),  # no more than 32 GB of patches are held
        ({"memory": 0, "need": 0}, 0, 100, NODE, 4, "350"),  # memory that is not counted
    ],
)
def test_what_limits(
    facts: dict[str, Any], patches: int, jobs: int, node: dict[str, float], trials: int, reason: str
) -> None:
    share = decide(packing(**facts), patches=patches, jobs=jobs, node=node)
    assert share.trials == trials
    assert reason in share.reason
    assert share.gpus == 1 / trials


@pytest.mark.parametrize(
    ("given", "trials"),
    [
        ({"max_concurrent": 1}, 1),
        ({"max_concurrent": 2}, 2),
        ({"cpus_per_trial": 8}, 2),
        ({"cpus_per_trial": 0.5}, 4),
        ({"has_generators": True}, 2),
    ],
)
def test_what_else_was_asked_for_limits_it(given: dict[str, Any], trials: int) -> None:
    assert decide(packing(), **given).trials == trials


def test_a_gain_is_that_of_all_over_one() -> None:
    assert decide(packing()).gain == 3.5
    assert decide(packing(), jobs=3).gain == 1.9  # at least what two do


def test_mps_is_named_where_it_is_installed_and_off() -> None:
    shares = {mps: decide(packing(mps=mps)) for mps in ("on", "off", "absent")}
    assert [mps for mps, share in shares.items() if "nvidia-cuda-mps-control -d" in share.reason] == ["off"]


@pytest.mark.parametrize(
    ("workload", "options", "asked"),
    [
        (Workload(jobs=2, networks=(config(),)), ClusterOptions(), True),
        (Workload(jobs=1, networks=(config(),)), ClusterOptions(), False),
        (Workload(jobs=2), ClusterOptions(), False),  # generators alone
        (Workload(jobs=2, networks=(config(),)), ClusterOptions(gpus_per_trial=0.5), False),
        (Workload(jobs=2, networks=(config(),)), ClusterOptions(workers=2), False),
    ],
)
def test_it_is_measured_where_it_can_matter(
    make_store: MakeStore, workload: Workload, options: ClusterOptions, asked: bool
) -> None:
    assert (packing_request(workload, make_store(), options) is not None) == asked


def test_nodes_without_a_gpu_measure_nothing(make_store: MakeStore) -> None:
    def never() -> Packing:
        raise AssertionError

    nodes = [{"Alive": True, "Resources": {"CPU": 8.0}}, {"Alive": False, "Resources": {"CPU": 8.0, "GPU": 1.0}}]
    assert gpu_share(nodes, Workload(jobs=4, networks=(config(),)), make_store(), ClusterOptions(), never) is None


def test_each_has_a_gpu_where_nothing_can_be_measured(make_store: MakeStore) -> None:
    def fails() -> Packing:
        raise RuntimeError("no CUDA")

    share = gpu_share(
        [{"Alive": True, "Resources": NODE}],
        Workload(jobs=4, networks=(config(),)),
        make_store(),
        ClusterOptions(),
        fails,
    )
    assert share is not None
    assert share.trials == 1
    assert "no CUDA" in str(share)


def test_patches_count_once_for_each_copy(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store: PatchStore = make_store()
    seen: list[int] = []
    monkeypatch.setattr(module, "choose", lambda _, *, patches, **__: seen.append(patches))
    two = (config(data={"bands": [store.bands[0]]}), config())
    node = {"Alive": True, "Resources": NODE}
    gpu_share([node], Workload(jobs=4, networks=two, copies=3), store, ClusterOptions(), packing)
    gpu_share([node], Workload(jobs=4, networks=two[:1]), store, ClusterOptions(), packing)
    assert seen == [3 * store.images.nbytes, store.images[:, :1].nbytes]


def test_what_is_no_gpu_of_cuda_is_not_shared(make_store: MakeStore) -> None:
    node, work = {"Alive": True, "Resources": NODE}, Workload(jobs=4, networks=(config(),))
    share = gpu_share([node], work, make_store(), ClusterOptions(), lambda: packing(memory=0, device="CPU"))
    assert "torch sees no GPU" in str(share)


def test_a_plan_says_what_is_known(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store, workload, known = make_store(), Workload(jobs=100, networks=(config(),)), None
    monkeypatch.setattr(module, "known_packing", lambda _: known)
    assert planned_share(workload, store, ClusterOptions()) is None  # no GPU here
    monkeypatch.setattr(module, "gpu_count", lambda: 1)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 16)
    assert "--estimate" in str(planned_share(workload, store, ClusterOptions()))
    known = packing()
    assert str(planned_share(workload, store, ClusterOptions())).startswith("4 trials on each GPU: ")

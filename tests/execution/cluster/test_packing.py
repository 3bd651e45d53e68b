"""Measuring trainings side by side in processes of their own, on the CPU; through Ray where a cluster is to do it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.config.schema import Config
from raysat.execution.cluster import known_packing as known_module
from raysat.execution.cluster import packing as module
from raysat.execution.cluster.known_packing import gpu_count, known_packing
from raysat.execution.cluster.packing import packing_measured
from raysat.training.packing.messages import PackingRequest, request_text
from tests.helpers.paths import ROOT
from tests.helpers.plugins import used
from tests.helpers.training import MakeStore, config


@pytest.fixture(name="request_")
def _request(make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackingRequest:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with used(ROOT / "examples" / "plugins" / "small_net.py"):  # which what measures gets by content
        own = Config.model_validate(config().model_dump(exclude={"model"}) | {"model": {"kind": "small_net"}})
    return PackingRequest.of((own, config(augment={"kind": "mixup"})), make_store(), most=2)


@pytest.mark.slow
def test_a_measurement_is_made_once_and_kept(request_: PackingRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_packing(request_) is None
    with packing_measured(request_) as measured:
        found = measured()
    assert (found.device, found.memory, found.need) == ("CPU", 0, 0)
    assert len(found.rates) == 2
    assert min(found.rates) > 0
    monkeypatch.setattr(module.subprocess, "Popen", None)  # nothing is started
    with packing_measured(request_) as measured:
        assert measured() == found
    assert known_packing(request_.model_copy(update={"most": 4})) is None


def test_what_is_kept_is_measured_anew_where_it_cannot_be_read(request_: PackingRequest) -> None:
    kept = known_module._kept(request_)
    kept.parent.mkdir(parents=True)
    kept.write_text('{"format": 1, "device": "CPU"')
    assert known_packing(request_) is None


@pytest.mark.slow
def test_a_network_that_cannot_train_is_told_in_a_line(request_: PackingRequest) -> None:
    nothing = request_.model_copy(update={"bands": ()})
    with packing_measured(nothing) as measured, pytest.raises(RuntimeError, match=r"^[^\n]+$"):
        measured()
    assert known_packing(nothing) is None


def test_leaving_ends_what_measures(request_: PackingRequest) -> None:
    with packing_measured(request_) as measured:
        process = measured.args[0]  # type: ignore[attr-defined]
        assert process.poll() is None
    assert process.poll() is not None


CLUSTER = """
import sys
import ray
from raysat.execution.cluster import packing
from raysat.training.packing.messages import read_request

ray.init("local", num_cpus=2, num_gpus=1, include_dashboard=False)
request = read_request(sys.stdin.read())
print(packing.measured_on_cluster(request).device)

@ray.remote(num_cpus=0, num_gpus=1)
class Holds:
    def held(self): ...

holder = Holds.remote()
ray.get(holder.held.remote())
packing._PATIENCE_S = 2.0
try:
    packing.measured_on_cluster(request)
except RuntimeError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_cluster_measures_where_a_gpu_is(request_: PackingRequest) -> None:
    """On a Ray that was told of a GPU that is not there."""
    words = [sys.executable, "-c", CLUSTER]
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run(
        words, input=request_text(request_), env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["CPU", "no GPU was free within 2 s"], done.stderr


@pytest.mark.parametrize(("visible", "count"), [(None, 3), ("", 0), ("-1", 0), ("0", 1), ("0,2", 2), ("0,1,2,3", 3)])
def test_gpus_are_counted_as_processes_see_them(
    visible: str | None, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(known_module, "_DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_count() == count

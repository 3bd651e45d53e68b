"""How a job reads in Ray's lists, and that a real Ray lists a run's slots, reservations and tasks so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import ray
from ray._private import state
from ray.util.placement_group import placement_group_table

import raysat
from raysat.data.store import PatchStore
from raysat.execution.scheduling.ray_names import NamedReservation, job_name
from raysat.planning.stages import train_jobs
from tests.helpers.study import load

STUDY = """
study: named
seeds: 1
base:
  model: {name: test_resnet}
  optim: {kind: adam, lr: 1.0e-3, epochs: 2, batch_size: 32}
arms:
  plain: {}
  deferred: {reweight: {kind: drw, switch: 0.5}}
"""


def test_a_job_is_called_by_its_study_arm_seed_and_epochs(tmp_path: Path, landsat_store: PatchStore) -> None:
    planned = raysat.plan(load(tmp_path, STUDY), landsat_store.path)
    names = {job_name("named", job) for job in train_jobs(planned.trials)}
    assert names == {"raysat named: plain, seed 0, epochs 1 to 2", "raysat named: deferred, seed 0, epochs 2 to 2"}


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_ray_lists_them_so(tmp_path: Path, landsat_store: PatchStore) -> None:
    raysat.ablate(load(tmp_path, STUDY), landsat_store.path, out=tmp_path / "runs")
    wanted = {"raysat named: plain, seed 0, epochs 1 to 2", "raysat named: deferred, seed 0, epochs 2 to 2"}
    assert tasks_of("named") >= wanted
    assert "raysat named slot" in {actor["ActorClassName"] for actor in state.actors().values()}
    assert any(group["name"].startswith("raysat named slot ") for group in placement_group_table().values())


def tasks_of(run: str) -> set[str]:
    """The names of a run's tasks, once Ray has heard of them; without its dashboard, which may start late."""
    until = time.monotonic() + 60
    while True:
        events = {event["cat"].removeprefix("task::") for event in ray.timeline()}
        found = {name for name in events if name.startswith(f"raysat {run}: ")}
        if len(found) > 1 or time.monotonic() > until:
            return found
        time.sleep(0.5)


def test_a_reservation_that_avoids_nodes_says_so_to_ray() -> None:
    slot = NamedReservation("named", {"CPU": 1.0})
    assert slot.avoiding(["b", "a"])._bound.kwargs["bundle_label_selector"] == [{"ray.io/node-id": "!in(a,b)"}]
    assert "bundle_label_selector" not in slot._bound.arguments
    assert slot.avoiding(["a"]) != slot, "Tune keeps reservations apart by this"

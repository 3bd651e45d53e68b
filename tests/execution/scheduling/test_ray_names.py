"""How a job reads in Ray's lists, and that a real Ray lists a run's slots, reservations and tasks so."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray.util.state import list_actors, list_placement_groups, list_tasks

import raysat
from raysat.data.store import PatchStore
from raysat.execution.scheduling.ray_names import job_name
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
    assert names == {"named: plain, seed 0, epochs 1 to 2", "named: deferred, seed 0, epochs 2 to 2"}


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_ray_lists_them_so(tmp_path: Path, landsat_store: PatchStore) -> None:
    raysat.ablate(load(tmp_path, STUDY), landsat_store.path, out=tmp_path / "runs")
    tasks = {task.name for task in listed(list_tasks, "named: plain")}
    assert {"named: plain, seed 0, epochs 1 to 2", "named: deferred, seed 0, epochs 2 to 2"} <= tasks
    assert "named slot" in {actor.class_name for actor in list_actors(limit=1000)}
    assert any((group.name or "").startswith("named slot ") for group in list_placement_groups(limit=1000))


def listed(ask: Callable[..., list[Any]], name: str) -> list[Any]:
    """What Ray lists, once it has heard of something: its dashboard starts beside the run, and hears of tasks later."""
    until = time.monotonic() + 90
    while True:
        try:
            found = ask(limit=10_000)
        except Exception:  # noqa: BLE001  (whatever Ray raises while the dashboard is not there)
            found = []
        if any(each.name.startswith(name) for each in found) or time.monotonic() > until:
            return found
        time.sleep(0.5)

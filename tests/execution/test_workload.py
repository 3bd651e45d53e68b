"""What a plan asks for, as jobs and networks: the one that trains most comes first."""

from __future__ import annotations

from pathlib import Path

from raysat.data.store import PatchStore
from raysat.execution.prepare import prepare
from raysat.execution.workload import network_of, planned_work
from tests.helpers.study import load

STUDY = """
seeds: [0, 1]
base: {model: {name: test_resnet}, optim: {epochs: 2}, data: {bands: all}}
arms:
  mixed: {augment: {kind: mixup}}
  plain: {}
  focal: {loss: {kind: focal}}
"""


def test_a_network_counts_once_and_the_busiest_first(tmp_path: Path, landsat_store: PatchStore) -> None:
    plan = prepare(load(tmp_path, STUDY), landsat_store, data="mine")
    work = planned_work(plan, threads_before=3)
    assert (work.jobs, work.threads_before, work.has_generators, work.copies) == (6, 3, False, 1)
    assert [config.augment.kind for config in work.networks] == ["none", "mixup"]  # two arms have the first
    assert len({network_of(trial.trial.config) for trial in plan.trials}) == 2


def test_generators_count_as_jobs(tmp_path: Path, landsat_store: PatchStore) -> None:
    arms = "base: {model: {name: test_resnet}, data: {bands: all}}\narms: {a: {synthetic: {kind: dcgan, classes: [b]}}}"
    work = planned_work(prepare(load(tmp_path, "seeds: [0]\n" + arms), landsat_store, data="mine"))
    assert (work.jobs, work.has_generators, work.copies) == (2, True, 1)


def test_copies_of_patches_are_counted(tmp_path: Path, landsat_store: PatchStore) -> None:
    arms = "arms: {a: {}, b: {data.bands: [B5]}, c: {synthetic: {kind: dcgan, classes: [b]}}, d: {loss.kind: focal}}"
    study = load(tmp_path, "seeds: [0, 1]\nbase: {model: {name: test_resnet}, data: {bands: all}}\n" + arms)
    assert planned_work(prepare(study, landsat_store, data="mine")).copies == 3

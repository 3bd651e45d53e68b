"""Nodes that cannot do a run's jobs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from raysat.execution.unfit import UnfitNodeError
from raysat.execution.workers import node_check
from raysat.execution.workload import Workload
from tests.execution.workers.test_slot import SETTINGS
from tests.helpers.training import config


def test_a_node_without_a_file_of_weights_gets_no_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_check, "unfit", lambda reason, remedy: UnfitNodeError(f"{reason}: {remedy}"))
    path = tmp_path / "my.pth"
    settings = replace(SETTINGS, weights=(str(path),))
    with pytest.raises(UnfitNodeError, match=r"it has no .*my.pth: put the weights there"):
        node_check.check_this_node(settings)
    path.touch()
    node_check.check_this_node(settings)


def test_the_files_of_a_run_are_those_of_its_networks() -> None:
    models = [
        {"weights": "/b.pth"},
        {"weights": "torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO"},
        {},
        {"weights": "/a.pth"},
    ]
    assert Workload(networks=tuple(config(model=model) for model in models)).weight_files == ("/a.pth", "/b.pth")

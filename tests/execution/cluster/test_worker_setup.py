"""Workers start by the fork server where the driver wants that, with the variables that Ray would set; else by Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ray._private.runtime_env.context import RuntimeEnvContext
from ray._private.utils import update_envs

from raysat.execution.cluster import fork_client, worker_setup

CLIENT = f"{sys.executable} -I -S {fork_client.__file__} '/tmp/a b/fork'"
WORKER = ["default_worker.py", "--node=127.0.0.1", "--x=y z"]


def words(**context: Any) -> list[str]:
    serialized = RuntimeEnvContext(**context).serialize()
    return [*WORKER, f"--serialized-runtime-env-context={serialized}", "--language=PYTHON", "--y=1"]


@pytest.fixture(autouse=True)
def _same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_the_fork_server_is_asked_with_the_workers_own_words() -> None:
    found = worker_setup.forked(words(py_executable=CLIENT, env_vars={"A": "b"}))
    assert found == [sys.executable, "-I", "-S", fork_client.__file__, "/tmp/a b/fork", *WORKER, "--y=1"]  # noqa: S108
    assert os.environ["A"] == "b"


@pytest.mark.parametrize("value", ["plain", "${HOME}/x", "$HOME:${NOT_SET}", "${lower}", "", "ü '\""])
def test_variables_are_set_as_ray_sets_them(value: str) -> None:
    worker_setup.forked(words(py_executable=CLIENT, env_vars={"NEW": value}))
    found = os.environ.pop("NEW")
    update_envs({"NEW": value})
    assert found == os.environ["NEW"]


@pytest.mark.parametrize(
    "given",
    [
        [*WORKER],
        words(),
        words(py_executable="python3"),
        words(py_executable=CLIENT, command_prefix=["nice"]),
        words(py_executable=CLIENT, override_worker_entrypoint="other.py"),
        [word.replace("=PYTHON", "=JAVA") for word in words(py_executable=CLIENT)],
    ],
)
def test_any_other_worker_goes_rays_own_way(given: list[str]) -> None:
    assert worker_setup.forked(given) == []


def test_rays_own_way_starts_the_worker(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['A']]))", encoding="utf-8")
    context = RuntimeEnvContext(env_vars={"A": "b"}).serialize()
    told = [f"--serialized-runtime-env-context={context}", "--language=PYTHON"]
    command = [sys.executable, worker_setup.__file__, str(worker), "--y=1", *told]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [["--y=1"], "b"]

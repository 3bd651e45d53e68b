"""Jobs as ``docs/cluster.md`` submits them, on one machine: by a wheel, stopped and submitted again, and failing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from raysat import __version__
from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.host_fixtures import hosts_of_tests
from tests.helpers.jobs import PATIENCE, Jobs, is_plain
from tests.helpers.namespaces import HOME, PATH
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

pytestmark = pytest.mark.skipif(
    shutil.which("pip", path=PATH) is None, reason="Ray installs wheels with pip, which is not here"
)

VERSION = "0.1.0+job"
STUDY = """\
study: submitted
base: {model: {name: test_resnet}, optim: {epochs: 6, batch_size: 8}}
seeds: 1
arms: {plain: {}, LDAM: {loss: {kind: ldam}}, focal: {loss: {kind: focal}}}
"""
BUILD = """
import sys
from setuptools.build_meta import build_wheel
build_wheel(sys.argv[1], {"--build-option": "--build-number=7"})
"""


def build_wheel(folder: Path) -> Path:
    """A wheel of raysat with a version of its own, as ``pip wheel --no-deps`` builds it."""
    source = folder / "source"
    shutil.copytree(ROOT / "raysat", source / "raysat", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("PACKAGE.md", "LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, source / name)
    package = source / "raysat" / "__init__.py"
    text = package.read_text(encoding="utf-8")
    assert f'__version__ = "{__version__}"' in text
    package.write_text(text.replace(f'"{__version__}"', f'"{VERSION}"'), encoding="utf-8")
    words = [sys.executable, "-c", BUILD, folder / "dist"]
    done = subprocess.run(words, cwd=source, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "dist").iterdir()
    assert wheel.name == f"raysat-{VERSION}-7-py3-none-any.whl"
    return wheel


@pytest.fixture(name="jobs", scope="module")
def _jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """Ray as ``cluster-onprem.yaml`` starts a head, of one CPU and without an autoscaler."""
    with hosts_of_tests(tmp_path_factory.mktemp("jobs"), count=1) as (host,):
        cluster = YAML(typ="safe").load((ROOT / "cluster-onprem.yaml").read_text(encoding="utf-8"))
        words = cluster["head_start_ray_commands"][-1].split()
        start = [word for word in words if not word.startswith(("RAY_health", "--autoscaling"))]  # of several machines
        start += ["--num-cpus=1", f"--object-store-memory={100 << 20}"]
        environment = {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"} | PATIENCE
        host.run("ray", "get-auth-token", "--generate", environment=environment)
        host.run("bash", "-c", " ".join(start), environment=environment, timeout=PATIENCE_S)
        yield Jobs(user=host, head=host, environment=environment)


def test_a_job_by_wheel_is_stopped_and_goes_on(jobs: Jobs, landsat_store: PatchStore, tmp_path: Path) -> None:
    """The wheel is what driver and workers run; it is sent without what it needs, which the machines have."""
    home = jobs.user.tmp / "home"
    shutil.copytree(landsat_store.path, home / "store")
    (home / "study").mkdir()
    (home / "study" / "study.yaml").write_text(STUDY, encoding="utf-8")
    wheel = shutil.copy(build_wheel(tmp_path), home)
    runtime = {"working_dir": "study", "py_modules": [Path(wheel).name]}
    options = ["--runtime-env-json", json.dumps(runtime)]
    words = ["raysat", "ablate", "--space", "study.yaml", "--data", f"{HOME}/store", "--out", f"{HOME}/runs"]
    words += ["--address", "auto", "--cpus-per-trial", "1"]

    jobs.submit("first", *words, options=options)
    jobs.wait_for(r"^ +1/3  .*  done  ", "first")
    stopped = jobs.stop("first")
    assert stopped.endswith("\nstopped; the same command resumes from here\n"), stopped
    assert is_plain(stopped), stopped

    jobs.submit("second", *words, options=options)
    log = jobs.end("second")
    assert "resuming   1 of 3 trials are finished already" in log or "resuming   2 of 3" in log, log
    assert "done       " in log, log
    assert is_plain(jobs.log("second"))
    assert jobs.status("second") == "SUCCEEDED 0"
    ledger = Ledger.open(home / "runs" / "submitted")
    records = [ledger.read(name) for name in ledger.read_plan().trial_ids]
    assert [record.versions["raysat"] for record in records] == [VERSION] * 3


def test_a_job_that_fails_says_why_with_its_exit_code(jobs: Jobs) -> None:
    jobs.submit("wrong", "raysat", "ablate", "--space", "nothing.yaml", "--address", "auto")
    jobs.end("wrong")
    error, hint = jobs.log("wrong").splitlines()[-2:]
    assert error == "error: nothing.yaml: no such file"
    assert hint.startswith("hint: ")
    assert jobs.status("wrong") == "FAILED 2"

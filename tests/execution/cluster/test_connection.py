"""A connection to Ray leaves the process as it was."""

import platform
import subprocess
import sys

import pytest
import ray
from ray._private.utils import check_version_info

from raysat.execution.cluster.connection import _other_versions
from tests.helpers.patience import PATIENCE_S


def test_a_cluster_of_another_ray_or_python_is_one_line() -> None:
    cluster = {"ray_version": "2.59.0", "python_version": "3.12.1"}
    with pytest.raises(RuntimeError) as caught:  # as Ray says it, in eight lines
        check_version_info(cluster, "node 10.0.0.1")
    error = _other_versions("10.0.0.1:6379", caught.value)
    assert error is not None
    own = f"Ray {ray.__version__} on Python {platform.python_version()}"
    assert error.message == f"the cluster at 10.0.0.1:6379 has Ray 2.59.0 on Python 3.12.1, this process {own}"
    assert "Ray wants both equal" in (error.hint or "")
    assert _other_versions("10.0.0.1:6379", RuntimeError("something else")) is None


def test_workers_come_from_the_fork_server_and_the_process_is_afterwards_as_before() -> None:
    code = (
        "import logging, os, signal, sys\n"
        "from pathlib import Path\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "os.environ['PYTHONBREAKPOINT'] = '0'\n"
        "def state():\n"
        "    root = logging.getLogger()\n"
        "    signals = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]\n"
        "    return root.level, list(root.handlers), signals, os.environ.get('PYTHONBREAKPOINT')\n"
        "def parent():\n"
        "    return Path(f'/proc/{os.getppid()}/cmdline').read_text()\n"
        "heard = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: heard.append('SIGTERM'))\n"
        "before = state()\n"
        "import ray\n"
        "from raysat.execution.cluster.connection import connect\n"
        "with connect(None):\n"
        "    daemons = ray._private.worker._global_node.all_processes\n"
        "    assert 'raylet' in daemons and not {'monitor', 'log_monitor'} & set(daemons), daemons\n"
        "    if sys.platform == 'linux':  # workers are forked there alone\n"
        "        assert 'fork_server.py' in ray.get(ray.remote(parent).remote())\n"
        "assert state() == before, (before, state())\n"
        "os.kill(os.getpid(), signal.SIGTERM)  # Ray's C++ code knows nothing of Python's handlers\n"
        "assert heard\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

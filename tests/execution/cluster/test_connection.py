"""A connection to Ray leaves the process as it was."""

import subprocess
import sys

import pytest


def test_the_process_is_afterwards_as_before() -> None:
    code = (
        "import logging, os, signal\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "os.environ['PYTHONBREAKPOINT'] = '0'\n"
        "def state():\n"
        "    root = logging.getLogger()\n"
        "    signals = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]\n"
        "    return root.level, list(root.handlers), signals, os.environ.get('PYTHONBREAKPOINT')\n"
        "heard = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: heard.append('SIGTERM'))\n"
        "before = state()\n"
        "from raysat.execution.cluster.connection import connect\n"
        "with connect(None):\n"
        "    pass\n"
        "assert state() == before, (before, state())\n"
        "os.kill(os.getpid(), signal.SIGTERM)  # Ray's C++ code knows nothing of Python's handlers\n"
        "assert heard\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_workers_come_from_the_fork_server() -> None:
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "import ray\n"
        "from raysat.execution.cluster.connection import connect\n"
        "def parent():\n"
        "    return Path(f'/proc/{os.getppid()}/cmdline').read_text()\n"
        "with connect(None):\n"
        "    print('fork_server.py' in ray.get(ray.remote(parent).remote()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr

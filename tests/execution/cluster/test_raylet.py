"""A raylet that ends while it is needed ends its driver by one line; one that ends later does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="handles of processes are Linux's")

SCRIPT = """
import subprocess, sys, time
from types import SimpleNamespace
from ray._private import worker
from raysat.execution.cluster.raylet import raylet_watched
from raysat.interrupts import removed_at_end

path, when = sys.argv[1:]
listen = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(); input()"
raylet = subprocess.Popen([sys.executable, "-c", listen, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
raylet.stdout.readline()
worker._global_node = SimpleNamespace(raylet_socket_name=path)
with removed_at_end(lambda: print("removed", flush=True)):
    with raylet_watched():
        if when == "needed":
            raylet.kill()
            time.sleep(20)
    raylet.kill()
    raylet.wait()
    time.sleep(0.5)
worker._global_node = None
"""


@pytest.mark.parametrize(("when", "code"), [("needed", 3), ("later", 0)])
def test_a_raylet_that_ends(tmp_path: Path, when: str, code: int) -> None:
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "socket"), when]
    done = subprocess.run(words, capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == code, done.stderr
    if when == "later":
        assert (done.stdout, done.stderr) == ("removed\n", "")
        return
    error, hint = done.stderr.splitlines()
    assert error == "error: Ray on this machine ended: its raylet is gone"
    assert hint.startswith("hint: ")

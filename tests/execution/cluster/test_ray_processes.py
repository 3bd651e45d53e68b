"""The processes of a Ray that this process started: found wherever they went, and nobody else's."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ray._private import services

from raysat.execution.cluster.ray_processes import RayProcesses
from raysat.execution.cluster.ray_watch import RayWatch
from tests.helpers.processes import marked

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc")

# A daemon whose child is in a group of its own, as Ray's workers are, and has lost its parent.
DAEMON = """
import os, time
if os.fork() == 0 and os.fork() == 0:
    os.setpgid(0, 0)
time.sleep(600)
"""


def started(processes: RayProcesses, mark: str, name: str = sys.executable) -> "subprocess.Popen[bytes]":
    with processes.started():
        daemon: subprocess.Popen[bytes] = services.ConsolePopen(
            [name, "-c", DAEMON], executable=sys.executable, env=os.environ | {"MARK": mark}
        )
    return daemon


def wait_for_number(mark: str, number: int) -> None:
    deadline = time.monotonic() + 20
    while len(marked(mark)) != number:
        assert time.monotonic() < deadline, marked(mark)
        time.sleep(0.02)


def test_all_of_them_end_and_nobody_else(tmp_path: Path) -> None:
    processes, mark, popen = RayProcesses(), str(tmp_path), services.ConsolePopen
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        daemon = started(processes, mark)
        wait_for_number(mark, 3)
        assert os.getsid(daemon.pid) == daemon.pid != os.getsid(0)
        assert services.ConsolePopen is popen, "as before"
        processes.kill()
        assert marked(mark) == []
        assert daemon.returncode == -signal.SIGKILL
        assert other.poll() is None
        processes.kill()  # again, in a hurry
    finally:
        other.kill()
        other.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="begins at once elsewhere")
def test_a_dashboard_waits_until_it_may_begin_and_is_killed_before_as_well(tmp_path: Path) -> None:
    processes, script = RayProcesses(), "import pathlib, sys; pathlib.Path(sys.argv[2]).touch()"
    files = [tmp_path / "first", tmp_path / "second"]

    def begun(file: Path) -> "subprocess.Popen[bytes]":
        with processes.started():
            words = [sys.executable, "-c", script, "dashboard.py", str(file)]
            daemon: subprocess.Popen[bytes] = services.ConsolePopen(words)
        return daemon

    try:
        daemon = begun(files[0])
        with pytest.raises(subprocess.TimeoutExpired):
            daemon.wait(1.0)
        assert not files[0].exists()
        processes.begin_beside()
        assert daemon.wait(20) == 0
        assert files[0].exists()
        waiting = begun(files[1])
        processes.kill_beside()
        assert waiting.wait(20) == -signal.SIGKILL
        assert not files[1].exists()
    finally:
        processes.kill()


def test_a_lost_daemon_is_an_error(tmp_path: Path) -> None:
    processes = RayProcesses()
    daemon = started(processes, str(tmp_path), name="/opt/ray/raylet")
    try:
        assert processes.lost() is None
        daemon.kill()
        daemon.wait()
        error = processes.lost()
        assert error is not None
        assert "its raylet is gone" in error.message
    finally:
        processes.kill()


@pytest.mark.parametrize(
    ("script", "cause", "remedy"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGBUS)", "for want of shared memory", "shm-size"),
        ("import sys; sys.exit('write: No space left on device')", "for want of disk space", "TMPDIR"),
        ("import sys; sys.exit('accept: Too many open files')", "for want of open files", "ulimit"),
        ("import sys; sys.exit('Timed out waiting for file /x')", "its agents did not start in time", "busy"),
    ],
)
def test_why_a_daemon_ended_is_said_where_it_can_be_told(tmp_path: Path, script: str, cause: str, remedy: str) -> None:
    processes = RayProcesses()
    log = tmp_path / "raylet.err"
    with log.open("wb") as stderr, processes.started():
        words = ["raylet", "-c", script, f"--stderr_filepath={log}"]
        daemon = services.ConsolePopen(words, executable=sys.executable, stderr=stderr)
        daemon.wait()
    error = processes.lost()
    assert error is not None
    assert error.message.startswith("Ray on this machine ended: its raylet is gone, ")
    assert cause in error.message
    assert remedy in (error.hint or "")
    assert (error.hint or "").endswith("The same command resumes from here")


class SlowEnvironment(dict[str, str]):
    """Variables that take their time, so that a process takes some to start."""

    def items(self) -> Any:
        time.sleep(1.0)
        return super().items()


@pytest.mark.slow
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_daemon_that_only_starts_is_no_trouble_to_who_watches(tmp_path: Path) -> None:
    processes, environment = RayProcesses(), SlowEnvironment(os.environ | {"MARK": str(tmp_path)})
    try:
        with RayWatch(processes.lost, every=0.05, patience=6.0).watched(), processes.started():
            daemon = services.ConsolePopen(["gcs_server", "-c", DAEMON], executable=sys.executable, env=environment)
            assert daemon.poll() is None
    finally:
        processes.kill()
    assert marked(str(tmp_path)) == []

"""Workers from the fork server are the processes that Ray asked for, and start without it where it cannot."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from raysat.execution.cluster import fork_client, fork_server, forked_workers
from raysat.execution.cluster.forked_workers import _ENVIRONMENT, _MODULES, take_fork_server, workers_begun

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")

# What a worker is, told on the standard output that its starter gave it.
WORKER = """
import json, os, sys, tempfile
print(json.dumps({
    "main": __name__,
    "words": sys.argv,
    "variable": os.environ.get("VARIABLE"),
    "of the server": os.environ.get("SERVER"),
    "directory": os.getcwd(),
    "nice": os.nice(0),
    "temporary": tempfile.gettempdir(),
    "had": sorted({"decimal", "fractions"} & set(sys.modules)),
    "parent": os.getppid(),
    "handles children": __import__("signal").getsignal(__import__("signal").SIGCHLD) == 0,
}))
sys.stdout.flush()
sys.exit(int(sys.argv[1]))
"""


@contextmanager
def server(socket: Path, modules: Sequence[str] = ("decimal",)) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, fork_server.__file__, str(socket), *modules]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "SERVER": "its own"})
    try:
        await_socket(socket)
        yield process
    finally:
        process.kill()
        process.wait()


def await_socket(socket: Path) -> None:
    for _ in range(500):
        if socket.exists():
            return
        time.sleep(0.02)
    raise TimeoutError


@pytest.fixture(name="worker")
def _worker(tmp_path: Path) -> Path:
    script = tmp_path / "worker.py"
    script.write_text(WORKER, encoding="utf-8")
    return script


def ask(socket: Path, worker: Path, code: int = 0) -> dict:
    """Start a worker as Ray does; what it told. It may go on when the process that was started has ended."""
    told = worker.parent / f"told{time.monotonic_ns()}"
    with told.open("wb") as file:
        subprocess.run(
            [sys.executable, "-I", "-S", fork_client.__file__, str(socket), str(worker), str(code), "two words"],
            stdout=file,
            env={"VARIABLE": "ü 1", "TMPDIR": str(worker.parent), "PATH": os.environ["PATH"]},
            cwd=worker.parent,
            preexec_fn=lambda: os.nice(3),
            check=code == 0,
        )
    for _ in range(500):
        if text := told.read_text(encoding="utf-8"):
            return json.loads(text)
        time.sleep(0.02)
    raise TimeoutError


def test_a_worker_is_what_was_asked_for(tmp_path: Path, worker: Path) -> None:
    socket = tmp_path / "fork"
    with server(socket) as process:
        first, second = (ask(socket, worker) for _ in range(2))
        assert first == second
        assert first == {
            "main": "__main__",
            "words": [str(worker), "0", "two words"],
            "variable": "ü 1",
            "of the server": None,
            "directory": str(tmp_path),
            "nice": 3,
            "temporary": str(tmp_path),
            "had": ["decimal"],
            "parent": process.pid,
            "handles children": True,
        }


def test_flags_of_python_before_the_script_are_passed_over(tmp_path: Path, worker: Path) -> None:
    """Ray repeats the driver's ``-s``, which PYTHONNOUSERSITE sets too."""
    socket, told = tmp_path / "fork", tmp_path / "told"
    with server(socket) as process, told.open("wb") as file:
        words = [sys.executable, "-I", "-S", fork_client.__file__, str(socket), "-s", str(worker), "0"]
        subprocess.run(words, stdout=file, check=True)
        for _ in range(500):
            if text := told.read_text(encoding="utf-8"):
                break
            time.sleep(0.02)
        assert json.loads(text)["words"] == [str(worker), "0"]
        assert json.loads(text)["parent"] == process.pid


def test_without_a_server_it_starts_all_the_same(tmp_path: Path, worker: Path) -> None:
    told = ask(tmp_path / "none", worker)
    assert (told["words"], told["had"]) == ([str(worker), "0", "two words"], [])


def test_who_asks_before_all_is_imported_waits_and_starts_alone_where_the_server_dies(
    tmp_path: Path, worker: Path
) -> None:
    socket, slow = tmp_path / "fork", tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    command = [sys.executable, fork_server.__file__, str(socket), "slow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(tmp_path)}) as process:
        await_socket(socket)
        words = [sys.executable, "-I", "-S", fork_client.__file__, str(socket), str(worker), "0"]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as asking:
            time.sleep(0.5)
            assert asking.poll() is None
            process.kill()
            output, _ = asking.communicate(timeout=30)
            assert json.loads(output)["parent"] == os.getpid()


def test_it_ends_with_its_standard_input(tmp_path: Path) -> None:
    with server(tmp_path / "fork") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_with_who_started_it_all_of_its_directory_ends(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    command = [sys.executable, fork_server.__file__, str(tmp_path / "fork")]
    sleep = ["sleep", "60"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, cwd=tmp_path / "here") as process,
        subprocess.Popen(sleep, cwd=tmp_path / "here") as inside,
        subprocess.Popen(sleep, cwd=tmp_path) as outside,
    ):
        await_socket(tmp_path / "fork")
        assert process.stdin is not None
        process.stdin.write(f"{tmp_path / 'here'}\n".encode())
        process.stdin.close()
        assert inside.wait(10) == -9
        assert process.wait(10) == 0
        assert outside.poll() is None
        outside.kill()


def test_workers_that_die_at_once_end_it_and_are_started_without_it(tmp_path: Path, worker: Path) -> None:
    socket = tmp_path / "fork"
    with server(socket) as process:
        parents = [ask(socket, worker, code=1)["parent"] for _ in range(3)]
        assert parents == [process.pid] * 3
        assert process.wait(10) == 0
        assert ask(socket, worker)["parent"] != process.pid


def test_workers_that_end_well_or_are_killed_are_no_failures_and_no_zombies(tmp_path: Path, worker: Path) -> None:
    socket = tmp_path / "fork"
    killed = tmp_path / "killed.py"
    killed.write_text(WORKER.replace("sys.exit(", "os.kill(os.getpid(), 9 * "), encoding="utf-8")
    with server(socket) as process:
        for number in range(6):
            assert ask(socket, killed if number % 2 else worker, code=number % 2)["parent"] == process.pid
        assert process.poll() is None
        time.sleep(0.3)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
        assert children == ""


def test_it_does_not_fork_where_it_has_a_second_thread(tmp_path: Path, worker: Path) -> None:
    (tmp_path / "threads.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        encoding="utf-8",
    )
    socket = tmp_path / "fork"
    command = [sys.executable, fork_server.__file__, str(socket), "threads"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(tmp_path)}) as process:
        await_socket(socket)
        assert ask(socket, worker)["parent"] != process.pid
        assert process.wait(10) == 0


@pytest.mark.slow
def test_what_workers_need_is_imported_without_a_thread_and_without_a_look_at_a_gpu() -> None:
    """A process that has begun with CUDA cannot be forked."""
    code = f"""
import importlib, os
import torch
def refused(*_): raise AssertionError("a look at the GPU")
for name in ("_cuda_getDeviceCount", "_cuda_init"):
    if hasattr(torch._C, name):
        setattr(torch._C, name, refused)
torch.cuda.is_available = torch.cuda.device_count = torch.cuda._lazy_init = refused
for module in {_MODULES}:
    importlib.import_module(module)
import sys
print(len(os.listdir("/proc/self/task")), "ray" in sys.modules)
"""
    environment = {**os.environ, **_ENVIRONMENT}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "1 False\n", done.stderr


@pytest.fixture(name="no_ray")
def _no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests have in this process."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr(forked_workers, "_MODULES", ("decimal",))


@pytest.mark.usefixtures("no_ray")
def test_it_is_begun_once_and_taken_by_the_first_ray(tmp_path: Path) -> None:
    with workers_begun(None), workers_begun("local"):
        (begun,) = forked_workers._begun
        assert take_fork_server(tmp_path) is begun
        other = take_fork_server(tmp_path)
        assert other is not None
        assert other is not begun
        words = other.serve(tmp_path / "nobody")["py_executable"].split()
        assert words[-1] == str(tmp_path / "fork")
        other.end()
        assert begun.process.poll() is None
    assert begun.process.poll() is not None
    assert not forked_workers._begun


@pytest.mark.parametrize("address", ["auto", "127.0.0.1:6379"])
def test_it_is_not_begun_for_a_cluster(address: str) -> None:
    with workers_begun(address):
        assert not forked_workers._begun


@pytest.mark.usefixtures("no_ray")
def test_one_that_nobody_takes_ends_at_once() -> None:
    with workers_begun(None):
        (begun,) = forked_workers._begun
    assert begun.process.poll() is not None
    assert not forked_workers._begun

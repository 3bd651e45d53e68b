"""A Slurm of this machine alone, from Debian's packages: a controller, and nodes that are all this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.helpers.patience import PATIENCE_S

TOOLS: Final = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "srun")
_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_CONFIGURATION: Final = """\
ClusterName=raysat
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool-%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
KillWait=15
MailProg=/bin/true
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """A Slurm that runs."""

    folder: Path

    def run(self, *words: object, **environment: str) -> str:
        """Run one of its commands; return what that printed. Raises AssertionError where it fails."""
        done = subprocess.run(
            [str(word) for word in words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            env=self._environment | environment,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SLURM_"))}
        known = f'export PATH="{sys.prefix}/bin:$PATH"'
        return kept | {"PATH": _PATH, "RAYSAT_ACTIVATE": known, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def submit(self, *words: object, **environment: str) -> int:
        """Submit a job; return its number."""
        number = re.search(r"Submitted batch job (\d+)", self.run("sbatch", *words, **environment))
        assert number is not None
        return int(number[1])

    def job(self, number: int) -> dict[str, str]:
        """What Slurm says of a job."""
        words = self.run("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait(self, number: int, *states: str, seconds: float = PATIENCE_S) -> str:
        """Wait until a job is in one of some states; return that. Raises AssertionError, with its log."""
        deadline = time.monotonic() + seconds
        while (state := self.job(number)["JobState"]) not in states:
            assert time.monotonic() < deadline, f"job {number} is {state}\n{self.log(number)}"
            time.sleep(0.2)
        return state

    def start_again(self, number: int) -> None:
        """Have a job that was requeued run at once: by itself Slurm waits two minutes."""
        self.wait(number, "PENDING", seconds=60)
        self.run("scontrol", "update", f"JobId={number}", "StartTime=now")
        self.wait(number, "RUNNING", seconds=60)

    def log(self, number: int) -> str:
        """What a job printed."""
        file = self.folder / f"raysat-{number}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""


@contextmanager
def slurm(folder: Path, cpus: Sequence[int] = (2,)) -> Iterator[Slurm]:
    """Have a Slurm; all that it runs is gone when the block ends.

    Args:
        folder: an empty one with a short path, for sockets.
        cpus: of each node.

    Yields:
        The Slurm, whose nodes are ready.
    """
    host, running = socket.gethostname(), Slurm(folder=folder)
    ports = _free_ports(1 + len(cpus))
    nodes = [
        f"NodeName=node{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={share} RealMemory=2000"
        for number, (share, port) in enumerate(zip(cpus, ports[1:], strict=True), start=1)
    ]
    text = _CONFIGURATION.format(host=host, folder=folder, controller=ports[0], nodes="\n".join(nodes))
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    for name in ("state", *(f"spool-node{number}" for number in range(1, len(cpus) + 1))):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    munge = [f"--{name}={folder}/munge.{name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
    with ExitStack() as stack:
        _start(stack, running, ["munged", "--foreground", "--force", f"--key-file={key}", *munge])
        _until((folder / "munge.socket").exists, "munged")
        _start(stack, running, ["slurmctld", "-D"])
        for number in range(1, len(cpus) + 1):
            _start(stack, running, ["slurmd", "-D", "-N", f"node{number}"])
        _until(lambda: running.run("sinfo", "--noheader", "--format=%t").split() == ["idle"], "slurmd")
        try:
            yield running
        finally:
            running.run("scancel", "--full", "--user=root")  # all that still runs
            _until(lambda: not running.run("squeue", "--noheader").strip(), "its jobs' end")


def missing_tools() -> list[str]:
    """What of Slurm this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool, path=_PATH) is None]


def _start(stack: ExitStack, running: Slurm, words: list[str]) -> None:
    with (running.folder / f"{words[0]}.out").open("ab") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, env=running._environment)
    stack.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if is_so():
                return
        except AssertionError:  # it does not answer yet
            pass
        assert time.monotonic() < deadline, f"no {what} after {PATIENCE_S:.0f} s"
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]

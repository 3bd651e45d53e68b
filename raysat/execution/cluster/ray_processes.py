"""The processes of a Ray that this process starts: apart from signals to its group, and ended with it.

Each daemon gets a session of its own, so that a signal to the group of the command (Ctrl-C, a closed terminal, systemd,
a scheduler) reaches the command alone, which then ends Ray in order. The kernel still kills the daemons where this
process is killed (Ray asks for that), and workers end where their daemon is gone.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ray._private import services

from raysat.errors import ClusterError, RaysatError

_KILLED_S: Final = 2.0  # for processes that are killed to be gone
_VITAL: Final = ("gcs_server", "raylet")  # without either Ray waits up to a minute, then ends this process
_LOG: Final = re.compile(r"--stderr[-_]filepath=(.+)")  # of a daemon's words
_LAST: Final = 1 << 16  # bytes of a log that are looked at
_IS_LINUX: Final = sys.platform == "linux"
_NICE: Final = {"dashboard.py": 8}  # people wait for it, no job does


def _nice(daemon: subprocess.Popen[bytes]) -> int:
    words: Any = daemon.args
    return max(_NICE.get(Path(word).name, 0) for word in words)


def _give_way(process: int, nice: int) -> None:
    """Have a process and what it will start run where others leave time: while Ray starts, all import at once.

    Where Linux schedules sessions as groups, priorities count within one alone, and a group has its own.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, nice)
        Path(f"/proc/{process}/autogroup").write_text(str(nice), encoding="ascii")


def _cause(daemon: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Why a daemon ended, and what to do; from its exit code and the end of its log, where these tell."""
    args: Any = daemon.args
    log = next((found[1] for word in args if (found := _LOG.match(word))), os.devnull)
    words = ""
    with suppress(OSError), Path(log).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST))
        words = file.read(_LAST).decode(errors="replace")
    if daemon.returncode == -signal.SIGBUS:
        return ", for want of shared memory", "free some of /dev/shm, or make it larger (docker run --shm-size=8g)."
    if "No space left on device" in words:
        return ", for want of disk space", "free some where TMPDIR is, or set it to a folder on another disk."
    if "Too many open files" in words:
        return ", for want of open files", "raise their limit: ulimit -n 65536."
    if "Timed out waiting for file" in words:
        return ", for its agents did not start in time", "is this machine very busy? Try again when it is less so."
    return "", "was it killed, or is the memory full?"


class RayProcesses:
    """The daemons that were started, and all that they started."""

    def __init__(self) -> None:
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._faults: list[Callable[[], RaysatError | None]] = []

    @contextmanager
    def started(self) -> Iterator[None]:
        """Within this, Ray starts its daemons in sessions of their own."""
        daemons, popen = self._daemons, services.ConsolePopen

        class Popen(popen):  # type: ignore[misc, valid-type]  # ray ships no types
            def __init__(self, *args: Any, **options: Any) -> None:
                daemons.append(self)  # before it runs: an interrupt may come at any moment
                super().__init__(*args, **options, start_new_session=True)
                if nice := _nice(self):
                    _give_way(self.pid, nice)
                    if _IS_LINUX:  # elsewhere one that is stopped would stay where this process is killed
                        self.send_signal(signal.SIGSTOP)

        services.ConsolePopen = Popen
        try:
            yield
        finally:
            services.ConsolePopen = popen

    def take(self, process: subprocess.Popen[bytes], fault: Callable[[], RaysatError | None]) -> None:
        """End a process with them that leads a session of its own.

        Args:
            process: whose session it is.
            fault: says what is wrong with it, so that Ray is of no use.
        """
        self._daemons.append(process)
        self._faults.append(fault)

    def begin_beside(self) -> None:
        """Have those begin that hold nothing: they wait until then, for the cores have more urgent things to do."""
        for daemon in self._begun():
            if _nice(daemon) and daemon.poll() is None:
                daemon.send_signal(signal.SIGCONT)

    def kill_beside(self) -> None:
        """End those that hold nothing: one that still starts hears no other signal, and Ray would wait a second."""
        for daemon in self._begun():
            if _nice(daemon) and daemon.poll() is None:
                daemon.kill()

    def lost(self) -> RaysatError | None:
        """By which error Ray is lost, if it is: a daemon that it needs has ended, or no worker could train."""
        for fault in self._faults:
            if (error := fault()) is not None:
                return error
        for daemon in self._begun():
            name = Path(daemon.args[0]).name  # type: ignore[index, arg-type]  # Ray gives a list of text
            if name in _VITAL and daemon.poll() is not None:
                cause, remedy = _cause(daemon)
                return ClusterError(
                    f"Ray on this machine ended: its {name} is gone{cause}",
                    hint=f"{remedy} The same command resumes from here",
                )
        return None

    def kill(self) -> None:
        """End whatever is left of them, and wait until it is gone."""
        deadline = time.monotonic() + _KILLED_S
        while (left := self._alive()) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)  # what was about to be started is found in the next round
        for daemon in self._begun():
            daemon.poll()  # no zombies
        self._daemons.clear()
        self._faults.clear()

    def _begun(self) -> list[subprocess.Popen[bytes]]:
        """The daemons that have a process by now."""
        return [daemon for daemon in self._daemons if getattr(daemon, "pid", None) is not None]

    def _alive(self) -> set[int]:
        """Process ids, whoever is their parent by now."""
        sessions = {daemon.pid for daemon in self._begun()}
        if not sessions:
            return set()
        found = {daemon.pid for daemon in self._begun() if daemon.poll() is None}
        for file in Path("/proc").glob("[0-9]*/stat"):  # on Linux
            with suppress(OSError):
                state, *fields = file.read_text().rpartition(") ")[2].split()
                session, threads = int(fields[2]), int(fields[16])
                has_ended = state == "Z" and threads <= 1  # until its last thread ends it holds files and locks
                if session in sessions and not has_ended:
                    found.add(int(file.parent.name))
        return found

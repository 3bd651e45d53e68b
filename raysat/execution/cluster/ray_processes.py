"""The processes of a Ray that this process starts: apart from signals to its group, and ended with it.

Each daemon gets a session of its own, so that a signal to the group of the command (Ctrl-C, a closed terminal, systemd,
a scheduler) reaches the command alone, which then ends Ray in order. The kernel still kills the daemons where this
process is killed (Ray asks for that), and workers end where their daemon is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ray._private import services

from raysat.errors import ClusterError

_KILLED_S: Final = 2.0  # for processes that are killed to be gone
_VITAL: Final = ("gcs_server", "raylet")  # without either Ray waits up to a minute, then ends this process
_NICE: Final = {"dashboard.py": 8, "monitor.py": 15, "log_monitor.py": 15}  # no job waits for these, people for one


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


class RayProcesses:
    """The daemons that were started, and all that they started."""

    def __init__(self) -> None:
        self._daemons: list[subprocess.Popen[bytes]] = []

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

        services.ConsolePopen = Popen
        try:
            yield
        finally:
            services.ConsolePopen = popen

    def take(self, process: subprocess.Popen[bytes]) -> None:
        """End a process with them that leads a session of its own."""
        self._daemons.append(process)

    def kill_beside(self) -> None:
        """End those that hold nothing: one that still starts hears no other signal, and Ray would wait a second."""
        for daemon in self._begun():
            if _nice(daemon) and daemon.poll() is None:
                daemon.kill()

    def lost(self) -> ClusterError | None:
        """By which error Ray is lost, if it is: a daemon that it cannot do without has ended."""
        for daemon in self._begun():
            name = Path(daemon.args[0]).name  # type: ignore[index, arg-type]  # Ray gives a list of text
            if name in _VITAL and daemon.poll() is not None:
                return ClusterError(
                    f"Ray on this machine ended: its {name} is gone",
                    hint="was it killed, or is the memory full? The same command resumes from here",
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

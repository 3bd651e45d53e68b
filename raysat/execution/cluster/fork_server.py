"""A process that has imported what workers need, and forks one whenever Ray asks for it: they begin at once.

    python fork_server.py SOCKET MODULE ...                 started by ``forked_workers.py``

Who asks is ``fork_client.py``, in the place of the worker: it sends that one's command, environment and open files. The
server must have no second thread when it forks: a lock that one holds would never be free in the worker. Where it has
one, and where workers die as soon as they begin, it ends, and they start as they always do.

When its standard input ends, who started it is gone, and so much has to end with it that it ends this too: all that
runs in the directory that it was told of there, which is private and empty. By themselves agents of Ray ask a dead GCS
for a minute.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final

FAULT: Final = ".fault"  # after the socket's name: a file with what is wrong with the installation, and what to do
_LENGTH: Final = 8  # bytes that say how long a request is
_LINE: Final = 4096  # bytes of a path, written at once
_FILES: Final = 3  # standard input, output, error
_OOM: Final = Path("/proc/self/oom_score_adj")
_YOUNG_S: Final = 5.0  # a worker that ends with an error so soon did not begin
_FAILURES: Final = 3  # of such workers, one after the other, that are enough
_ROUNDS: Final = 5  # of ending what is left
_ROUND_S: Final = 0.2


def main() -> None:
    """Serve until standard input ends; in a worker, be that one."""
    path, *modules = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(128)  # who asks before all is imported waits
        gc.disable()  # looking for cycles, of which they make few, is a fifth of the time of imports
        for module in modules:
            try:
                importlib.import_module(module)
            except Exception as error:  # noqa: BLE001  (whatever a broken package raises)
                if module.startswith("raysat."):
                    _tell(error, Path(path + FAULT))
        gc.freeze()  # else the first collection in a worker would copy all pages
        gc.enable()
        server = Server(listener)
        command = server.serve()
    if command:
        runpy.run_path(command[0], run_name="__main__")
    elif server.is_orphan and server.directory:
        _end_all_in(server.directory)


def _tell(error: Exception, file: Path) -> None:
    """Say why no worker could train, where who started this looks."""
    from raysat.installation import installation_error

    found = installation_error(error)
    if found and not file.exists():
        half = file.with_name(file.name + ".half")
        half.write_text(f"{found.template}\n{found.hint_template}", encoding="utf-8")
        half.rename(file)


class Server:
    """Forks what is asked for on a socket."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._born: dict[int, float] = {}  # workers by process id: when they began
        self._failures = 0
        self.is_orphan, self.directory = False, ""
        self._ended, self._told = os.pipe()  # a byte whenever a worker ends
        for end in (self._ended, self._told):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> list[str]:
        """Return a worker's command in that worker; in the server none, when it is to end."""
        while self._failures < _FAILURES:
            ready, _, _ = select.select([self._listener, sys.stdin, self._ended], [], [])
            if self._ended in ready:
                self._bury()
            if sys.stdin in ready:
                self._listen()
            if self.is_orphan or len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  (names alone)
                break
            if self._listener in ready:
                connection, _ = self._listener.accept()
                with connection:
                    if command := self._fork(connection):
                        return command
        return []

    def _listen(self) -> None:
        """Learn of the directory, or that who started this is gone."""
        if told := os.read(sys.stdin.fileno(), _LINE):
            self.directory = os.fsdecode(told.rstrip(b"\n"))
        else:
            self.is_orphan = True

    def _fork(self, connection: socket.socket) -> list[str]:
        """Make a worker; in it, return its command."""
        try:
            request, files = _receive(connection)
        except (OSError, ValueError):  # who asked is gone
            return []
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._ended)
            os.close(self._told)
            _become(request, files)
            return _script(request["command"])
        self._born[pid] = time.monotonic()
        for file in files:
            os.close(file)
        with suppress(OSError):
            connection.sendall(b".")
        return []

    def _bury(self) -> None:
        """Take note of workers that ended, so that they are gone."""
        os.read(self._ended, 1 << 16)
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                failed = os.WIFEXITED(status) and status != 0 and time.monotonic() - self._born.pop(pid) < _YOUNG_S
                self._failures = self._failures + 1 if failed else 0


def _end_all_in(directory: str) -> None:
    """Kill all other processes whose current directory this is."""
    for _ in range(_ROUNDS):  # what is about to start others is found before they have done so, or they are
        for entry in Path("/proc").glob("[0-9]*/cwd"):
            pid = int(entry.parent.name)
            with suppress(OSError):  # another user's, or gone
                if pid != os.getpid() and str(entry.readlink()) == directory:
                    os.kill(pid, signal.SIGKILL)
        time.sleep(_ROUND_S)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    length, files, _, _ = socket.recv_fds(connection, _LENGTH, _FILES)
    if len(files) != _FILES:
        raise ValueError(f"{len(files)} files")
    with connection.makefile("rb") as stream:
        return json.loads(stream.read(int.from_bytes(length, "big"))), files


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Be the process that asked: with its files, environment, directory, priority and command."""
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # of another environment
    os.chdir(request["directory"])
    os.setpriority(os.PRIO_PROCESS, 0, request["priority"])
    if request["leads"]:
        os.setpgid(0, 0)
    with suppress(OSError):
        _OOM.write_text(request["oom"], encoding="ascii")
    sys.argv = _script(request["command"])


def _script(command: list[str]) -> list[str]:
    """A script and its words, without flags of Python's (``-s``) before it, by which this process is bound already."""
    return list(dropwhile(lambda word: word.startswith("-"), command))


if __name__ == "__main__":
    main()

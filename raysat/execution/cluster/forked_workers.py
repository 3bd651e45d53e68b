"""Has the workers of a Ray of one's own forked from a process that imports what they need while Ray starts.

Importing torch, timm and Ray takes a worker some four seconds of a core; here once, beside the import of Ray and its
start, for all of them, and those that take the place of a killed one. On Linux alone: elsewhere libraries do not stand
a fork. Imports no ray, so that it can begin before.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from raysat.errors import InstallationError
from raysat.execution.cluster import fork_client, fork_server
from raysat.execution.cluster.private_folder import SHORT, private_folder, temporary_folder, unusable
from raysat.execution.cluster.python_path import raysat_path

# Not Ray itself: when it is imported it reads variables that each worker gets from its raylet.
_MODULES: Final = (
    *("raysat.execution.workers.preload", "raysat.planning.stages", "raysat.storage.artifacts"),
    *("pandas", "pyarrow.fs", "fsspec", "jsonschema", "requests"),  # by Ray
)
# Without the threads that numpy and pyarrow start when they are imported.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
_LONGEST: Final = 60  # bytes of the path of a folder for temporary files: of a socket's it may have some hundred


class ForkServer:
    """The process that workers are forked from; it ends with this one."""

    def __init__(self, folder: Path) -> None:
        """Start it, apart from the current directory.

        Args:
            folder: a private one, for its socket.
        """
        self._socket, here = folder / "fork", folder / "empty"
        here.mkdir()
        self.process = subprocess.Popen(  # noqa: S603  (no text of users)
            [sys.executable, fork_server.__file__, str(self._socket), *_MODULES],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": raysat_path(), "PYTHONSAFEPATH": "1", "TMPDIR": str(here)},
            cwd=here,
            start_new_session=True,
        )

    def serve(self, directory: Path) -> dict[str, str]:
        """Have it make workers.

        Args:
            directory: a private and empty one, in which all processes end with this one.

        Returns:
            What is to be added to the runtime environment of workers.
        """
        stdin: Any = self.process.stdin
        with suppress(BrokenPipeError):  # it ended: workers start as Ray starts them
            stdin.write(os.fsencode(directory) + b"\n")
            stdin.flush()
        return {"py_executable": shlex.join([sys.executable, "-I", "-S", fork_client.__file__, str(self._socket)])}

    def fault(self) -> InstallationError | None:
        """What is wrong with the installation, so that no worker could train; None while nothing is known to be."""
        try:
            told = Path(f"{self._socket}{fork_server.FAULT}").read_text(encoding="utf-8")
        except OSError:
            return None
        message, _, hint = told.partition("\n")
        return InstallationError(message, hint=hint)

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


_begun: list[ForkServer] = []  # by ``workers_begun``, until a Ray takes it


@contextmanager
def workers_begun(address: str | None) -> Iterator[None]:
    """Begin to import what workers need, before Ray is imported, where a Ray is about to start on this machine.

    Args:
        address: of the cluster that is to be used.

    Raises:
        ClusterError: no folder can be made for temporary files.
    """
    ray = sys.modules.get("ray")
    if sys.platform != "linux" or _begun or address not in (None, "local") or (ray and ray.is_initialized()):
        yield
        return
    with private_folder(None if len(os.fsencode(temporary_folder())) < _LONGEST else SHORT) as private:
        try:
            server = ForkServer(private.path)
        except OSError as error:
            raise unusable(private.path.parent, error) from error
        _begun.append(server)
        try:
            yield
        finally:
            if server in _begun:
                _begun.remove(server)
            server.end()


def take_fork_server(folder: Path) -> ForkServer | None:
    """The process that was begun, else a new one; None on other systems than Linux.

    Args:
        folder: a private one, for a new one's socket.
    """
    if sys.platform != "linux":
        return None
    return _begun.pop() if _begun else ForkServer(folder)

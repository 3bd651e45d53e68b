"""How a Ray of one's own starts on this machine: nobody else can use it, and it runs nothing that was not asked for.

Who can use Ray can run what he likes as its user. So what others can reach of it listens on loopback and asks for a
token that is made anew for each run; its files and sockets lie in a folder that the user alone can enter. And none of
its processes starts in the current directory, whose modules Python would prefer to the installed ones.
"""

from __future__ import annotations

import inspect
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ray._private import ray_constants, services
from ray._private.node import Node
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # its stubs lack them

from raysat.execution.cluster import worker_setup
from raysat.execution.cluster.private_folder import SHORT, PrivateFolder, private_folder
from raysat.execution.cluster.python_path import python_path

# Bytes that a socket's path may have, and those that Ray adds to its temporary folder in the longest of them.
_SOCKET_PATH: Final = 103 if sys.platform == "darwin" else 107
_SESSION: Final = len("/session_2026-01-01_00-00-00_000000_1234567/sockets/dash_TaskEventsHead")
_NO_PORT: Final = "65536"  # Ray has no other way to leave out this server; it notes that it cannot start


@dataclass(frozen=True, slots=True, kw_only=True)
class RayFolders:
    """Where a Ray of one's own keeps its files, all in private folders."""

    home: PrivateFolder  # of its sockets and logs: the run's, or another one where paths in that are too long
    token: Path  # file with the token
    scratch: Path  # for temporary files of workers, which may be large: where the user wants them

    @property
    def temporary(self) -> Path:
        """Ray's own folder for temporary files: within a private one, for Ray lets everybody into its own."""
        return self.home.path / "r"

    @property
    def logs(self) -> Path:
        """Its logs, once it has started."""
        return self.temporary / "session_latest" / "logs"


@contextmanager
def ray_folders(private: PrivateFolder) -> Iterator[RayFolders]:
    """Have folders and a token for a Ray, in the private folder of a run, as long as the Ray is used."""
    with ExitStack() as stack:
        home = private
        if len(os.fsencode(private.path / "r")) + _SESSION > _SOCKET_PATH:
            home = stack.enter_context(private_folder(SHORT))
        folders = RayFolders(home=home, token=private.path / "token", scratch=private.path / "scratch")
        folders.scratch.mkdir()
        token = os.open(folders.token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(token, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        stack.enter_context(_token_in_use(folders.token))
        yield folders


@contextmanager
def _token_in_use(token: Path) -> Iterator[None]:
    """Have Ray use a token in this process and those that it starts, whatever the user has set for other clusters.

    Ray turns tokens on where RAY_AUTH_MODE is not set, and remembers both for the process.
    """
    try:
        with environment({"RAY_AUTH_MODE": None, "RAY_AUTH_TOKEN": None, "RAY_AUTH_TOKEN_PATH": str(token)}):
            AuthenticationTokenLoader.instance().reset_cache()
            yield
    finally:
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def private_processes(folder: Path) -> Iterator[None]:
    """Start processes apart from the current directory, with a private folder for temporary files, on loopback alone.

    On Linux Ray binds its servers to all interfaces unless it believes clusters to be unsupported, as on other systems.
    Metrics it would serve to everybody who asks.
    """
    temporary = folder / "tmp"
    temporary.mkdir()
    changes = {
        "PYTHONPATH": python_path(),
        "PYTHONSAFEPATH": "1",
        "RAY_TMPDIR": None,
        "TMPDIR": str(temporary),
        ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0",
        "RAY_enable_metrics_collection": "0",
        "RAY_prestart_worker_first_driver": "0",  # workers that none of ours is: slots have an environment of their own
        "DASHBOARD_METRIC_PORT": _NO_PORT,
    }
    clusters = ray_constants.ENABLE_RAY_CLUSTER  # read from the environment when ray was imported
    with environment(changes), elsewhere(folder):
        ray_constants.ENABLE_RAY_CLUSTER = False
        try:
            yield
        finally:
            ray_constants.ENABLE_RAY_CLUSTER = clusters


@contextmanager
def quick_setup() -> Iterator[None]:
    """Have a raylet that starts within this set up its workers by ``worker_setup.py``."""
    start = services.start_raylet

    def start_raylet(*others: Any, **named: Any) -> Any:
        given = inspect.signature(start).bind(*others, **named)
        given.arguments["setup_worker_path"] = worker_setup.__file__
        return start(*given.args, **given.kwargs)

    services.start_raylet = start_raylet
    try:
        yield
    finally:
        services.start_raylet = start


@contextmanager
def without_monitors() -> Iterator[None]:
    """Have Ray start here without two of its daemons, each of which takes seconds of a core to begin and reads on.

    One brings what workers print to their drivers, where raysat leaves it in logs; the other asks clouds for machines.
    """
    names = ("start_log_monitor", "start_monitor")
    before = {name: getattr(Node, name) for name in names}
    try:
        for name in names:
            setattr(Node, name, lambda _: None)
        yield
    finally:
        for name, start in before.items():
            setattr(Node, name, start)


@contextmanager
def elsewhere(folder: Path) -> Iterator[None]:
    """Make an empty folder within another the current directory, for Ray puts that into the path of its workers."""
    (folder / "cwd").mkdir()
    here = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    try:
        os.chdir(folder / "cwd")
        yield
    finally:
        os.fchdir(here)
        os.close(here)


@contextmanager
def environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change variables of the environment for a while; None takes one away."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

"""Connect to Ray, or start it here, and leave the process afterwards as it was before."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import ray
from ray import LoggingConfig
from ray._private import worker as worker_module
from ray.job_config import JobConfig

from raysat.errors import ClusterError
from raysat.execution import ENVIRONMENT
from raysat.execution.cluster.dashboard import dashboard_announced, dashboard_not_waited_for
from raysat.execution.cluster.forked_workers import take_fork_server
from raysat.execution.cluster.gcs import Pulse
from raysat.execution.cluster.local_ray import (
    elsewhere,
    private_processes,
    quick_setup,
    ray_folders,
    without_monitors,
)
from raysat.execution.cluster.private_folder import PrivateFolder, private_folder, unusable
from raysat.execution.cluster.python_path import worker_path
from raysat.execution.cluster.quiet_core import quiet_core
from raysat.execution.cluster.ray_processes import RayProcesses
from raysat.execution.cluster.ray_signals import same_signals
from raysat.execution.cluster.ray_watch import RayWatch
from raysat.execution.cluster.raylet import check_node, raylet_watched
from raysat.execution.cluster.resources import no_leftovers
from raysat.execution.cluster.user_token import check_token, keep_token_private
from raysat.execution.events import Connected, NoDashboard, OnEvent, ignore
from raysat.formatting import one_line
from raysat.interrupts import removed_at_end

_VERSIONS: Final = re.compile(r"Ray: (\S+)\s+Python: (\S+)")  # in Ray's account of others than its own


@contextmanager
def _same_process() -> Iterator[None]:
    """Undo what Ray changes for good in the process that it starts from: the root logger, and ``breakpoint()``."""
    root, breakpoint_before = logging.getLogger(), os.environ.get("PYTHONBREAKPOINT")
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        os.environ.pop("PYTHONBREAKPOINT", None)
        if breakpoint_before is not None:
            os.environ["PYTHONBREAKPOINT"] = breakpoint_before


@contextmanager
def connect(address: str | None, on_event: OnEvent = ignore, later: OnEvent = ignore) -> Iterator[Path]:
    """Connect to a cluster, or start Ray on this machine; disconnect, or stop it, at the end.

    Args:
        address: of the cluster; None for this machine.
        on_event: is told of the cluster's dashboard.
        later: is told of this machine's, by another thread.

    Yields:
        A private folder for temporary files of the run.

    Raises:
        ClusterError: the cluster cannot be reached, or Ray cannot be started.
    """
    with private_folder() as private:
        if ray.is_initialized():  # a caller's own connection stays open
            with no_leftovers():
                yield private.path
            return
        processes = RayProcesses()
        # A cluster takes its time to let go of a driver where it is lost; daemons of this process are killed.
        pulse = RayWatch(Pulse(address).look, every=1.0, patience=10.0) if address else None
        watch = pulse or RayWatch(processes.lost, every=0.25, patience=6.0)
        with (
            _same_process(),
            removed_at_end(processes.kill),
            watch.watched(),
            _cluster(address, private, on_event) if address else _local(private, processes, later) as announced,
        ):
            try:
                with announced:
                    yield private.path
            finally:
                watch.end()
                processes.kill_beside()
                with same_signals():
                    ray.shutdown()


@contextmanager
def _local(private: PrivateFolder, processes: RayProcesses, later: OnEvent) -> Iterator[AbstractContextManager[None]]:
    """Start Ray on this machine. Where it does not start, its logs stay until the next one does.

    Yields:
        Within it, its dashboard is told of.
    """
    path = worker_path()
    with ExitStack() as stack:
        try:
            folders = stack.enter_context(ray_folders(private))
        except OSError as error:
            raise unusable(private.path.parent, error) from error
        try:
            with (
                private_processes(folders.home.path),
                processes.started(),
                dashboard_not_waited_for(),
                quick_setup(),
                without_monitors(),
            ):
                server = take_fork_server(folders.home.path)
                if server:
                    processes.take(server.process, server.fault)
                _init(
                    path,
                    {"TMPDIR": str(folders.scratch)},
                    server.serve(Path.cwd()) if server else {},
                    address="local",  # never a cluster that happens to run here
                    include_dashboard=True,
                    dashboard_host="127.0.0.1",
                    _temp_dir=str(folders.temporary),
                )
        except Exception as error:
            folders.home.keep = folders.logs.is_dir()
            hint = f"until raysat starts Ray again, its logs are in {folders.logs}" if folders.home.keep else None
            raise ClusterError(f"Ray cannot be started on this machine: {_cause(error)}", hint=hint) from error
        yield dashboard_announced(
            processes.begin_beside,
            lambda url: later(Connected(dashboard=url, token=folders.token) if url else NoDashboard()),
        )


@contextmanager
def _cluster(address: str, private: PrivateFolder, on_event: OnEvent) -> Iterator[AbstractContextManager[None]]:
    """Connect to a cluster, with the user's own token, and tell of its dashboard."""
    path = worker_path()
    keep_token_private()
    check_token(address)
    check_node(address)
    try:
        with elsewhere(private.path), quiet_core():
            dashboard = _init(path, {}, {}, address=address)
    except Exception as error:
        raise _other_versions(address, error) or ClusterError(
            f"the cluster at {address} cannot be reached: {_cause(error)}",
            hint=f"check the address with: ray status --address {address}",
        ) from error
    with raylet_watched():
        yield _told(on_event, Connected(dashboard=dashboard, token=None))


@contextmanager
def _told(on_event: OnEvent, event: Connected) -> Iterator[None]:
    on_event(event)
    yield


def _init(
    worker_path: list[str], environment: Mapping[str, str], workers: Mapping[str, str], **options: Any
) -> str | None:
    """Initialise Ray. Raises whatever Ray does.

    Args:
        worker_path: what workers need in their path.
        environment: variables of workers.
        workers: more of their runtime environment.
        options: more arguments of ``ray.init``.

    Returns:
        The address of Ray's dashboard, if it has one.
    """
    with same_signals(), _no_errors_of_ray():
        context = ray.init(
            runtime_env={"env_vars": {**ENVIRONMENT, **environment}, **workers},
            job_config=JobConfig(_py_driver_sys_path=worker_path),
            log_to_driver=False,
            logging_level="CRITICAL",  # what it says when it does not start is in the error, and in its logs
            logging_config=LoggingConfig(log_level="ERROR"),
            **options,
        )
    logging.getLogger("ray").setLevel(logging.ERROR)
    return f"http://{context.dashboard_url}" if context.dashboard_url else None


@contextmanager
def _no_errors_of_ray() -> Iterator[None]:
    """Have Ray connect without its listener, which prints pages of its log for each node that is lost."""
    listen = worker_module.listen_error_messages
    worker_module.listen_error_messages = lambda *_: None
    try:
        yield
    finally:
        worker_module.listen_error_messages = listen


def _other_versions(address: str, error: Exception) -> ClusterError | None:
    """The error of a cluster of another Ray or Python, of which Ray tells in a paragraph; None for any other."""
    if not str(error).startswith("Version mismatch") or len(found := _VERSIONS.findall(str(error))) != 2:
        return None
    theirs, ours = (f"Ray {ray} on Python {python}" for ray, python in found)
    return ClusterError(
        f"the cluster at {address} has {theirs}, this process {ours}",
        hint="Ray wants both equal on all machines: run raysat in the cluster's image, or start the cluster anew",
    )


def _cause(error: Exception) -> str:
    """What went wrong in a line: the first of an error, or the last of the log that Ray gives in its place."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return one_line(lines[-1] if lines[0].startswith("The last ") else lines[0])


@contextmanager
def quiet_tune() -> Iterator[None]:
    """Keep Tune's log to itself: what fails is in the ledger and the leaderboard."""
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)

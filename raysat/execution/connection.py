"""Connect to Ray, or start it here, and leave the process afterwards as it was before."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import LoggingConfig

from raysat.errors import ClusterError
from raysat.execution import ENVIRONMENT
from raysat.execution.events import Connected, OnEvent, ignore
from raysat.execution.ray_processes import RayProcesses
from raysat.interrupts import removed_at_end


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
def connect(address: str | None, on_event: OnEvent = ignore) -> Iterator[None]:
    """Connect to a cluster, or start Ray on this machine; disconnect, or stop it, at the end.

    Raises:
        ClusterError: the cluster cannot be reached, or Ray cannot be started.
    """
    local: dict[str, Any] = {"include_dashboard": True, "dashboard_host": "127.0.0.1"}
    if ray.is_initialized():  # a caller's own connection stays open
        yield
        return
    processes = RayProcesses()
    with _same_process(), removed_at_end(processes.kill), processes.watched():
        try:
            with _same_signals(), processes.started():
                context = ray.init(
                    address=address or "local",  # never a cluster that happens to run here
                    runtime_env={"env_vars": dict(ENVIRONMENT)},
                    log_to_driver=False,
                    logging_level="ERROR",
                    logging_config=LoggingConfig(log_level="ERROR"),
                    **({} if address else local),
                )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = (
                f"the cluster at {address} cannot be reached" if address else "Ray cannot be started on this machine"
            )
            first = next(iter(str(error).splitlines()), type(error).__name__)
            hint = "check the address with: ray status --address ..." if address else "see the logs under /tmp/ray"
            raise ClusterError(f"{where}: {first}", hint=hint) from error
        try:
            on_event(Connected(dashboard=f"http://{context.dashboard_url}" if context.dashboard_url else None))
            yield
        finally:
            processes.shut_down()


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


@contextmanager
def _same_signals() -> Iterator[None]:
    """Keep Ray from taking SIGTERM for itself when it starts: how it ends is up to the program around it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
    take = ray._private.utils.set_sigterm_handler
    ray._private.utils.set_sigterm_handler = lambda _: signal.signal(signal.SIGTERM, before)
    try:
        yield
    finally:
        ray._private.utils.set_sigterm_handler = take
        signal.signal(signal.SIGTERM, before)  # Ray's C++ code takes it, too

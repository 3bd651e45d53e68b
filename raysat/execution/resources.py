"""The machines: connect to Ray, or start it here, and decide what each job gets of them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import ray
from ray import LoggingConfig, PlacementGroupID
from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group

from raysat.errors import ClusterError
from raysat.execution import ENVIRONMENT
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import Connected, OnEvent, ignore

PATIENCE: Final = 10.0  # seconds that an address gets to answer
# How each side of HTTP/2, and so of gRPC, begins (RFC 9113, 3.4): here with an empty SETTINGS frame.
_SETTINGS: Final = b"\x04"  # the frame's type, its fourth byte
_GRPC_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + _SETTINGS + bytes(5)


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
    with _same_process():
        try:
            with _same_signals():
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
            ray.shutdown()


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
    """Undo what Ray does to SIGTERM when it starts: how it ends is up to the program around it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


@contextmanager
def no_leftovers() -> Iterator[None]:
    """Free what a run has reserved and not given back: the CPUs of slots that Tune ended while they still started.

    Ray would do so when this process leaves it; a further run of the same process would wait for them.
    """
    before = _reserved()
    try:
        yield
    finally:
        for group in _reserved() - before:
            remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(group))))


def _reserved() -> set[str]:
    """Ids of this process's placement groups: the last digits of one are the job that made it."""
    job = ray.get_runtime_context().get_job_id()
    groups: dict[str, dict[str, Any]] = placement_group_table()
    return {group for group, info in groups.items() if group.endswith(job) and info["state"] != "REMOVED"}


def check_address(address: str | None) -> None:
    """Raise ClusterError for an address at which no Ray answers: Ray itself would try for minutes."""
    if address is None or address == "auto":
        return
    if address.startswith("ray://"):
        raise ClusterError(
            f"{{--address}} {address}: Ray Client cannot run a study",
            hint="submit it: ray job submit -- raysat ablate ...",
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(
            f"{{--address}} {address}: write it as HOST:PORT", hint="on a machine of the cluster, 'auto' will do"
        )
    hint = "the port is that of `ray start --head`, 6379 by default; 8265 is the dashboard's"
    if not 0 < int(port) < 2**16:  # some systems would take the rest of it for the port
        raise ClusterError(f"the cluster at {address} cannot be reached: a port is a number from 1 to 65535", hint=hint)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as connection:
            connection.sendall(_GRPC_HELLO)
            is_grpc = _answer(connection)[3:4] == _SETTINGS
    except OSError as error:
        raise ClusterError(f"the cluster at {address} cannot be reached: {error}", hint=hint) from None
    if not is_grpc and os.environ.get("RAY_USE_TLS", "0") == "0":
        raise ClusterError(f"the cluster at {address} cannot be reached: what answers there is not Ray", hint=hint)


def _answer(connection: socket.socket) -> bytes:
    """The first bytes that come back; none where what is there says nothing or hangs up."""
    try:
        return connection.recv(9)  # the head of a frame
    except OSError:
        return b""


def fit(nodes: Sequence[dict[str, Any]], options: ClusterOptions, *, beside: bool = False) -> tuple[float, float, int]:
    """Decide what each job gets.

    By default a worker gets one GPU where there are any, with its share of the node's cores, else all cores of a node:
    on small machines one trial with all cores beats several with one each.

    Args:
        nodes: what ``ray.nodes()`` says.
        options: what the user asks for.
        beside: generators are to run beside trials: half the cores of a node, then, since a generator is long, and
            gains little from threads.

    Returns:
        CPUs and GPUs of each worker, and how many slots run at once.

    Raises:
        ClusterError: no node can hold one worker.
    """
    alive = [node["Resources"] for node in nodes if node.get("Alive") and node["Resources"].get("CPU", 0) >= 1]
    most_gpus = max((node.get("GPU", 0.0) for node in alive), default=0.0)
    gpus = options.gpus_per_trial if options.gpus_per_trial is not None else float(most_gpus > 0)
    useful = [node for node in alive if node.get("GPU", 0.0) >= gpus] or alive
    cpus = options.cpus_per_trial
    if cpus is None:
        cores = min((node["CPU"] for node in useful), default=1.0)
        share = cores * gpus / most_gpus if gpus and most_gpus else cores / options.workers / (2 if beside else 1)
        cpus = float(max(1, int(share)))

    def room(node: dict[str, float]) -> int:
        by_gpu = node.get("GPU", 0.0) / gpus if gpus else float("inf")
        return int(min(node["CPU"] / cpus, by_gpu) + 1e-6)

    slots = sum(room(node) for node in alive) // options.workers
    if options.address is not None and options.max_concurrent is not None:
        # The cluster may grow. A slot too many waits for its workers until another slot ends.
        if not alive and (options.cpus_per_trial is None or options.gpus_per_trial is None):
            raise ClusterError(
                "no machine of the cluster can train yet, so raysat cannot tell what a trial should get",
                hint="give {--cpus-per-trial} and {--gpus-per-trial}",
            )
        return cpus, gpus, options.max_concurrent
    if slots == 0:
        asked = f"{options.workers} x {cpus:g} CPU" + (f" + {gpus:g} GPU" if gpus else "")
        raise ClusterError(
            f"a trial asks for {asked}, more than the machine or cluster has now",
            hint="ask for less with {--cpus-per-trial}, {--gpus-per-trial}; "
            "if the cluster grows, give {--max-concurrent}",
        )
    return cpus, gpus, min(slots, options.max_concurrent or slots)

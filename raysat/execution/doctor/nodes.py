"""Looks over each node of a cluster, by one small task there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import ray
from ray.exceptions import RayError

from raysat.execution.cluster.address import check_address
from raysat.execution.cluster.connection import connect
from raysat.execution.cluster.same_versions import VersionCheck, on_node, place_of
from raysat.execution.doctor.check import Check, Machine
from raysat.execution.doctor.clock import node_clock
from raysat.execution.doctor.machine import look_over
from raysat.execution.versions import REMEDY, differences, versions
from raysat.formatting import one_line

_PATIENCE_S: Final = 60.0  # to import torch on a busy node
_NO_PORTS: Final = ("ports",)  # a node's are its Ray's


def look_over_nodes(address: str, out: str) -> list[Machine]:
    """Look over the nodes of a cluster that are there now.

    Args:
        address: of the cluster, or "auto".
        out: where runs go.

    Returns:
        The nodes, in the order of their addresses.

    Raises:
        ClusterError: it cannot be reached.
    """
    with connect(check_address(address)):
        nodes = sorted((node for node in ray.nodes() if node["Alive"]), key=place_of)
        ours = versions()
        packages = {each.node: each.packages for each in VersionCheck(nodes, all_of_them=True).result()}
        # Where raysat is another one it may lack what is asked for here.
        asked = time.time()
        tasks = {
            node: on_node(_examine, node, "raysat doctor").remote(out)
            for node, theirs in packages.items()
            if theirs["raysat"] == ours["raysat"]
        }
        if tasks:
            ray.wait(list(tasks.values()), num_returns=len(tasks), timeout=_PATIENCE_S)
        answered = time.time()
        return [
            Machine(
                place=place_of(node),
                checks=(
                    _same(packages.get(node["NodeID"]), ours),
                    *_result(tasks.get(node["NodeID"]), asked, answered),
                ),
            )
            for node in nodes
        ]


def _examine(out: str) -> tuple[float, tuple[Check, ...], float]:
    """Look over the node, and say when that began and ended by its clock."""
    started = time.time()
    return started, look_over(out), time.time()


def _result(task: Any, asked: float, answered: float) -> tuple[Check, ...]:
    if task is None:
        return ()
    try:
        started, checks, ended = ray.get(task, timeout=0)
    except (RayError, TimeoutError) as error:
        return (_silent(one_line(str(error).splitlines()[-1] if str(error) else "")),)
    shown = tuple(check for check in checks if check.name not in _NO_PORTS)
    return (node_clock(started, ended, asked, answered), *shown)


def _same(theirs: Mapping[str, str | None] | None, ours: Mapping[str, str]) -> Check:
    if theirs is None:
        return _silent()
    if found := differences(theirs, ours):
        return Check(name="versions", found=f"{', '.join(found)} on the driver", level="fault", remedy=REMEDY)
    return Check(name="versions", found="as the driver's, of all that decides numbers")


def _silent(cause: str = "") -> Check:
    found = f"does not answer{f': {cause}' if cause else ''}"
    return Check(name="node", found=found, level="fault", remedy="see /tmp/ray/session_latest/logs there")

"""Whether the nodes of a cluster have what the driver has, asked of each by one small task before anything trains.

A node may have another raysat, or none: so the task brings its own code, and needs nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raysat.errors import ClusterError
from raysat.execution.versions import PACKAGES, REMEDY, differences, versions
from raysat.formatting import plural

_PATIENCE_S: Final = 20.0  # for a node that does not answer: its slots look for themselves, as those of later nodes do


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVersions:
    """What a node has."""

    node: str  # Ray's id
    place: str  # address and name of the machine
    packages: Mapping[str, str | None]  # version by package


def trains(node: Mapping[str, Any]) -> bool:
    """Whether a node that ``ray.nodes()`` tells of is there, and may run jobs."""
    return bool(node["Alive"]) and (node["Resources"].get("CPU", 0) >= 1 or node["Resources"].get("GPU", 0) > 0)


def place_of(node: Mapping[str, Any]) -> str:
    """How a node is called: by its address, and by its name where that is another word."""
    address, name = node["NodeManagerAddress"], node["NodeManagerHostname"]
    return str(address) if address == name else f"{address} ({name})"


def on_node(function: Callable[..., Any], node: str, name: str) -> Any:
    """Return a function as a task of one node, which waits for no resources.

    Args:
        function: what to do there.
        node: Ray's id.
        name: of the task, in Ray's lists.
    """
    strategy = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(num_cpus=0, max_retries=0)(function).options(name=name, scheduling_strategy=strategy)


class VersionCheck:
    """Asks all nodes at once; what is done until ``result`` costs nothing."""

    def __init__(self, nodes: Sequence[Mapping[str, Any]], *, all_of_them: bool = False) -> None:
        """Ask the nodes of ``ray.nodes()`` that train, or all."""
        self._asked = {
            on_node(_asked(), node["NodeID"], "raysat versions").remote(PACKAGES): (node["NodeID"], place_of(node))
            for node in nodes
            if all_of_them or trains(node)
        }

    def result(self) -> list[NodeVersions]:
        """What the nodes have that answer."""
        found, tasks = [], list(self._asked)
        ready, _ = ray.wait(tasks, num_returns=len(tasks), timeout=_PATIENCE_S) if tasks else ([], [])
        for task in ready:
            try:
                packages = ray.get(task)
            except RayError:  # the node has just gone
                continue
            node, place = self._asked[task]
            found.append(NodeVersions(node=node, place=place, packages=packages))
        return found

    def check(self) -> None:
        """Raise ClusterError where a node has other versions than the driver."""
        ours = versions()
        others = [(node.place, found) for node in self.result() if (found := differences(node.packages, ours))]
        if others:
            (place, found), more = others[0], len(others) - 1
            also = f"; {plural(more, 'more node')} differ{'s' if more == 1 else ''}, too" if more else ""
            raise ClusterError(f"node {place} has {', '.join(found)} on the driver{also}", hint=REMEDY)


def _asked() -> Callable[[Sequence[str]], dict[str, str | None]]:
    """The task: a function within another travels with its code."""

    def raysat_versions(packages: Sequence[str]) -> dict[str, str | None]:
        from importlib.metadata import PackageNotFoundError, version

        found: dict[str, str | None] = {}
        for name in packages:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = None
        return found

    return raysat_versions

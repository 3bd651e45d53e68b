"""How many slots a run may hold now: as many as the nodes have room for, less what is the share of other drivers.

Each driver asks for no more than that, so that each sees in Ray's table of placement groups what the others hold or
wait for. One that holds more than its share lets slots go as its jobs end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import ray
from ray.util.placement_group import placement_group_table

from raysat.execution.cluster.resources import room

_LOOK_S: Final = 1.0  # between two looks at the cluster
_LAST_LOOK_S: Final = 2.0  # for one that goes on while the run ends
_PENDING: Final = ("PENDING", "RESCHEDULING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What another driver of the cluster holds and waits for."""

    slots: float  # of this run's size
    is_waiting: bool


class Slots:
    """Looks at the cluster now and then."""

    def __init__(self, per_worker: Mapping[str, float], workers: int, *, most: int | None, grows: bool) -> None:
        """Look for the first time.

        Args:
            per_worker: Ray's resources of each worker.
            workers: of each job.
            most: how many slots the user wants at most.
            grows: whether more may be asked for than there is room for: an autoscaler brings nodes for what waits.
        """
        self._per_worker, self._workers, self._most, self._grows = per_worker, workers, most, grows
        self._job = ray.get_runtime_context().get_job_id()
        self._ended = threading.Event()
        self.avoided: tuple[str, ...] = ()  # Ray's ids of nodes that get no jobs
        self._look()

    @property
    def grows(self) -> bool:
        """Whether nodes may come for what waits."""
        return self._grows

    def avoid(self, node: str) -> bool:
        """Give a node no more jobs, given Ray's id; whether that is new."""
        if node in self.avoided:
            return False
        self.avoided = (*self.avoided, node)
        with suppress(Exception):  # as in _follow
            self._look()
        return True

    def allowed(self) -> int:
        """How many slots the run may hold or wait for now; never none unless others wait for the only ones."""
        return self._allowed

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Within this, a thread looks: where the head of the cluster does not answer, it alone waits."""
        thread = threading.Thread(target=self._follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(_LAST_LOOK_S)

    def _follow(self) -> None:
        while not self._ended.wait(_LOOK_S):
            with suppress(Exception):  # that a cluster is lost is told elsewhere
                self._look()

    @property
    def others_wait(self) -> bool:
        """Whether other drivers wait for what a node of the cluster could give them."""
        return any(other.is_waiting for other in self._others)

    def _look(self) -> None:
        alive = [node for node in ray.nodes() if node["Alive"]]
        nodes = [node["Resources"] for node in alive if node["NodeID"] not in self.avoided]
        if self._ended.is_set():  # where nobody is connected any more, the next question would start another Ray
            return
        self.nodes = len(alive)
        there = room(nodes, self._per_worker, self._workers)
        self.fit = there if self._most is None else min(there, self._most)  # jobs at once, others aside
        self._others = demands(
            placement_group_table(),
            nodes,
            {name: amount * self._workers for name, amount in self._per_worker.items()},
            own=self._job,
        )
        wanted = self._most if self._grows and self._most else self.fit
        held = [other.slots for other in self._others]
        if self.others_wait:
            self._allowed = min(wanted, share(there, held))
        elif self._grows:
            self._allowed = wanted
        else:
            self._allowed = max(1, min(wanted, share(there, held)))


def demands(
    groups: Mapping[str, Mapping[str, Any]],
    nodes: Sequence[Mapping[str, float]],
    slot: Mapping[str, float],
    *,
    own: str,
) -> list[Demand]:
    """What the other drivers of a cluster hold and wait for; groups that no node could ever hold do not count.

    Args:
        groups: Ray's table of placement groups: the last digits of an id are the job of its driver.
        nodes: resources of each.
        slot: resources of one.
        own: the job of this driver.

    Returns:
        One demand a driver.
    """
    found: dict[str, Demand] = {}
    for group, info in groups.items():
        driver, bundles = group[-len(own) :], list(info["bundles"].values())
        is_waiting = info["state"] in _PENDING
        if driver == own or not (is_waiting or info["state"] == "CREATED"):
            continue
        if is_waiting and not all(any(_holds(node, bundle) for node in nodes) for bundle in bundles):
            continue
        size = max(sum(bundle.get(name, 0.0) for bundle in bundles) / amount for name, amount in slot.items())
        if size > 0:
            before = found.get(driver, Demand(slots=0.0, is_waiting=False))
            found[driver] = Demand(slots=before.slots + size, is_waiting=before.is_waiting or is_waiting)
    return list(found.values())


def _holds(node: Mapping[str, float], bundle: Mapping[str, float]) -> bool:
    return all(node.get(name, 0.0) >= amount for name, amount in bundle.items())


def share(slots: int, others: Sequence[float]) -> int:
    """How many slots are left for one who wants all, where nobody gets more than others who want more.

    Args:
        slots: that there are.
        others: how many each of the others wants.
    """
    left, drivers = float(slots), len(others) + 1
    for wanted in sorted(others):
        if wanted > left / drivers:
            break
        left, drivers = left - wanted, drivers - 1
    return int(left / drivers + 1e-6)

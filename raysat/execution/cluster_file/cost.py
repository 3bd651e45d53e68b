"""What a study would cost on the machines of a cluster file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from raysat.execution.cluster_file.alternatives import PRICE
from raysat.execution.cluster_file.reading import Choice, ClusterFile, NodeType

_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A study on machines of one kind alone; the time that they take to start and to go is not in it."""

    kind: str  # of node
    choice: Choice
    machines: int  # at a time
    hours: float  # from the first step to the last
    usd: float  # of these machines, and of the head for as long


def costs(file: ClusterFile, views: float, rate: float, *, jobs: int) -> tuple[Cost, ...]:
    """Say what training costs on each kind of worker.

    Args:
        file: the cluster.
        views: images that pass through networks, after sharing.
        rate: of these a second, of one machine.
        jobs: how many there are: no more machines work at a time.

    Returns:
        A cost for each machine that may be taken, the first choice first.

    Raises:
        UsageError: a node type has no price, or all machines are one's own.
    """
    if file.provider == "local":
        hint = "raysat plan --estimate says how long a machine would need"
        raise file.tree.error("machines of your own have no price here", "provider", hint=hint)
    heads = [_price(file, kind, choice) for kind in file.node_types if kind.is_head for choice in kind.choices[:1]]
    found = tuple(_costs(file, views / rate / _HOUR, sum(heads), jobs))
    if not found:
        raise file.tree.error("no node type may have workers", "available_node_types", hint="give one a max_workers")
    return found


def _costs(file: ClusterFile, hours: float, head: float, jobs: int) -> Iterator[Cost]:
    for kind in file.workers:
        machines = max(1, min(kind.most, int(file.get(("max_workers",), kind.most)), jobs))
        for choice in kind.choices:
            usd = hours * _price(file, kind, choice) + hours / machines * head
            yield Cost(kind=kind.name, choice=choice, machines=machines, hours=hours / machines, usd=usd)


def _price(file: ClusterFile, kind: NodeType, choice: Choice) -> float:
    if choice.usd_per_hour is None:
        what = f"{kind.name}: {choice.instance} has no price"
        raise file.tree.error(what, *kind.key, hint=f'give its labels {PRICE}: "0.98"')
    return choice.usd_per_hour

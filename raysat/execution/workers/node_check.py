"""Whether this node can do a run's jobs: looked at where workers start, so that nodes that join later are, too.

And again where CUDA says that a card failed: its job goes on elsewhere.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.util import get_node_ip_address

from raysat.execution.cluster.gpu_health import Card, hardware_fault, read_cards, visible_cards
from raysat.execution.unfit import UnfitNode, UnfitNodeError
from raysat.execution.versions import REMEDY, differences, versions
from raysat.execution.workers.worker_context import SlotSettings
from raysat.formatting import one_line


def check_this_node(settings: SlotSettings) -> None:
    """Raise UnfitNodeError where this node cannot do a run's jobs.

    It has other versions than the driver, lacks a file of weights, or a card of this slot has errors.
    """
    if settings.versions and (found := differences(versions(), settings.versions)):
        raise unfit(f"it has {', '.join(found)} on the driver", REMEDY)
    if lacking := next((path for path in settings.weights if not Path(path).expanduser().is_file()), None):
        raise unfit(f"it has no {lacking}", "put the weights there, with what is said of them, as on the driver")
    if settings.gpus and (bad := bad_card(read_cards(visible_cards()))):
        raise bad


def bad_card(cards: Sequence[Card]) -> UnfitNodeError | None:
    """The error of this node where one of its cards has a fault."""
    card = next((card for card in cards if card.fault), None)
    return unfit(f"{card} {card.fault}", card.remedy) if card else None


@contextmanager
def hardware_faults_told() -> Iterator[None]:
    """Within this, an error that is the fault of a card or its driver becomes UnfitNodeError."""
    try:
        yield
    except Exception as error:
        if isinstance(error, UnfitNodeError) or (words := hardware_fault(error)) is None:
            raise
        bad = bad_card(read_cards(visible_cards()))  # more than a driver's few words, where it still answers
        remedy = "see its kernel's log for NVRM: Xid (dmesg), and raysat doctor there"
        raise (bad or unfit(one_line(words), remedy)) from error


def unfit(reason: str, remedy: str, node: str | None = None) -> UnfitNodeError:
    """The error of this node.

    Args:
        reason: what is wrong with it, as ``it has ...``.
        remedy: what to do.
        node: Ray's id of it, where that is known already.

    Returns:
        What a worker raises.
    """
    address, name = get_node_ip_address(), socket.gethostname()
    place = address if address == name else f"{address} ({name})"
    node = ray.get_runtime_context().get_node_id() if node is None else node
    return UnfitNodeError(UnfitNode(node=node, place=place, reason=reason, remedy=remedy))

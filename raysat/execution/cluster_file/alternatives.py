"""What a node type may be on AWS: the machines that its configuration and its ``alternatives`` stand for."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

ALTERNATIVES: Final = "alternatives"  # of a node_config: what each is to change of it
PRICE: Final = "usd-per-hour"  # of an alternative, or label of a node type


def choices(node_config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Configurations as Ray's provider takes them, the first choice first; with their prices."""
    base = {key: value for key, value in node_config.items() if key != ALTERNATIVES}
    return [deepcopy(base | change) for change in node_config.get(ALTERNATIVES) or [{}]]


def is_spot(node_config: Mapping[str, Any]) -> bool:
    """Whether AWS may take such a machine back."""
    options = node_config.get("InstanceMarketOptions")
    return isinstance(options, dict) and options.get("MarketType") == "spot"

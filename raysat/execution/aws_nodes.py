"""Ray's node provider for AWS, with a way out where AWS has no machine: it takes the next of some alternatives.

    provider: {type: external, module: raysat.execution.aws_nodes.AwsNodes, region: us-west-2}
    ...
        node_config:
          InstanceType: g6.2xlarge
          alternatives:
            - {InstanceMarketOptions: {MarketType: spot}}
            - {InstanceMarketOptions: {MarketType: spot}, InstanceType: g5.2xlarge}
            - {}                                              # on demand

By itself Ray 2.60 asks for the same type again for ever, whatever others would do: its first autoscaler does not look
at what failed, its second one only at machines that were given and never came up.
"""

from __future__ import annotations

from typing import Any, Final

from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.cli_logger import cli_logger
from ray.autoscaler.node_launch_exception import NodeLaunchException
from typing_extensions import override

from raysat.execution.cluster_file.alternatives import PRICE, choices, is_spot

_NONE_LEFT: Final = frozenset(  # error codes of EC2 by which another type or market may do
    {
        "InsufficientCapacity",
        "InsufficientHostCapacity",
        "InsufficientInstanceCapacity",
        "InstanceLimitExceeded",
        "MaxSpotInstanceCountExceeded",
        "SpotMaxPriceTooLow",
        "Unsupported",  # the type, in this zone
        "VcpuLimitExceeded",
    }
)


class AwsNodes(AWSNodeProvider):  # type: ignore[misc]  # ray ships no types
    """Starts a machine of the first alternative that AWS has one of."""

    @override
    def create_node(self, node_config: dict[str, Any], tags: dict[str, str], count: int) -> dict[str, Any]:
        """Start machines.

        Args:
            node_config: of their type.
            tags: of each.
            count: how many.

        Returns:
            The machines by id.

        Raises:
            NodeLaunchException: AWS has none of any alternative, or refuses one for another reason.
        """
        *others, last = [_without_price(config) for config in choices(node_config)]
        for config in others:
            try:
                created: dict[str, Any] = super().create_node(config, tags, count)
            except NodeLaunchException as error:
                if error.category not in _NONE_LEFT:
                    raise
                market = "spot" if is_spot(config) else "on demand"
                cli_logger.warning("AWS has no {} ({}): {}", config["InstanceType"], market, error.category)
            else:
                return created
        return dict(super().create_node(last, tags, count))


def _without_price(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != PRICE}

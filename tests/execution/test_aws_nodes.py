"""The provider's alternatives, with Ray's own way to start a machine replaced; ``tests/deploy`` has the whole."""

from __future__ import annotations

from typing import Any

import pytest
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler.node_launch_exception import NodeLaunchException

from raysat.execution.aws_nodes import AwsNodes

SPOT = {"InstanceMarketOptions": {"MarketType": "spot"}}
CONFIG = {
    "InstanceType": "g6.2xlarge",
    "alternatives": [{**SPOT, "usd-per-hour": 0.4}, {**SPOT, "InstanceType": "g5.2xlarge"}, {"usd-per-hour": 0.98}],
}


@pytest.fixture(name="start")
def _start(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts a machine where each configuration in turn meets an error, or none; returns what was asked for."""

    def start(*errors: str) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def create_node(_: object, config: dict[str, Any], tags: dict[str, str], count: int) -> dict[str, Any]:
            asked.append(config)
            if len(asked) <= len(errors):
                raise NodeLaunchException(errors[len(asked) - 1], "as told", None)
            return {"i-1": tags | {"count": count}}

        monkeypatch.setattr(AWSNodeProvider, "create_node", create_node)
        provider = AwsNodes.__new__(AwsNodes)  # without a region
        made = provider.create_node(CONFIG, {"a": "b"}, 2)
        assert made == {"i-1": {"a": "b", "count": 2}}
        return asked

    return start


def test_without_an_error_the_first_one_is_taken(start: Any) -> None:
    """Without its price, which is raysat's own: AWS would refuse a key that it does not know."""
    assert start() == [{"InstanceType": "g6.2xlarge", **SPOT}]


@pytest.mark.parametrize("error", ["InsufficientInstanceCapacity", "MaxSpotInstanceCountExceeded", "VcpuLimitExceeded"])
def test_where_aws_has_none_the_next_one_is_taken(start: Any, error: str) -> None:
    assert start(error, error) == [
        {"InstanceType": "g6.2xlarge", **SPOT},
        {"InstanceType": "g5.2xlarge", **SPOT},
        {"InstanceType": "g6.2xlarge"},
    ]


@pytest.mark.parametrize("errors", [("UnauthorizedOperation",), ("InvalidAMIID.NotFound",)])
def test_what_no_other_machine_would_mend_is_raised(start: Any, errors: tuple[str, ...]) -> None:
    with pytest.raises(NodeLaunchException, match=errors[0]):
        start(*errors)


def test_where_none_is_left_the_last_error_is_raised(start: Any) -> None:
    with pytest.raises(NodeLaunchException, match="InsufficientInstanceCapacity"):
        start(*["InsufficientInstanceCapacity"] * 3)

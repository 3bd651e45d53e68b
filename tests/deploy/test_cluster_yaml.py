"""``cluster.yaml`` and ``cluster-onprem.yaml`` are what Ray's launcher accepts, and safe by default.

``test_aws.py`` and ``test_onprem.py`` launch them.
"""

import copy
from typing import Any

import pytest
from ray._raylet import Config
from ray.autoscaler._private.util import prepare_config, validate_config
from ruamel.yaml import YAML

from tests.helpers.paths import ROOT

FILE = ROOT / "cluster.yaml"


@pytest.fixture(name="cluster")
def _cluster() -> dict[str, Any]:
    return YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))


def test_ray_accepts_it(cluster: dict[str, Any]) -> None:
    full = prepare_config(copy.deepcopy(cluster))
    validate_config(full)
    assert full["available_node_types"]["gpu"]["max_workers"] == 4


def test_ray_would_refuse_a_mistake(cluster: dict[str, Any]) -> None:
    cluster["available_node_types"]["gpu"]["max_worker"] = 3
    with pytest.raises(Exception, match="max_worker"):
        validate_config(prepare_config(cluster))


def test_head_trains_nothing_and_workers_come_with_the_work(cluster: dict[str, Any]) -> None:
    types = cluster["available_node_types"]
    assert types[cluster["head_node_type"]]["resources"] == {"CPU": 0}
    assert types["gpu"]["min_workers"] == 0
    *first, last = types["gpu"]["node_config"]["alternatives"]
    assert [each["InstanceMarketOptions"]["MarketType"] for each in first] == ["spot", "spot"]
    assert "InstanceMarketOptions" not in last


def test_dashboard_on_loopback_and_token_on_every_node(cluster: dict[str, Any]) -> None:
    head, worker = cluster["head_start_ray_commands"][-1], cluster["worker_start_ray_commands"][-1]
    assert "--dashboard-host=127.0.0.1" in head
    assert all(command.startswith("RAY_AUTH_MODE=token ") and " ray start " in command for command in (head, worker))
    assert "-e RAY_AUTH_MODE=token" in cluster["docker"]["run_options"]
    assert "~/.ray/auth_token" in cluster["file_mounts"].values()


def test_a_machine_that_is_cut_off_is_given_up_within_fifteen_seconds(cluster: dict[str, Any]) -> None:
    """By Ray's own names of its settings, of which it ignores those that it does not know."""
    words = cluster["head_start_ray_commands"][-1].split()
    given = dict(word.removeprefix("RAY_").split("=") for word in words if word.startswith("RAY_health_check_"))
    known = [f"health_check_{name}" for name in ("period_ms", "timeout_ms", "failure_threshold")]
    assert sorted(given) == sorted(known)
    assert all(hasattr(Config, name) for name in known)
    period, timeout, threshold = (int(given[name]) for name in known)
    assert threshold * (period + timeout) <= 15_000
    assert threshold * timeout >= 9_000, "a busy machine may take its time"


def test_installs_raysat_with_pinned_versions(cluster: dict[str, Any]) -> None:
    assert cluster["file_mounts"]["/home/ray/raysat"] == "."
    assert cluster["setup_commands"] == ["pip install -c ~/raysat/constraints.txt ~/raysat"]


def test_machines_of_ones_own_are_started_like_those_of_a_cloud(cluster: dict[str, Any]) -> None:
    """But for Ray's autoscaler: the newer one starts none of them."""
    own = YAML(typ="safe").load((ROOT / "cluster-onprem.yaml").read_text(encoding="utf-8"))
    full = prepare_config(copy.deepcopy(own))
    validate_config(full)
    assert full["available_node_types"]["local.cluster.node"]["min_workers"] == len(own["provider"]["worker_ips"])
    head, worker = own["head_start_ray_commands"], own["worker_start_ray_commands"]
    theirs = cluster["head_start_ray_commands"]
    assert set(head[-1].split()) - set(theirs[-1].split()) == {"RAY_enable_autoscaler_v2=0"}
    assert set(theirs[-1].split()) <= set(head[-1].split())
    assert set(worker[1].split()) == set(cluster["worker_start_ray_commands"][-1].split())
    assert {"~/.ray/auth_token", "~/.ray/storage.env"} <= set(own["file_mounts"])

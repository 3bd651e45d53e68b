"""The nodes of a real cluster are looked over where they are, and their clocks beside this one."""

from pathlib import Path

import pytest
import ray

from raysat.execution.doctor import nodes
from raysat.execution.doctor.machine import look_over


@pytest.mark.usefixtures("ray_session")
def test_a_node_is_looked_over_as_this_machine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = ray.get_runtime_context().gcs_address
    (node,) = nodes.look_over_nodes(address, str(tmp_path / "runs"))
    found = {check.name: check for check in node.checks}
    here = {check.name for check in look_over(str(tmp_path / "runs"))}
    assert here - set(found) <= {"ports", "imports"}  # Ray has its ports; a warm worker has torch already
    assert found["versions"].level == "ok"
    assert (found["clock of the node"].level, found["clock of the node"].found) == ("ok", "as the driver's")
    now = nodes.time.time
    with monkeypatch.context() as later:
        later.setattr("raysat.execution.doctor.nodes.time.time", lambda: now() + 7200)
        (node,) = nodes.look_over_nodes(address, str(tmp_path / "runs"))
    clock = next(check for check in node.checks if check.name == "clock of the node")
    assert clock.level == "warning"
    assert clock.found.endswith("or more behind the driver's")

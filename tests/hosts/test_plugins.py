"""A plugin that lies on the driver's host alone trains on others, too: workers get it by content."""

from collections import defaultdict

import pytest

from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.paths import ROOT
from tests.hosts.conftest import Machines
from tests.hosts.test_studies import give, words

pytestmark = pytest.mark.slow

STUDY = """\
study: own
base: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}
seeds: 4
arms:
  plain: {}
  focal: {loss: {kind: focal}}
  poly1: {loss: {kind: poly1, epsilon: 2}}
"""


def test_it_ranks_beside_the_built_in_losses_on_three_hosts(cluster: Machines, small_store: PatchStore) -> None:
    home = give(cluster.second, small_store, STUDY)
    text = (ROOT / "examples" / "plugins" / "poly1.py").read_text(encoding="utf-8")
    (home / "mine.py").write_text(text, encoding="utf-8")
    printed = cluster.second.run(*words("--address", cluster.address, "--plugin", "mine.py"))
    assert "12 jobs, 0 failed" in printed
    ledger = Ledger.open(home / "runs" / "own")
    nodes: dict[str, set[str | None]] = defaultdict(set)
    for arm in ledger.read_plan().arms:
        nodes[arm.name] |= {ledger.read(trial.id).hardware.node for trial in arm.trials}
    assert len(nodes["poly1"]) > 1, f"one host trained all of the plugin's trials: {nodes}"
    for host in (cluster.head, cluster.third):
        assert not list(host.tmp.rglob("*mine*"))
        assert not list(host.tmp.rglob("*poly1*.py")) or str(ROOT).startswith("/tmp")  # noqa: S108

"""Ten thousand trials: what is sent of them stays small, and a look at nothing new is quick."""

import gzip
import time
from pathlib import Path

import pytest

from raysat.board.follow import Follower
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import made_up_plan

pytestmark = pytest.mark.slow

ARMS, SEEDS = 1_000, 10


def test_a_snapshot_of_ten_thousand_trials_is_small(tmp_path: Path) -> None:
    arms = [
        {
            "name": f"loss=ldam, sampler=drs, average=swa, optim.lr={1e-4 * arm:.4f}",
            "settings": ["loss=ldam", "sampler=drs", "average=swa", f"optim.lr={1e-4 * arm:.4f}"],
            "epochs": 40,
            "shared": {"arm": arm - 1, "epochs": 25} if arm % 4 else None,
            "trials": [{"seed": seed, "id": f"{arm:08x}{seed:08x}"} for seed in range(SEEDS)],
        }
        for arm in range(ARMS)
    ]
    ledger = Ledger(tmp_path / "run")
    ledger.write_plan("study: s\n", made_up_plan(arms=arms))
    follower = Follower(ledger.root)
    follower.look()
    found = follower.snapshot()
    assert len(found.cells) == found.head.total == ARMS * SEEDS
    content = found.model_dump_json().encode()
    assert len(content) < 400_000
    assert len(gzip.compress(content, 5)) < 40_000
    time.sleep(2.1)  # until the times of change tell all writings apart
    follower.look()
    began = time.process_time()
    for _ in range(5):
        follower.look()
    assert (time.process_time() - began) / 5 < 0.25  # seconds; 20 ms where nothing else runs

"""A run in an object store is followed as one on a disk."""

import pytest

from raysat.board.follow import Follower
from raysat.files import ObjectPath
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import made_up_plan, whole_files

TRIALS = [f"000000000000000{number}" for number in range(3)]


@pytest.mark.slow
def test_records_and_failures_appear(bucket: ObjectPath) -> None:
    ledger = Ledger(bucket / "runs" / "s")
    trials = [{"seed": seed, "id": trial} for seed, trial in enumerate(TRIALS)]
    ledger.write_plan("study: s\n", made_up_plan(arms=[{"name": "a", "trials": trials}]))
    ledger.write(TRIALS[0], whole_files(TRIALS[0]))
    follower = Follower(ledger.root)
    follower.look()
    assert follower.snapshot().cells == "dmm"
    ledger.write(TRIALS[1], whole_files(TRIALS[1]))
    ledger.write_failure(Failure(id=TRIALS[2], error="out of memory", time=1.75e9))
    follower.look()
    found = follower.snapshot()
    assert (found.cells, found.head.place, found.head.fault) == ("ddf", str(ledger.root), None)
    (curve,) = follower.curves_of([0])
    assert (curve.n, curve.balanced_accuracy.mean) == (2, (0.5, 0.75))
    before = found.revision
    follower.look()
    assert follower.feed.after(before) == []

"""A plugin ranks beside raysat's own losses on a real Ray; it may change meanwhile: what was read is what trains."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from raysat.config.plugins.settings import METHODS
from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.command import Raysat
from tests.helpers.paths import ROOT
from tests.helpers.plugins import written

STUDY = """\
study: own
base: {model: {name: test_resnet}, optim: {epochs: 1, batch_size: 16}}
arms:
  plain: {}
  focal: {loss: {kind: focal}}
  poly1: {loss: {kind: poly1, epsilon: 2}}
  poly1, cosine: {loss: {kind: poly1}, model: {classifier: cosine}}
"""
# In the workers, which get it by content, it changes its own file.
CHANGES = """
import os
from pathlib import Path
if os.getpid() != {pid}:
    Path({file!r}).write_text("raise ValueError('changed')\\n", encoding="utf-8")
"""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    METHODS.forget()


def test_it_ranks_beside_the_built_in_losses(tmp_path: Path, landsat_store: PatchStore, raysat: Raysat) -> None:
    file, space = tmp_path / "poly1.py", written(tmp_path, STUDY, "study.yaml")
    text = (ROOT / "examples" / "plugins" / "poly1.py").read_text(encoding="utf-8")
    written(tmp_path, text + CHANGES.format(pid=os.getpid(), file=str(file)), "poly1.py")
    words = "ablate", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs", "--plugin", file
    done = raysat(*words)
    assert done.code == 0, done.err
    assert "4 jobs, 0 failed" in done.out
    ledger = Ledger.open(tmp_path / "runs" / "own")
    board = json.loads((ledger.root / "leaderboard.json").read_text(encoding="utf-8"))
    assert {arm["name"] for arm in board["arms"]} == {"plain", "focal", "poly1", "poly1, cosine"}
    (copy,) = (ledger.root / "plugins").iterdir()
    digest = copy.name.split(".")[1]
    assert f"poly1.py has changed since it was read: {digest} ran" in " ".join(done.out.split())
    for arm in ledger.read_plan().arms:
        loss = ledger.read_spec(arm.trials[0].id).settings["loss"]
        assert loss.get("plugin") == (digest if "poly1" in arm.name else None)

    again = raysat(*words)
    assert again.code == 2
    assert "poly1.py:1: ValueError: changed" in again.err
    written(tmp_path, copy.read_text(encoding="utf-8"), "poly1.py")
    METHODS.forget()
    whole = raysat(*words)
    assert (whole.code, "has changed" in whole.out) == (0, False)
    assert "4 of 4 trials finished" in whole.out

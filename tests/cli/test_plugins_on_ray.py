"""Plugins rank beside raysat's own methods on a real Ray; one may change meanwhile: what was read is what trains."""

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
  small: {model: {kind: small_net, width: 8}}
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


def test_they_rank_beside_what_is_built_in(tmp_path: Path, landsat_store: PatchStore, raysat: Raysat) -> None:
    file, space = tmp_path / "poly1.py", written(tmp_path, STUDY, "study.yaml")
    text = (ROOT / "examples" / "plugins" / "poly1.py").read_text(encoding="utf-8")
    written(tmp_path, text + CHANGES.format(pid=os.getpid(), file=str(file)), "poly1.py")
    small = ROOT / "examples" / "plugins" / "small_net.py"
    words = "ablate", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs", "--plugin", file
    words = *words, "--plugin", small
    done = raysat(*words)
    assert done.code == 0, done.err
    assert "5 jobs, 0 failed" in done.out
    ledger = Ledger.open(tmp_path / "runs" / "own")
    board = json.loads((ledger.root / "leaderboard.json").read_text(encoding="utf-8"))
    assert {arm["name"] for arm in board["arms"]} == {"plain", "focal", "poly1", "poly1, cosine", "small"}
    copy, copy_of_small = sorted((ledger.root / "plugins").iterdir())
    digest = copy.name.split(".")[1]
    assert f"poly1.py has changed since it was read: {digest} ran" in " ".join(done.out.split())
    for arm in ledger.read_plan().arms:
        settings = ledger.read_spec(arm.trials[0].id).settings
        assert settings["loss"].get("plugin") == (digest if "poly1" in arm.name else None)
        assert settings["model"].get("kind") == ("small_net" if arm.name == "small" else None)

    again = raysat(*words)
    assert again.code == 2
    assert "poly1.py:1: ValueError: changed" in again.err
    written(tmp_path, copy.read_text(encoding="utf-8"), "poly1.py")
    METHODS.forget()
    whole = raysat(*words)
    assert (whole.code, "has changed" in whole.out) == (0, False)
    assert "5 of 5 trials finished" in whole.out

    METHODS.forget()
    asked = "predict", ledger.root, landsat_store.path, "--arm", "small", "--out"
    refused = raysat(*asked, tmp_path / "no.csv")
    assert refused.code == 2
    assert f"model: small_net is a method of small_net.py ({copy_of_small.name.split('.')[1]})" in refused.err
    predicted = raysat(*asked, tmp_path / "small.csv", "--plugin", copy_of_small)
    assert predicted.code == 0, predicted.err
    assert (tmp_path / "small.csv").is_file()
    model = tmp_path / "model"
    of = "export", ledger.root, "--arm", "small", "--format", "safetensors,torch", "--plugin", small
    exported = raysat(*of, "--out", model)
    assert exported.code == 0, exported.err
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "A plugin of raysat (" in card
    assert "Wightman" not in card

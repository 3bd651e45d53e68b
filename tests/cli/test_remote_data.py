"""A study on a store behind a URL, in a real S3 server, as a user runs it: copied to the machine, and by range."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.files import ObjectPath
from raysat.storage.ledger import Ledger
from tests.helpers.patience import PATIENCE_S
from tests.helpers.remote import upload


@pytest.fixture
def url(landsat_store: PatchStore, bucket: ObjectPath) -> ObjectPath:
    return upload(landsat_store.path, bucket / "store")


def ablate(space: Path, data: object, out: Path, cache: Path, **environment: str) -> str:
    """Run the study; returns what it printed."""
    words = [sys.executable, "-m", "raysat", "ablate", "--space", space, "--data", data, "--out", out, "--seeds", 1]
    env = os.environ | {"RAYSAT_CACHE": str(cache)} | environment
    done = subprocess.run(map(str, words), capture_output=True, text=True, env=env, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def results(out: Path) -> dict[str, tuple[object, bytes, bytes]]:
    """What every trial found: its metrics, predictions and weights."""
    trials = out / "tiny" / "trials"
    ledger = Ledger(out / "tiny")
    return {
        trial: (
            ledger.read(trial).metrics,
            (trials / trial / "predictions.npz").read_bytes(),
            (trials / trial / "model.pt").read_bytes(),
        )
        for trial in ledger.read_plan().trial_ids
    }


def test_a_store_behind_a_url_gives_the_same_copied_and_read_by_range(
    space: Path, landsat_store: PatchStore, url: ObjectPath, tmp_path: Path
) -> None:
    """And the same as one on a disk, which is seen in tests/hosts."""
    cache = tmp_path / "cache"
    shown = ablate(space, url, tmp_path / "copied", cache)
    assert "copying    " in shown
    assert f"data       {url}: " in shown
    assert (cache / "stores" / landsat_store.digest / "images.npy").is_file()
    record = json.loads(next((tmp_path / "copied" / "tiny" / "trials").glob("*/record.json")).read_text())
    assert record["data"]["path"] == str(url)
    shown = ablate(space, url, tmp_path / "ranged", tmp_path / "none", RAYSAT_CACHE_LIMIT="0")
    assert re.search(r"reading    by range: [\d.]+ kB of patches do not fit the cache of this machine", shown)
    assert not list((tmp_path / "none" / "stores").glob("*/"))
    found = results(tmp_path / "copied")
    assert len(found) == 2
    assert results(tmp_path / "ranged") == found

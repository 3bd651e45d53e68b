"""``raysat ablate --cache``: of two studies that share arms the second trains only what is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.files import ObjectPath, as_path
from raysat.storage.artifacts import Artifacts
from raysat.storage.cache import Cache
from raysat.storage.ledger import Ledger
from raysat.storage.verify import verify
from tests.helpers.command import Raysat
from tests.helpers.outcome import outcome

BASE = """
base: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}
seeds: 1
arms:
"""
SHARED = """
  plain: {}
  gan: {synthetic: {kind: dcgan, classes: [b], steps: 3, width: 4, batch_size: 4}}
"""
NEW = """
  LDAM: {loss: {kind: ldam}}
"""


def study(folder: Path, name: str, arms: str) -> Path:
    (folder / f"{name}.yaml").write_text(f"study: {name}{BASE}{arms}", encoding="utf-8")
    return folder / f"{name}.yaml"


def trained(run: Ledger) -> dict[str, str]:
    """Digests of all that was trained, by trial and part."""
    return {name: digest for name, digest in outcome(run.root).items() if not name.startswith("leaderboard")}


@pytest.fixture(name="go")
def _go(raysat: Raysat, landsat_store: PatchStore):
    def go(space: Path, out: object, cache: object, code: int = 0) -> str:
        result = raysat("ablate", "--space", space, "--data", landsat_store.path, "--out", out, "--cache", cache)
        assert (result.code, result.err) == (code, "")
        return str(result.out)

    return go


def test_two_studies_that_share_arms(go, raysat: Raysat, tmp_path: Path, bucket: ObjectPath, ray_session: None) -> None:
    cache = tmp_path / "cache"
    first = go(study(tmp_path, "first", SHARED), tmp_path / "runs", cache)
    assert "from" not in first.partition("cache")[2].partition("\n")[0]
    assert len(Cache(cache).trials()) == 2

    second = go(study(tmp_path, "second", SHARED + NEW), tmp_path / "elsewhere", cache)
    assert f"cache      2 of 3 trials, patches of 1 generator from {cache}\n" in second
    assert "done       1 job, 0 failed" in second
    ledgers = [Ledger(tmp_path / "runs" / "first"), Ledger(tmp_path / "elsewhere" / "second")]
    one, two = (trained(ledger) for ledger in ledgers)
    assert {key: two[key] for key in one} == one
    shared = ledgers[0].read_plan().trial_ids
    assert all(len({ledger.read(trial).ended for ledger in ledgers}) == 1 for trial in shared)
    assert not verify(ledgers[1]).findings
    assert Artifacts.beside(ledgers[1].root).is_finished(ledgers[1].read_plan().generate[0].id)
    assert len(Cache(cache).trials()) == 3  # what the second trained was offered

    url = str(bucket / "cache")
    assert "nothing to do" in go(tmp_path / "second.yaml", tmp_path / "elsewhere", url)  # and is offered all the same
    assert Cache(url).trials() == Cache(cache).trials()

    third = go(study(tmp_path, "third", NEW + SHARED), tmp_path / "third", url)
    assert f"cache      3 of 3 trials, patches of 1 generator from {url}\n" in third
    assert "running" not in third
    assert "trials     3 done" in raysat("status", tmp_path / "third" / "third").out
    assert trained(Ledger(tmp_path / "third" / "third")) == two


def test_a_damaged_entry_costs_a_training_and_is_replaced(go, tmp_path: Path, ray_session: None) -> None:
    cache = tmp_path / "cache"
    go(study(tmp_path, "first", "  plain: {}\n"), tmp_path / "runs", cache)
    (trial,) = Cache(cache).trials()
    weights = cache / "trials" / trial / "model.pt"
    content = weights.read_bytes()
    weights.unlink()  # its other name, in the run, stays
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    second = go(study(tmp_path, "second", "  plain: {}\n"), tmp_path / "elsewhere", cache)
    assert f"from {cache}" not in second
    assert "done       1 job, 0 failed" in second
    assert not verify(Ledger(tmp_path / "elsewhere" / "second")).findings
    third = go(study(tmp_path, "third", "  plain: {}\n"), tmp_path / "third", cache)
    assert "1 of 1 trial from" in third
    assert trained(Ledger(tmp_path / "third" / "third")) == trained(Ledger(tmp_path / "runs" / "first"))


def test_a_cache_that_cannot_be_used_is_one_error_before_anything_starts(
    raysat: Raysat, landsat_store: PatchStore, tmp_path: Path
) -> None:
    space = study(tmp_path, "first", SHARED)
    (tmp_path / "file").write_text("mine")
    Ledger(tmp_path / "run").root.mkdir()
    (tmp_path / "run" / "plan.json").write_text("{}")
    for place, code, words in (("file", 2, "file"), ("run", 2, "is a run, not a cache"), ("s4://x", 2, "s4://x")):
        cache = place if "://" in place else tmp_path / place
        result = raysat(
            "ablate", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs", "--cache", cache
        )
        assert result.code == code
        assert words in result.err
        assert "Traceback" not in result.err
    assert not as_path(tmp_path / "runs").exists()

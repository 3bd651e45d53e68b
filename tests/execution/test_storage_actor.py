"""The storage actor on real Ray: it writes for workers, and its errors arrive as they were raised."""

import time
from pathlib import Path

import numpy as np
import pytest
from ray.exceptions import ActorDiedError

from raysat.data.store import PatchStore
from raysat.errors import StorageError, StoreError
from raysat.execution.node_stores import open_store
from raysat.execution.storage_actor import storage_actor
from raysat.storage.checkpoints import Checkpoints
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import files_of, made_up_record


def test_workers_reach_the_ledger_and_the_store_through_it(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    ledger, trial, state = Ledger(tmp_path / "run"), "0" * 16, "1" * 16
    with storage_actor(ledger.root, landsat_store.path, tmp_path / "generated") as storage:
        storage.save_state(state, b"a checkpoint", None)
        assert storage.find_state(["2" * 16, state]) == state
        assert (storage.read_state(state), storage.read_state("2" * 16)) == (b"a checkpoint", b"")
        assert storage.unfinished([trial]) == [trial]
        storage.write_record(trial, files_of(made_up_record(trial)))
        storage.write_failure(Failure(id=trial, error="too late", time=0.0))
        assert storage.unfinished([trial]) == []
        assert ledger.is_finished(trial)
        assert ledger.read_failure(trial) is None
        copied = open_store(Path("/nowhere"), landsat_store.fingerprint, storage)
        assert np.array_equal(copied.images, landsat_store.images)
        with pytest.raises(StoreError, match="no file"):
            storage.read_store("../secret", 0, None)
        Checkpoints(ledger.root).drop(state)
        Checkpoints(ledger.root).root.rmdir()
        Checkpoints(ledger.root).root.write_text("in the way")
        with pytest.raises(StorageError) as caught:
            storage.save_state(state, b"a checkpoint", None)
        assert caught.value.hint is None or isinstance(caught.value.hint, str)


def test_it_ends_with_the_run_and_not_with_ray(tmp_path: Path, landsat_store: PatchStore, ray_session: None) -> None:
    with storage_actor(tmp_path / "run", landsat_store.path, tmp_path / "generated") as storage:
        assert storage.unfinished([]) == []
    for _ in range(300):  # it ends when it has done what it was sent
        time.sleep(0.1)
        try:
            storage.unfinished([])
        except ActorDiedError:
            return
    pytest.fail("it is still there")

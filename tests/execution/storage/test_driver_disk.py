"""The driver's disk on real Ray: it writes for workers, large things in parallel and within a budget of bytes."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ray.exceptions import ActorDiedError

from raysat.data.store import PatchStore
from raysat.errors import StorageError, StoreError
from raysat.execution.storage.driver_disk import Budget, driver_disk, remote_files
from raysat.execution.storage.run_files import RunFiles
from raysat.execution.workers.node_stores import open_store
from raysat.storage.checkpoints import Checkpoints
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import files_of, made_up_record

STATE, OTHER, TRIAL = "1" * 16, "2" * 16, "0" * 16


@pytest.fixture(name="files")
def _files(tmp_path: Path, landsat_store: PatchStore, ray_session: None) -> Iterator[RunFiles]:
    with driver_disk(tmp_path / "run", landsat_store.path, tmp_path / "generated") as disk:
        yield remote_files(disk)


def test_workers_reach_the_ledger_and_the_store_through_it(
    tmp_path: Path, landsat_store: PatchStore, files: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    ledger = Ledger(tmp_path / "run")
    files.save_state(STATE, b"a checkpoint", None)
    assert files.find_state([OTHER, STATE]) == STATE
    assert (files.read_state(STATE), files.read_state(OTHER)) == (b"a checkpoint", b"")
    assert files.unfinished([TRIAL]) == [TRIAL]
    files.write_record(TRIAL, files_of(made_up_record(TRIAL)))
    files.write_failure(Failure(id=TRIAL, error="too late", time=0.0))
    assert files.unfinished([TRIAL]) == []
    assert ledger.is_finished(TRIAL)
    assert ledger.read_failure(TRIAL) is None
    copied = open_store(Path("/nowhere"), landsat_store.digest, files)
    assert np.array_equal(copied.images, landsat_store.images)
    with pytest.raises(StoreError, match="no file"):
        files.read_store("../secret", 0, 1, None)


@pytest.mark.parametrize("size", [12, 3 << 20])
def test_what_it_writes_is_what_was_sent_and_its_errors_are_those_of_the_disk(
    tmp_path: Path, files: RunFiles, size: int
) -> None:
    content = np.random.default_rng(0).bytes(size)
    files.save_state(STATE, content, None)
    files.save_state(OTHER, content, STATE)
    checkpoints = Checkpoints(tmp_path / "run")
    assert list(checkpoints.names()) == [OTHER]
    assert checkpoints.read(OTHER) == content
    record = files_of(made_up_record(TRIAL)) | {"model.pt": content}
    files.write_record(TRIAL, record)
    folder = tmp_path / "run" / "trials" / TRIAL
    assert {name: (folder / name).read_bytes() for name in record} == record
    checkpoints.drop(OTHER)
    checkpoints.root.rmdir()
    checkpoints.root.write_text("in the way")
    with pytest.raises(StorageError) as caught:
        files.save_state(STATE, content, None)
    assert caught.value.hint is None or isinstance(caught.value.hint, str)


def test_many_write_at_a_time(tmp_path: Path, files: RunFiles) -> None:
    contents = [np.random.default_rng(number).bytes(2 << 20) for number in range(12)]
    names = [f"{number:016x}" for number in range(12)]
    senders = [
        threading.Thread(target=files.save_state, args=(name, content, None))
        for name, content in zip(names, contents, strict=True)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    checkpoints = Checkpoints(tmp_path / "run")
    assert [checkpoints.read(name) for name in names] == contents


def test_it_ends_with_the_run_and_not_with_ray(tmp_path: Path, landsat_store: PatchStore, ray_session: None) -> None:
    with driver_disk(tmp_path / "run", landsat_store.path, tmp_path / "generated") as disk:
        files = remote_files(disk)
        assert files.unfinished([]) == []
    for _ in range(300):  # it ends when it has written what it has fetched
        time.sleep(0.1)
        try:
            files.unfinished([])
        except ActorDiedError:
            return
    pytest.fail("it is still there")


def test_no_more_is_in_flight_than_the_budget_and_one_that_is_larger_travels_alone() -> None:
    budget, lock, held, most = Budget(10), threading.Lock(), [0], [0]

    def send(size: int) -> None:
        with budget.of(size):
            with lock:
                held[0] += size
                most[0] = max(most[0], held[0])
            time.sleep(0.01)
            with lock:
                held[0] -= size

    senders = [threading.Thread(target=send, args=(size,)) for size in (4, 4, 4, 25, 4, 4, 7)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert most == [25], "alone"
    budget.drain()
    assert held == [0]

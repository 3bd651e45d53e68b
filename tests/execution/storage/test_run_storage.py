"""How a worker reaches a run: directly where it sees the driver's own folders, else through the driver's disk."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.execution.storage.run_files import RunFiles
from raysat.execution.storage.run_storage import run_storage
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import files_of, made_up_record

TRIAL = "0" * 16


def test_a_worker_writes_directly_where_it_sees_the_marks(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    """A folder at the same path that the driver has not marked is another machine's."""
    run, generated, elsewhere = (tmp_path / name for name in ("run", "generated", "elsewhere"))
    run.mkdir()
    generated.mkdir()
    with run_storage(run, landsat_store.path, generated) as storage:
        assert [mark.parent for mark in storage.marks] == [run, generated]
        direct = storage.open()
        assert type(direct) is RunFiles
        shutil.copytree(run, elsewhere)
        (mark,) = elsewhere.iterdir()
        other = replace(storage, run=elsewhere, marks=(mark.with_name(".driver-00000000.partial"),))
        through = other.open()
        assert type(through) is not RunFiles
        through.write_record(TRIAL, files_of(made_up_record(TRIAL)))
        assert not (elsewhere / "trials").exists(), "the driver's disk is meant"
        assert direct.unfinished([TRIAL]) == []
    assert list(run.glob(".*")) == list(generated.glob(".*")) == []
    assert Ledger(run).is_finished(TRIAL)


@pytest.mark.skipif(os.geteuid() == 0, reason="everybody may write")
def test_a_worker_that_may_not_write_there_sends_what_it_has(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    (tmp_path / "run").mkdir()
    with run_storage(tmp_path / "run", landsat_store.path, tmp_path / "generated") as storage:
        (tmp_path / "run").chmod(0o500)
        assert type(storage.open()) is not RunFiles
        (tmp_path / "run").chmod(0o700)


def test_on_one_machine_there_is_no_actor_and_all_is_direct(tmp_path: Path, landsat_store: PatchStore) -> None:
    (tmp_path / "run").mkdir()
    with run_storage(tmp_path / "run", landsat_store.path, tmp_path / "generated", one_machine=True) as storage:
        assert storage.disk is None
        (tmp_path / "run").chmod(0o500)  # since then
        assert type(storage.open()) is type(storage.driver) is RunFiles
        (tmp_path / "run").chmod(0o700)

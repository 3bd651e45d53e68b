"""Generated stores: written whole, read back, never taken for finished when damaged, never taken for real data."""

from multiprocessing import get_context
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.errors import PlanError, StorageError, StoreError
from raysat.files import AnyPath, read_bytes, remove_file, write_atomic
from raysat.planning.build import make_plan
from raysat.storage.artifacts import Artifacts
from raysat.study.load import load_study
from tests.helpers.artifacts import JOB, generate_record, generated_files


@pytest.fixture(name="root", params=["disk", "bucket"])
def _root(request: pytest.FixtureRequest, tmp_path: Path) -> AnyPath:
    """Where generated stores go."""
    place = tmp_path if request.param == "disk" else request.getfixturevalue("bucket")
    return place / "generated"


def test_what_is_written_is_read_back(tmp_path: Path, root: AnyPath) -> None:
    artifacts = Artifacts(root)
    assert not artifacts.is_finished(JOB)
    artifacts.check_writable()
    artifacts.write(JOB, generated_files(tmp_path))
    artifacts.sweep()
    assert artifacts.is_finished(JOB)
    store = artifacts.open(JOB)
    assert store.generated
    assert [int(store.images[patch].max()) for patch in range(4)] == [0, 1, 2, 3]
    assert set(store.labels) == {1}
    assert len(store.indices("train")) == 4
    assert artifacts.read(JOB).quality.kid.generated == 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "store.json", "record.json"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_store_is_not_finished(tmp_path: Path, root: AnyPath, name: str, damage: str) -> None:
    artifacts = Artifacts(root)
    artifacts.write(JOB, generated_files(tmp_path))
    file = artifacts.path(JOB) / name
    if damage == "missing":
        remove_file(file, root)
    else:
        write_atomic(file, read_bytes(file, max_bytes=1 << 20)[:20])
    assert not artifacts.is_finished(JOB)
    artifacts.write(JOB, generated_files(tmp_path, name="again"))
    assert artifacts.is_finished(JOB)


def test_a_record_of_another_job_is_refused(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    artifacts.write(JOB, generated_files(tmp_path) | {"record.json": generate_record("f" * 16)})
    with pytest.raises(StorageError, match="another job"):
        artifacts.read(JOB)


def test_a_store_without_the_mark_is_refused(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    artifacts.write(JOB, generated_files(tmp_path, generated=False))
    with pytest.raises(StoreError, match="not marked as generated"):
        artifacts.open(JOB)


def test_an_unsafe_name_builds_no_path(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot name a folder"):
        Artifacts(tmp_path).path("../elsewhere")


def test_generated_patches_are_no_data_for_a_study(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    artifacts.write(JOB, generated_files(tmp_path))
    study = tmp_path / "study.yaml"
    study.write_text("study: s\n", encoding="utf-8")
    with pytest.raises(PlanError, match="generated patches"):
        make_plan(load_study(study), PatchStore.open(artifacts.path(JOB)))


@pytest.mark.slow
def test_two_runs_that_finish_the_same_job_wait_for_each_other(tmp_path: Path) -> None:
    """Without a turn, the second would tidy away what the first is writing."""
    content = generated_files(tmp_path) | {"filler.bin": bytes(8 << 20)}
    spec = get_context("spawn")
    runs = [spec.Process(target=_write, args=(tmp_path / "generated", content)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0, 0]
    assert Artifacts(tmp_path / "generated").is_finished(JOB)
    assert [path.name for path in (tmp_path / "generated").iterdir() if path.is_dir()] == [JOB]


def _write(root: Path, content: dict[str, bytes]) -> None:
    Artifacts(root).write(JOB, content)


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "generated")
    artifacts.write(JOB, generated_files(tmp_path))
    before = (artifacts.path(JOB) / "record.json").stat().st_ino
    artifacts.write(JOB, generated_files(tmp_path, name="again"))
    assert (artifacts.path(JOB) / "record.json").stat().st_ino == before


def test_a_root_that_cannot_be_written_is_known_beforehand(tmp_path: Path) -> None:
    (tmp_path / "generated").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        Artifacts(tmp_path / "generated").check_writable()

"""Copies of runs: from disks to object stores and back, whole, checked, resumable; another study is never mixed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.config.schema import Config
from raysat.errors import BusyError, StorageError, UsageError
from raysat.files import AnyPath, ObjectPath, file_exists, read_bytes, write_atomic
from raysat.files.object_store import objects_below
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.render.write import write_report
from raysat.search.log import Candidate, Log, read_log, save_log
from raysat.storage.artifacts import Artifacts
from raysat.storage.copying import copy_run
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.storage.sealed import SealedFolder
from raysat.storage.verify import verify
from tests.helpers.artifacts import JOB, files_of_job
from tests.helpers.ledger import everything_under, made_up_plan, reseal, whole_files
from tests.helpers.search import identity_of

pytestmark = pytest.mark.slow

A, B, C = (letter * 16 for letter in "abc")


def arms(*ids: str) -> list[dict[str, Any]]:
    return [{"name": "a", "trials": [{"seed": seed, "id": trial} for seed, trial in enumerate(ids)]}]


def write_run(out: AnyPath, *, trials: tuple[str, ...] = (A, B), name: str = "s") -> Ledger:
    """Two trials finished, one failed, with generated patches, a leaderboard and a report."""
    ledger = Ledger(out / name)
    ledger.write_plan("study: s\n", made_up_plan(arms=arms(*trials, C), generate=[{"id": JOB}]))
    for trial in trials:
        ledger.write(trial, whole_files(trial))
    ledger.write_failure(Failure(id=C, error="it diverged", time=0.0))
    Artifacts.beside(ledger.root).write(JOB, files_of_job())
    for file in ("leaderboard.md", "report/report.md", "report/figures/arms.svg"):
        write_atomic(ledger.root / file, f"# {file}\n")
    ledger.checkpoints.write("0123456789abcdef", b"state")
    return ledger


@pytest.fixture(name="places")
def _places(tmp_path: Path, bucket: ObjectPath) -> dict[str, AnyPath]:
    return {"disk": tmp_path / "there", "store": bucket / "runs", "other disk": tmp_path / "home"}


@pytest.mark.parametrize(
    ("of", "to"), [("disk", "store"), ("store", "disk"), ("disk", "other disk"), ("store", "other disk")]
)
def test_a_copy_has_all_of_the_run_in_the_layout_of_its_place(
    places: dict[str, AnyPath], of: str, to: str, tmp_path: Path
) -> None:
    source = write_run(places[of])
    copied = copy_run(source, places[to])
    assert (copied.path, copied.records, copied.kept, copied.generators) == (places[to] / "s", 2, 0, 1)
    copy = Ledger.open(copied.path)
    assert verify(copy).whole == 2
    assert not verify(copy).wrong
    assert copy.read_plan() == source.read_plan()
    assert copy.read_study_text() == source.read_study_text()
    assert copy.read_failure(C) == source.read_failure(C)
    for trial in (A, B):
        there, here = (SealedFolder(ledger.root / "trials" / trial) for ledger in (source, copy))
        for name in there.names:
            assert here.read(name, max_bytes=1 << 20) == there.read(name, max_bytes=1 << 20)
    assert Artifacts.beside(copied.path).read_files(JOB) == files_of_job()
    for file in ("leaderboard.md", "report/report.md", "report/figures/arms.svg"):
        assert read_bytes(copied.path / file, max_bytes=99) == f"# {file}\n".encode()
    assert not list(copy.checkpoints.names())
    if not isinstance(copied.path, ObjectPath):
        straight = write_run(tmp_path / "straight")
        straight.checkpoints.drop("0123456789abcdef")
        straight.checkpoints.root.rmdir()
        assert set(everything_under(copied.path)) - {".lock"} == set(everything_under(straight.root))


def test_what_is_there_is_not_copied_again_and_what_is_damaged_there_is(
    tmp_path: Path, bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_run(bucket / "runs")
    copy_run(source, tmp_path)
    (tmp_path / "s" / "trials" / B / "predictions.npz").write_bytes(b"broken")
    kept = (tmp_path / "s" / "trials" / A / "model.pt").stat().st_ino
    read: list[str] = []
    of = SealedFolder.read
    monkeypatch.setattr(
        SealedFolder, "read", lambda self, name, **how: read.append(str(self.root)) or of(self, name, **how)
    )
    copied = copy_run(source, tmp_path)
    assert (copied.records, copied.kept, copied.generators) == (1, 1, 0)
    assert str(source.root / "trials" / A) not in read
    assert str(source.root / "trials" / B) in read
    assert (tmp_path / "s" / "trials" / A / "model.pt").stat().st_ino == kept
    assert verify(Ledger(tmp_path / "s")).whole == 2


def test_a_run_that_grew_is_copied_again(tmp_path: Path) -> None:
    copy_run(write_run(tmp_path / "there", trials=(A,)), tmp_path / "home")
    copied = copy_run(write_run(tmp_path / "there"), tmp_path / "home")
    assert (copied.records, copied.kept) == (1, 1)
    assert len(Ledger(copied.path).read_plan().trial_ids) == 3


@pytest.mark.parametrize("name", ["record.json", "model.pt", "predictions.npz", "SHA256SUMS"])
@pytest.mark.parametrize("place", ["disk", "store"])
def test_a_damaged_record_is_left_out_and_named(places: dict[str, AnyPath], place: str, name: str) -> None:
    source = write_run(places[place])
    sealed = SealedFolder(source.root / "trials" / A)
    write_atomic((sealed.root if name == "SHA256SUMS" else sealed.folder) / name, b"broken")
    copied = copy_run(source, places["other disk"])
    assert copied.records == 1
    assert len(copied.damaged) == 1
    assert A in copied.damaged[0]
    assert Ledger(copied.path).is_finished(B)
    assert not Ledger(copied.path).has_record(A)


def test_the_record_of_another_trial_is_left_out(tmp_path: Path) -> None:
    source = write_run(tmp_path / "there")
    reseal(source, A, {"record.json": whole_files(B)["record.json"]})
    copied = copy_run(source, tmp_path / "home")
    assert "is the record of another trial" in copied.damaged[0]


def test_damaged_patches_are_left_out_and_named(tmp_path: Path) -> None:
    source = write_run(tmp_path / "there")
    images = tmp_path / "there" / "generated" / JOB / "images.npy"
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(content)
    copied = copy_run(source, tmp_path / "home")
    assert copied.generators == 0
    assert JOB in copied.damaged[0]
    assert not Artifacts.beside(copied.path).has_record(JOB)


@pytest.mark.parametrize("to", ["store", "other disk"])
def test_another_study_is_refused_and_stays(places: dict[str, AnyPath], to: str) -> None:
    source = write_run(places["disk"], trials=(A,))
    other = write_run(places[to], trials=(B,))
    before = other.read_plan()
    with pytest.raises(StorageError, match="holds another study"):
        copy_run(source, places[to])
    assert other.read_plan() == before
    assert not other.has_record(A)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    source = write_run(tmp_path / "there")
    (tmp_path / "home" / "s").mkdir(parents=True)
    (tmp_path / "home" / "s" / "thesis.tex").write_text("mine")
    with pytest.raises(StorageError, match="is no run"):
        copy_run(source, tmp_path / "home")
    assert everything_under(tmp_path / "home") == ["s", "s/thesis.tex"]


@pytest.mark.parametrize("to", ["store", "other disk"])
def test_a_run_that_is_being_filled_is_refused(places: dict[str, AnyPath], to: str) -> None:
    source = write_run(places["disk"])
    (target := Ledger(places[to] / "s")).write_plan("study: s\n", source.read_plan())
    with target.lock(), pytest.raises(BusyError):
        copy_run(source, places[to])
    assert not target.has_record(A)


def test_to_itself_and_to_the_place_of_patches_is_refused(tmp_path: Path) -> None:
    source = write_run(tmp_path)
    with pytest.raises(UsageError, match="to itself"):
        copy_run(source, tmp_path)
    (tmp_path / "s").rename(tmp_path / "x y")
    with pytest.raises(UsageError, match="can be called"):
        copy_run(Ledger(tmp_path / "x y"), tmp_path / "home")


def test_nothing_is_read_or_written_through_links(tmp_path: Path) -> None:
    """A leaderboard that leads to a file of this machine, say, in a run that another made."""
    (tmp_path / "secret").write_text("keep")
    source = write_run(tmp_path / "there")
    assert isinstance(source.root, Path)
    (source.root / "report" / "stolen.md").symlink_to(tmp_path / "secret")
    (source.root / "search.csv").symlink_to(tmp_path / "secret")
    copied = copy_run(source, tmp_path / "home")
    assert not file_exists(copied.path / "search.csv")
    assert not file_exists(copied.path / "report" / "stolen.md")
    others = tmp_path / "others"
    others.mkdir()
    write_run(tmp_path / "home2").checkpoints.drop("0123456789abcdef")
    (tmp_path / "home2" / "s" / "report").rename(tmp_path / "home2" / "s" / "aside")
    (tmp_path / "home2" / "s" / "report").symlink_to(others)
    with pytest.raises(StorageError, match="symbolic link"):
        copy_run(source, tmp_path / "home2")
    assert everything_under(others) == []


def test_what_an_earlier_attempt_left_in_a_store_is_not_copied(bucket: ObjectPath, tmp_path: Path) -> None:
    source = write_run(bucket / "runs")
    write_atomic(source.root / "trials" / A / "fedcba98" / "record.json", b"half")
    write_atomic(source.root / "trials" / ("d" * 16) / "fedcba98" / "record.json", b"half")
    copied = copy_run(source, tmp_path)
    assert (copied.records, copied.damaged) == (2, ())
    back = copy_run(Ledger(copied.path), bucket / "again")
    assert not any("fedcba98" in str(path) for path in objects_below(bucket / "again"))
    assert verify(Ledger(back.path)).whole == 2


def test_the_command_says_what_it_did(raysat: Callable[..., Any], tmp_path: Path, bucket: ObjectPath) -> None:
    source = write_run(tmp_path / "there")
    result = raysat("ledger", "copy", source.root, str(bucket / "runs"))
    assert (result.code, result.err) == (0, "")
    assert f"copied     2 records, patches of 1 generator to {bucket}/runs/s" in result.out
    result = raysat("ledger", "copy", str(bucket / "runs" / "s"), tmp_path / "home")
    assert result.code == 0
    result = raysat("ledger", "copy", str(bucket / "runs" / "s"), tmp_path / "home")
    assert "copied     0 records" in result.out
    assert "2 records were there" in result.out
    (tmp_path / "there" / "s" / "trials" / A / "model.pt").write_bytes(b"")
    result = raysat("ledger", "copy", source.root, tmp_path / "second")
    assert result.code == 1
    assert "left out" in result.out


def test_a_report_of_the_copy_is_that_of_the_run(
    make_run: Callable[..., Ledger], table2: Any, tmp_path: Path, bucket: ObjectPath
) -> None:
    source = make_run(dict(list(table2.items())[:3]), seeds=(0, 1))
    up = copy_run(source, bucket / "runs")
    home = copy_run(Ledger(up.path), tmp_path / "home")
    pages = []
    for number, run in enumerate((source.root, home.path)):
        write_report(analyze([run]), tmp_path / str(number), ("csv", "tex", "json"))
        files = sorted(file for file in (tmp_path / str(number)).rglob("*") if file.is_file())
        content = {str(file.relative_to(tmp_path / str(number))): file.read_bytes() for file in files}
        pages.append({name: data.replace(str(run).encode(), b"RUN") for name, data in content.items()})
    assert pages[0] == pages[1]
    assert len(pages[0]) >= 4


def test_a_search_is_copied_with_its_log(raysat: Callable[..., Any], tmp_path: Path) -> None:
    run = Ledger(tmp_path / "runs" / "hunt")
    candidate = Candidate(number=0, job=A, drawn=None, config=Config(), state="finished")
    log = Log(
        study="hunt",
        identity=identity_of(Config()),
        data="d",
        patches={},
        reported="test",
        candidates=(candidate,),
    )
    save_log(run.root, log)
    write_atomic(run.root / "study.yaml", "study: hunt\n")
    run.write(A, whole_files(A))
    result = raysat("ledger", "copy", run.root, tmp_path / "home")
    assert (result.code, result.err) == (0, "")
    assert read_log(tmp_path / "home" / "hunt") == log
    assert Ledger(tmp_path / "home" / "hunt").is_finished(A)
    write_atomic(run.root / "study.yaml", "study: another hunt\n")
    assert "holds another study" in raysat("ledger", "copy", run.root, tmp_path / "home").err

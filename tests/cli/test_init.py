"""``raysat init``: a study that plans without an edit, written whole or not at all."""

import os
from pathlib import Path

from raysat.data.store import PatchStore
from raysat.files import write_new
from raysat.study.load import load_study
from tests.helpers.command import Raysat


def test_it_plans_without_an_edit_and_nothing_is_replaced(
    raysat: Raysat, landsat_store: PatchStore, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = raysat("init", landsat_store.path, "--out", "new/land cover.yaml")
    assert (made.code, made.err) == (0, "")
    file = Path("new/land cover.yaml")
    assert len(load_study(file).arms) == 4
    next_line = next(line for line in made.out.splitlines() if line.startswith("next"))
    assert f"raysat plan --space 'new/land cover.yaml' --data {landsat_store.path}" in next_line
    assert raysat("plan", "--space", file, "--data", landsat_store.path).code == 0
    before = file.read_bytes()
    again = raysat("init", landsat_store.path, "--out", file)
    assert again.code == 2
    assert "is there already" in again.err
    assert "hint: name another file with --out" in again.err
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name], "nothing half-written stays"


def test_of_the_demo_by_default(raysat: Raysat, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert raysat("init").code == 0
    assert "simulated" in Path("study.yaml").read_text(encoding="utf-8")
    planned = raysat("plan", "--space", "study.yaml")
    assert planned.code == 0
    assert "enough for the strongest difference" in " ".join(planned.out.split())


def test_a_store_that_there_is_not_leaves_nothing(raysat: Raysat, tmp_path: Path) -> None:
    found = raysat("init", tmp_path / "none", "--out", tmp_path / "x.yaml")
    assert found.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_nowhere_is_not_written_through(raysat: Raysat, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to(tmp_path / "other")
    assert raysat("init", "demo", "--out", tmp_path / "x.yaml").code == 2
    assert not (tmp_path / "other").exists()


def test_of_two_that_write_at_once_one_wins(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a"
    assert write_new(path, "first")
    assert not write_new(path, "second")
    assert path.read_text() == "first"

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert not write_new(path, "third")
    assert write_new(tmp_path / "b", "where there are no links")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"]

"""A study of folds from the command line: planned, trained, compared; and each mistake as one line."""

import json
from pathlib import Path

import numpy as np
import pytest

import raysat as api
from raysat.data.patch_store import PatchStore
from raysat.data.remote.cache import cached_stores
from raysat.storage.ledger import Ledger
from tests.helpers.command import STUDY, Raysat
from tests.helpers.data import write_store
from tests.helpers.paths import ROOT
from tests.helpers.places import lying

COUNT = 72
AT = np.random.default_rng(0).uniform((10, 45), (10.5, 45.4), (COUNT, 2)).round(4).tolist()
FOLDS = "folds: {number: 3, block: 10km, buffer: 500m}\n"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PatchStore:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    labels = np.arange(COUNT) % 3
    images = rng.integers(40 * labels[:, None, None, None], 40 * labels[:, None, None, None] + 100, (COUNT, 3, 16, 16))
    named = {"bands": ("B2", "B5", "B6"), "sensor": "landsat8", "classes": ("a", "b", "c")}
    return write_store(Path("fields"), images.astype(np.uint8), labels, ["train"] * COUNT, places=lying(AT), **named)


def cached() -> dict[Path, int]:
    """The stores of the cache, which other tests use too, and what tells one from another in its place."""
    return {each.folder: each.folder.stat().st_ino for each in cached_stores()}


def space(folds: str = FOLDS) -> Path:
    file = Path("tiny.yaml")
    file.write_text(STUDY + folds, encoding="utf-8")
    return file


def test_every_fold_is_planned_or_the_one_that_is_picked(raysat: Raysat) -> None:
    done = raysat("plan", "--space", space(), "--data", "fields")
    assert (done.code, done.err) == (0, "")
    for number in (1, 2, 3):
        assert f"tiny-fold-{number} on fields (fold {number} of 3): " in done.out
    one = raysat("plan", "--space", space(), "--data", "fields (fold 2 of 3)")
    assert (one.code, one.out.count(" on fields (fold ")) == (0, 1)
    assert "tiny-fold-2 on fields (fold 2 of 3)" in one.out


@pytest.mark.slow
def test_a_study_trains_on_each_fold_and_is_compared(raysat: Raysat, ray_session: None) -> None:
    folds = "folds: {number: 2, block: 10km, buffer: 500m}\n"
    words = ["ablate", "--space", space(folds), "--data", "fields", "--out", "runs", "--epochs", 1]
    first = raysat(*words)
    assert (first.code, first.err) == (0, "")
    folders = ["runs/tiny-fold-1", "runs/tiny-fold-2"]
    assert f"next: raysat across {' '.join(folders)}" in first.out
    made = cached()
    again = raysat(*words)
    assert again.out.count("nothing to do: all 4 trials are finished") == 2
    assert cached() == made
    split = api.split_store("fields", "t", split="spatial", block="10km", buffer="500m", folds=2).stores
    for number, (folder, fold) in enumerate(zip(folders, split, strict=True), 1):
        plan = Ledger(Path(folder)).read_plan()
        assert plan.data.name == f"fields (fold {number} of 2)"
        assert plan.data.fingerprint == fold.fingerprint
        assert plan.command is not None
        assert "--data 'fields (fold " in plan.command
        assert [trial.seed for arm in plan.arms for trial in arm.trials] == [0, 1, 0, 1]
    found = raysat("across", *folders, "--out", "across", "--format", "md,json")
    assert found.code == 0, found.err
    value = json.loads(Path("across/across.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in value["data_sets"]] == ["fields (fold 1 of 2)", "fields (fold 2 of 2)"]
    page = Path("across/across.md").read_text(encoding="utf-8")
    assert "Folds of one data set, and not data sets of their own: fields (fold 1 of 2)" in page
    evaluated = raysat("evaluate", folders[0], "--calibrate", "temperature", "--arms", "plain", "--seeds", 0)
    assert evaluated.code == 0, evaluated.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folds", "data", "message"),
    [
        (FOLDS, None, "the study is of 3 folds of its data"),
        (FOLDS, "demo", "demo does not know where its patches lie, as folds.block needs it"),
        ("folds: 3\n", "demo", "demo knows neither groups of its patches nor where they lie"),
        ("folds: {number: 3, buffer: 1km}\n", "demo", "as folds.buffer needs it"),
        ("folds: 100\n", "fields", "groups of patches cannot be in 100 folds"),
        ("folds: {number: 3, block: 10km, buffer: 400km}\n", "fields", "fold 1 of 3: a buffer of 400 km leaves no"),
        ("folds: {number: 3, block: 10mi}\n", "fields", "folds.block must be a length from 1 m to 5,000 km"),
        ("folds: {number: many}\n", "fields", "folds.number must be a whole number from 2 to 100"),
        ("folds: 3\nstores: [fields, demo]\n", "fields", "folds are of one store"),
        (FOLDS, "fields (fold 4 of 3)", "fields (fold 4 of 3) is a fold, and none of the study's 3"),
        (FOLDS, "nowhere", "there is no patch store nowhere"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    raysat: Raysat, folds: str, data: str | None, message: str
) -> None:
    before = cached()
    for command in ("plan", "ablate"):
        words = [] if data is None else ["--data", data]
        done = raysat(command, "--space", space(folds), "--out", "runs", *words)
        lines = done.err.splitlines()
        assert (done.code, len(lines)) == (2, 2), done.err
        assert lines[0].startswith("error: ")
        assert message in lines[0]
        assert lines[1].startswith("hint: ")
        assert not Path("runs").exists()
        assert cached() == before


def test_what_needs_one_plan_asks_for_a_fold(raysat: Raysat) -> None:
    words = ["cluster", "price", ROOT / "cluster.yaml", "--rate", 100, "--space", space()]
    several = raysat(*words, "--data", "fields")
    assert several.code == 2
    assert "the study is of several folds" in several.err
    assert "choose one with --data 'fields (fold 1 of 3)'" in several.err
    assert raysat(*words, "--data", "fields (fold 1 of 3)").code == 0

"""``raysat across``, and studies of several stores: from the command line to the files."""

import json
from pathlib import Path

import numpy as np
import pytest

from raysat.data.store import StoreWriter
from tests.helpers.command import STUDY, Raysat

PLAIN, GOOD, OTHER = (0.9, 0.4, 0.4, 0.3), (0.85, 0.8, 0.75, 0.7), (0.9, 0.5, 0.4, 0.4)
SIZES = ((120, 40, 30, 20), (60, 16, 14, 10), (200, 30, 20, 40))


@pytest.fixture
def runs(make_run) -> list[Path]:
    arms = {"plain": PLAIN, "<b>&_good": GOOD, "other": OTHER}
    return [
        make_run(arms, folder=name, seeds=range(3), sizes=sizes, fingerprint=name * 32, first_id=10 * place).root
        for place, (name, sizes) in enumerate(zip("abc", SIZES, strict=True))
    ]


@pytest.mark.slow
def test_it_writes_every_format_and_says_what_holds(raysat: Raysat, runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = raysat("across", *runs, "--out", out, "--baseline", "plain")
    assert (result.code, result.err) == (0, "")
    assert "gains over plain" in result.out
    assert "3 data sets say little of others" in result.out
    ends = ("csv", "html", "json", "md", "parquet", "tex")
    assert sorted(file.name for file in out.iterdir() if file.is_file()) == [f"across.{end}" for end in ends]
    assert {file.name for file in (out / "figures").iterdir()} == {
        f"{name}.{end}" for name in ("gains", "ranks") for end in ("png", "svg")
    }
    page = (out / "across.html").read_text(encoding="utf-8")
    assert "<b>&_good" not in page
    assert r"\_good" in (out / "across.tex").read_text(encoding="utf-8")
    value = json.loads((out / "across.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in value["data_sets"]] == ["a", "b", "c"]
    assert value["gains"]["<b>&_good"]["balanced_accuracy"]["over_data_sets"]["n"] == 3
    rows = (out / "across.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 2 * 3 * 4, "two arms, three metrics, three data sets and all"


def test_nothing_is_written_unless_asked_for_and_mistakes_are_one_line(raysat: Raysat, runs: list[Path]) -> None:
    before = {path for run in runs for path in run.rglob("*")}
    assert raysat("across", *runs).code == 0
    assert {path for run in runs for path in run.rglob("*")} == before
    for words, message in (
        ([runs[0]], "one data set says nothing of others"),
        ([runs[0], runs[0]], "are of the same patches"),
        ([*runs, "--baseline", "plian"], "plain"),
        ([*runs, "--format", "pdf"], "unknown format"),
        ([runs[0], runs[0].parent / "none"], "none"),
    ):
        result = raysat("across", *words)
        assert result.code == 2, words
        assert message in result.err
        assert "Traceback" not in result.err


def write_store(folder: Path, seed: int, classes: int = 3, bands: tuple[str, ...] = ("B2", "B5", "B6")) -> Path:
    rng = np.random.default_rng(seed)
    names = tuple("abcd"[:classes])
    with StoreWriter(folder, bands=bands, classes=names, sensor="landsat8", source={}) as writer:
        for label in range(classes):
            for split, count in (("train", 16 - 4 * label), ("val", 6), ("test", 8)):
                for _ in range(count):
                    values = rng.integers(40 * label, 40 * label + 100, (len(bands), 16, 16))
                    writer.add(values.astype(np.uint8), label, split)
        writer.close()
    return folder


@pytest.mark.slow
def test_a_study_of_several_stores_that_cannot_train_on_one_says_so_before_it_begins(
    raysat: Raysat, tmp_path: Path
) -> None:
    stores = [write_store(tmp_path / "one", 1), tmp_path / "none"]
    space = tmp_path / "tiny.yaml"
    space.write_text(f"{STUDY}\nstores: [{', '.join(map(str, stores))}]\n", encoding="utf-8")
    result = raysat("ablate", "--space", space, "--out", tmp_path / "runs")
    assert (result.code, (tmp_path / "runs").exists()) == (2, False)
    assert str(stores[1]) in result.err
    write_store(stores[1], 2, bands=("B2", "B5"))
    lacks = raysat("ablate", "--space", space, "--out", tmp_path / "runs")
    assert (lacks.code, (tmp_path / "runs").exists()) == (2, False)
    assert f"error: {stores[1]}: " in lacks.err
    assert "band 'B6' is not in the store" in lacks.err
    other = raysat("plan", "--space", space, "--data", "demo")
    assert other.code == 2
    assert "not one of the study's stores" in other.err


@pytest.mark.slow
def test_a_study_of_three_stores_trains_on_each_and_is_compared(
    raysat: Raysat, tmp_path: Path, ray_session: None
) -> None:
    stores = [write_store(tmp_path / name, seed, 3 + seed % 2) for seed, name in enumerate(("one", "two", "three"))]
    space, out = tmp_path / "tiny.yaml", tmp_path / "runs"
    space.write_text(f"{STUDY}\nstores: [{', '.join(map(str, stores))}]\n", encoding="utf-8")
    first = raysat("ablate", "--space", space, "--out", out)
    assert (first.code, first.err) == (0, "")
    folders = [out / f"tiny-{store.name}" for store in stores]
    assert f"next: raysat across {' '.join(map(str, folders))}" in first.out
    again = raysat("ablate", "--space", space, "--out", out)
    assert again.out.count("nothing to do: all 4 trials are finished") == 3
    one = raysat("ablate", "--space", space, "--out", out, "--data", stores[1])
    assert one.out.count("nothing to do") == 1
    planned = raysat("plan", "--space", space, "--out", out)
    assert planned.code == 0
    found = raysat("across", *folders, "--out", tmp_path / "across")
    assert found.code == 0, found.err
    value = json.loads((tmp_path / "across" / "across.json").read_text(encoding="utf-8"))
    assert [len(each["classes"]) for each in value["data_sets"]] == [3, 4, 3]

"""A report with the patches of its store: where that is found, what is drawn, and what stays as it was without it."""

from __future__ import annotations

import re
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from raysat.api.reports import report
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import RaysatError, UsageError
from raysat.reporting.analysis.pixels import NoPixels, Pixels

CLASSES = ("<b>crop</b>", "b & |c| $x$", "_d_ \\ `e`", "f%")
SIZES = (30, 8, 7, 5)  # of the made-up runs
ARMS = {"plain": (0.9, 0.2, 0.3, 0.2), "<i>better</i>": (0.6, 0.8, 0.9, 0.9)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("stores") / "made-up"
    bands = ("B2", "B3", "B4", "B5")
    with StoreWriter(path, bands=bands, classes=CLASSES, sensor="landsat8", source={"kind": "test"}) as writer:
        for label in np.repeat(range(4), SIZES):
            writer.add(rng.integers(0, 255, (4, 8, 8)).astype(np.uint8), int(label), "test")
        writer.add(np.zeros((4, 8, 8), np.uint8), 0, "train")
        return writer.close()


@pytest.fixture
def run(make_run, store: PatchStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)  # where records say that a store is, and there is none
    return make_run(ARMS, classes=CLASSES, sizes=SIZES, fingerprint=store.fingerprint)


def figures(folder: Path) -> set[str]:
    return {file.stem for file in (folder / "figures").glob("*.svg")}


def check_escaped(folder: Path) -> None:
    page, text = ((folder / f"report.{end}").read_text(encoding="utf-8") for end in ("html", "md"))
    assert "&lt;b&gt;crop&lt;/b&gt;" in page[page.index('id="changed"') :]
    assert "<b>crop" not in page
    assert "<i>better" not in page
    assert "<b>" not in text
    assert "<i>" not in text
    for name in ("newly-right", "newly-wrong"):
        assert "<b>" not in (folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")


def check_the_rest_is_the_same(folder: Path, without: Path) -> None:
    for file in ("report.csv", "trials.csv", "report.json", "report.tex"):
        assert (folder / file).read_bytes() == (without / file).read_bytes()
    drawn, plain = ((part / "report.md").read_text(encoding="utf-8") for part in (folder, without))
    sentence = "The patches themselves are not shown: there is no patch store at store. Name the store with --data.\n\n"
    assert plain.count(sentence) == 1
    pictures = re.compile(r"!\[[^\n]*\]\(figures/newly-\w+\.svg\)\n\n_[^\n]*_\n\n")
    assert len(pictures.findall(drawn)) == 2
    assert pictures.sub("", drawn) == plain.replace(sentence, "")


@pytest.mark.slow
def test_patches_are_drawn_where_their_store_is_named(run, store: PatchStore, tmp_path: Path) -> None:
    found = report(run.root, data=store, out=tmp_path / "a")
    explained = found.analysis.explained
    assert explained is not None
    assert isinstance(explained.pixels, Pixels)
    assert explained.pixels.bands == ("B4", "B3", "B2")
    pair = explained.changes.right[0]
    np.testing.assert_array_equal(explained.pixels.read(pair.rows), store.images[pair.rows][:, [2, 1, 0]])
    assert (store.labels[pair.rows] == pair.true).all()
    table = found.table("changed")
    assert table["newly right"].iloc[-1] == sum(len(pair.rows) for pair in explained.changes.right)
    assert {"newly-right", "newly-wrong"} <= figures(tmp_path / "a")
    check_escaped(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    report(run.root, out=tmp_path / "b", formats=["md", "csv", "json", "tex"])
    assert not any(name.startswith("newly") for name in figures(tmp_path / "b"))
    check_the_rest_is_the_same(tmp_path / "a", tmp_path / "b")


def test_the_store_that_records_name_is_used_if_it_is_the_one(
    run, store: PatchStore, make_store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    shutil.copytree(store.path, "store")
    explained = report(run.root).analysis.explained
    assert explained is not None
    assert isinstance(explained.pixels, Pixels)
    shutil.rmtree("store")
    shutil.copytree(make_store().path, "store")
    explained = report(run.root).analysis.explained
    assert explained is not None
    assert explained.pixels == NoPixels(path="store", why="other")


def test_what_a_record_names_behind_a_url_is_not_fetched(run, monkeypatch: pytest.MonkeyPatch) -> None:
    from raysat.reporting.analysis import pixels

    monkeypatch.setattr(pixels.PatchStore, "open", lambda path: pytest.fail(f"{path} was opened"))
    for trial in (run.root / "trials").iterdir():
        record = trial / "record.json"
        sums = trial / "SHA256SUMS"
        content = record.read_text(encoding="utf-8").replace('"path":"store"', '"path":"s3://bucket/store"')
        sums.write_text(
            re.sub(r"[0-9a-f]{64}(?=  record\.json)", sha256(content.encode()).hexdigest(), sums.read_text())
        )
        record.write_text(content, encoding="utf-8")
    explained = report(run.root).analysis.explained
    assert explained is not None
    assert explained.pixels == NoPixels(path="s3://bucket/store", why="remote")


def test_another_store_or_arm_is_refused(run, make_store, store: PatchStore) -> None:
    with pytest.raises(UsageError, match="is not the store that table2 was measured on"):
        report(run.root, data=make_store())
    with pytest.raises(RaysatError, match="nowhere"):
        report(run.root, data="nowhere")
    with pytest.raises(UsageError, match="is the baseline, which changes nothing"):
        report(run.root, explained="plain")
    with pytest.raises(UsageError, match=r"unknown finished arm|no finished arm"):
        report(run.root, explained="plane")


@pytest.mark.slow
def test_the_arm_to_explain_can_be_named(run, store: PatchStore, raysat, tmp_path: Path) -> None:
    words = ("--baseline", "<i>better</i>", "--explain", "plain", "--data", store.path)
    result = raysat("report", run.root, "--out", tmp_path / "b", "--format", "md", *words)
    assert result.code == 0
    assert "plain against &lt;i&gt;better" in (tmp_path / "b" / "report.md").read_text(encoding="utf-8")

"""Pixel-identical patches in every importer: refused across splits, counted within, kept together by splits we make."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from raysat.cli.data import data
from raysat.data.store import PatchStore
from raysat.errors import DataError
from tests.helpers.data import left_behind, patch_features, write_manifest, write_part, write_tiff
from tests.helpers.importing import import_droughtwatch


def droughtwatch(folder, drawn):
    """Two parts a split; returns the words of the command and the name of each patch."""
    names, parts = {}, {}
    for index, (patch, split) in enumerate(drawn):
        part = folder / "in" / (split or "") / f"part-{index % 2}"
        records = parts.setdefault(part, [])
        names[index] = f"{part}: record {len(records)}"
        records.append(patch_features(patch, index % 2))
    for part, records in parts.items():
        write_part(part, records)
    return ["droughtwatch", folder / "in"], names


def geotiff(folder, drawn):
    rows, names = [], {}
    for index, (patch, split) in enumerate(drawn):
        write_tiff(folder / "in" / f"{index}.tif", patch)
        rows.append(",".join((f"{index}.tif", "xy"[index % 2], *([split] if split else []))))
        names[index] = f"{folder / 'in' / 'm.csv'}: row {index + 2}: {folder / 'in' / f'{index}.tif'}"
    header = "path,label,split" if drawn[0][1] else "path,label"
    bands = ",".join(f"b{band}" for band in range(11))
    return ["geotiff", write_manifest(folder / "in" / "m.csv", rows, header), "--bands", bands], names


def folder(folder, drawn):
    names = {}
    for index, (patch, split) in enumerate(drawn):
        file = folder / "in" / (split or "train") / "xy"[index % 2] / f"{index}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, patch.transpose(1, 2, 0))
        names[index] = str(file)
    return ["folder", folder / "in"], names


every_importer = pytest.mark.parametrize("make", [droughtwatch, geotiff, folder])


def pixels(count):
    return np.random.default_rng(0).integers(1, 256, (count, 11, 65, 65), dtype=np.uint8)


def run(words, out, *options):
    result = CliRunner().invoke(data, ["import", *map(str, words), "--out", str(out), *options])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@every_importer
def test_the_same_pixels_in_two_splits_are_refused_naming_both(tmp_path, make):
    drawn = list(zip(pixels(8), ["train"] * 4 + ["val"] * 4, strict=True))
    drawn[6] = (drawn[1][0], "val")
    words, names = make(tmp_path, drawn)
    with pytest.raises(DataError) as caught:
        run(words, tmp_path / "s")
    assert caught.value.message == f"{names[1]} (train) and {names[6]} (val) hold the same pixels, in two splits"
    assert "allow_duplicates" in caught.value.hint
    assert left_behind(tmp_path) == ["in"]
    output = run(words, tmp_path / "s", "--allow-duplicates")
    assert "pixel-identical copies of earlier patches: 1, 1 of them in another split" in output
    store = PatchStore.open(tmp_path / "s")
    assert len(store) == 8
    assert (store.source["copies"], store.source["copies_across_splits"]) == (1, 1)


@every_importer
def test_all_that_cross_are_counted(tmp_path, make):
    drawn = list(zip(pixels(10), ["train"] * 6 + ["val"] * 4, strict=True))
    for copy, of in ((4, 0), (6, 0), (8, 0), (9, 1)):
        drawn[copy] = (drawn[of][0], drawn[copy][1])
    words, _ = make(tmp_path, drawn)
    with pytest.raises(DataError, match="; 3 copies in all lie in another split than the first of their kind"):
        run(words, tmp_path / "s")
    output = run(words, tmp_path / "s", "--allow-duplicates")
    assert "pixel-identical copies of earlier patches: 4, 3 of them in another split" in output


@every_importer
def test_copies_in_one_split_are_counted_and_kept(tmp_path, make):
    drawn = list(zip(pixels(6), ["train"] * 4 + ["val"] * 2, strict=True))
    drawn[2] = drawn[0]
    words, _ = make(tmp_path, drawn)
    assert "pixel-identical copies of earlier patches: 1, 0 of them in another split" in run(words, tmp_path / "s")
    store = PatchStore.open(tmp_path / "s")
    assert len(store) == 6
    assert (store.source["copies"], store.source["copies_across_splits"]) == (1, 0)


@every_importer
@pytest.mark.parametrize("split", [None, "train"])
def test_a_split_that_is_made_keeps_copies_together(tmp_path, make, split):
    drawn = [(patch, split) for patch in pixels(10)] * 3
    words, _ = make(tmp_path, drawn)
    output = run(words, tmp_path / "s")
    found = "no split is given" if split is None and make is not folder else "every patch is in train"
    assert f"{found}: a fixed stratified 70/15/15 split was made" in output
    assert "pixel-identical copies of earlier patches: 20, in the same split" in output
    store = PatchStore.open(tmp_path / "s")
    splits = {}
    for image, code in zip(store.images, store.splits, strict=True):
        splits.setdefault(image.tobytes(), set()).add(int(code))
    assert [len(codes) for codes in splits.values()] == [1] * 10
    assert set.union(*splits.values()) == {0, 1, 2}
    assert (store.source["copies"], store.source["copies_across_splits"]) == (20, 0)


@every_importer
def test_without_copies_nothing_is_said(tmp_path, make):
    words, _ = make(tmp_path, list(zip(pixels(4), ["train", "train", "val", "val"], strict=True)))
    assert "pixel-identical" not in run(words, tmp_path / "s")
    assert json.loads((tmp_path / "s" / "store.json").read_text())["source"]["copies"] == 0


def test_patches_that_differ_below_nodata_alone_are_copies(tmp_path):
    image = np.arange(1, 73, dtype=np.uint16).reshape(2, 6, 6)
    for index, value in enumerate((0, 900, 0)):
        holed = image.copy()
        holed[0, 0, index // 2] = value  # the third misses another pixel
        write_tiff(tmp_path / "in" / f"{index}.tif", holed, nodata=value)

    def rows(*files):
        return write_manifest(
            tmp_path / "in" / "m.csv", [f"{f}.tif,x,{s}" for f, s in zip(files, ("train", "val"), strict=True)]
        )

    with pytest.raises(
        DataError, match=r"row 2: .*0\.tif \(train\) and .*row 3: .*1\.tif \(val\) hold the same pixels"
    ):
        run(["geotiff", rows(0, 1), "--bands", "a,b"], tmp_path / "s")
    assert "pixel-identical" not in run(["geotiff", rows(0, 2), "--bands", "a,b"], tmp_path / "s")


def test_dropped_patches_are_counted_in_the_numbers_of_records(tmp_path):
    drawn = [pixels(1)[0] * 0, pixels(1)[0]]
    write_part(tmp_path / "in/train/part-0", [patch_features(patch, 0) for patch in drawn])
    write_part(tmp_path / "in/val/part-0", [patch_features(patch, 0) for patch in [drawn[0], *drawn]])
    with pytest.raises(DataError, match=r"train/part-0: record 1 \(train\) and .*val/part-0: record 2 \(val\) hold"):
        run(["droughtwatch", tmp_path / "in"], tmp_path / "s")


def test_empty_patches_that_are_kept_are_no_copies(real_part, tmp_path):
    done = import_droughtwatch(real_part, tmp_path / "s", keep_empty=True)
    assert done.notes == ("no split is given: a fixed stratified 70/15/15 split was made",)
    assert (done.store.source["copies"], len(done.store)) == (0, 81)
    for split in ("train", "val"):
        (tmp_path / "in" / split).mkdir(parents=True)
        write_part(tmp_path / "in" / split / "part-0", [patch_features(np.zeros((11, 65, 65), np.uint8), 0)] * 2)
    assert len(import_droughtwatch(tmp_path / "in", tmp_path / "t", keep_empty=True).store) == 4

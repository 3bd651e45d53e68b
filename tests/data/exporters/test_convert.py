"""Stores in the layouts of other tools, which read them; what cannot be written or read is one error."""

import json
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import rasterio
import zarr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets import ImageFolder

from raysat.data.exporters.image_folder import folder_name
from raysat.data.exporters.write import export_store
from raysat.data.importers.image_folder import read_image_folder
from raysat.data.importers.write import import_patches
from raysat.data.layouts import LAYOUTS
from raysat.errors import DataError, DiskError, InstallationError
from tests.helpers.converting import READ, back, make
from tests.helpers.data import left_behind, patches, splits_of, write_store


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_store_of_generated_patches_stays_one_and_keeps_its_one_split(tmp_path, layout):
    images = patches(6)
    store = write_store(tmp_path / "s", images, [0, 1] * 3, ["train"] * 6, generated=True)
    export_store(store, tmp_path / "x", layout)
    again = back(layout, tmp_path / "x", tmp_path / "s2")
    assert again.store.generated
    assert again.store.fingerprint == store.fingerprint
    assert again.store.source["converted_from"] == "test"
    assert not any("split was made" in note for note in again.notes)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_store_gives_the_same_bytes(tmp_path, layout):
    store = make(tmp_path / "s", missing=True)
    found = []
    for name in ("x", "y"):
        export_store(store, tmp_path / name, layout)
        files = sorted(file for file in (tmp_path / name).rglob("*") if file.is_file())
        found.append({str(file.relative_to(tmp_path / name)): file.read_bytes() for file in files})
    assert found[0] == found[1]


def load(path):
    with rasterio.open(path) as file:
        return file.read()


def test_torchvision_reads_an_image_folder(tmp_path):
    store = make(tmp_path / "s", bands=4)
    done = export_store(store, tmp_path / "x", "imagefolder")
    assert done.notes == ("other tools number the classes by folder name: 3+ cows, built up, water",)
    for split in ("train", "val", "test"):
        theirs = ImageFolder(tmp_path / "x" / split, loader=load)
        assert theirs.classes == sorted(store.classes)
        rows = store.indices(split)
        assert len(theirs) == len(rows)
        by_row = {int(path[-11:-4]): index for index, (path, _) in enumerate(theirs.samples)}
        for row in rows:
            pixels, label = theirs[by_row[row]]
            np.testing.assert_array_equal(pixels, store.images[row])
            assert theirs.classes[label] == store.classes[store.labels[row]]


def test_images_say_what_their_bands_are_and_where_they_are_nodata(tmp_path):
    store = make(tmp_path / "s", missing=True, bands=2)
    export_store(store, tmp_path / "x", "imagefolder")
    row = next(row for row in range(len(store)) if store.missing(np.array([row]), 0).any())
    image = next((tmp_path / "x").rglob(f"{row:07d}.tif"))
    with rasterio.open(image) as file:  # as any user of GDAL does
        assert file.descriptions == store.bands
        valid = file.read_masks()
    for band in range(2):
        np.testing.assert_array_equal(valid[band] == 0, store.missing(np.array([row]), band)[0])


def test_three_bands_of_bytes_are_png_that_pillow_reads(tmp_path):
    store = make(tmp_path / "s", np.uint8, 3)
    export_store(store, tmp_path / "x", "imagefolder")
    images = sorted((tmp_path / "x").rglob("*.png"), key=lambda path: path.name)
    assert len(images) == len(store)
    assert not list((tmp_path / "x").rglob("*.xml"))
    for row, path in enumerate(images):
        np.testing.assert_array_equal(np.asarray(Image.open(path)).transpose(2, 0, 1), store.images[row])


def test_torchgeo_reads_its_layout(tmp_path):
    eurosat = pytest.importorskip("torchgeo.datasets").EuroSAT
    names = eurosat.all_band_names
    classes = ["AnnualCrop", "Forest", "River"]
    images = patches(18, bands=13, dtype=np.uint16)
    store = write_store(tmp_path / "s", images, np.arange(18) // 3 % 3, splits_of(18), bands=names, classes=classes)
    export_store(store, tmp_path / "x", "torchgeo")

    class Ours(eurosat):
        base_dir = ""
        split_filenames: ClassVar = {split: f"{split}.txt" for split in eurosat.splits}

    for split in ("train", "val", "test"):
        theirs = Ours(tmp_path / "x", split=split)
        rows = store.indices(split)
        assert len(theirs) == len(rows)
        by_row = {int(path[-11:-4]): index for index, (path, _) in enumerate(theirs.samples)}
        for row in rows:
            sample = theirs[by_row[row]]
            np.testing.assert_array_equal(sample["image"].numpy(), store.images[row].astype(np.float32))
            assert int(sample["label"]) == store.labels[row]


def test_webdataset_reads_its_shards(tmp_path, monkeypatch):
    import webdataset

    monkeypatch.setattr("raysat.data.exporters.webdataset.SHARD_PATCHES", 2)
    store = make(tmp_path / "s", missing=True)
    done = export_store(store, tmp_path / "x", "webdataset")
    assert done.notes == ("shards: train 3, val 3, test 3",)
    shards = sorted(map(str, (tmp_path / "x").glob("train-*.tar")))
    theirs = list(webdataset.WebDataset(shards, shardshuffle=False).decode())
    rows = store.indices("train")
    assert [int(sample["__key__"]) for sample in theirs] == rows.tolist()
    for row, sample in zip(rows, theirs, strict=True):
        np.testing.assert_array_equal(sample["npy"], store.images[row])
        assert sample["cls"] == store.labels[row]
        assert sample["json"] == {"class": store.classes[store.labels[row]], "split": "train", "index": row}
        masks = np.stack([store.missing(np.array([row]), band)[0] for band in range(2)])
        assert ("nodata.npy" in sample) == masks.any()
        np.testing.assert_array_equal(sample.get("nodata.npy", masks), masks)


def test_zarr_reads_its_group(tmp_path, monkeypatch):
    monkeypatch.setattr("raysat.data.exporters.zarr.CHUNK_BYTES", 500)
    store = make(tmp_path / "s", missing=True)
    assert export_store(store, tmp_path / "x", "zarr").notes == ("chunks of 5 patches",)
    theirs = zarr.open_group(str(tmp_path / "x"), mode="r")
    np.testing.assert_array_equal(theirs["images"][:], store.images)
    np.testing.assert_array_equal(theirs["labels"][:], store.labels)
    np.testing.assert_array_equal(theirs["splits"][:], store.splits)
    assert theirs["images"].metadata.dimension_names == ("patch", "band", "y", "x")
    assert tuple(theirs.attrs["classes"]) == store.classes
    assert back("zarr", tmp_path / "x", tmp_path / "s2").store.fingerprint == store.fingerprint


@pytest.mark.slow
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=20), max_size=30))
def test_every_class_has_a_folder_of_its_own(names):
    folders = {name: folder_name(name) for name in names}
    assert len(set(folders.values())) == len(folders)
    for name, folder in folders.items():
        assert not set(folder) & set('/\\<>:"|?*')
        assert not folder.startswith(".")
        if not set(name) & set('%/\\<>:"|?*') and not name.startswith("."):
            assert folder == name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_that_no_folder_has(tmp_path, layout):
    store = make(tmp_path / "s", classes=["a/b", "..", "50 %"])
    export_store(store, tmp_path / "x", layout)
    assert sorted(left_behind(tmp_path)) == ["s", "x"]
    assert back(layout, tmp_path / "x", tmp_path / "s2").store.classes == store.classes


def test_a_split_without_a_class_is_said(tmp_path):
    store = write_store(tmp_path / "s", patches(6), [0, 1, 0, 0, 0, 0], ["train"] * 3 + ["val"] * 3)
    done = export_store(store, tmp_path / "x", "imagefolder")
    assert done.notes == ("val has no patch of c1: give ImageFolder allow_empty=True",)
    assert ImageFolder(tmp_path / "x/val", loader=load, allow_empty=True).classes == ["c0", "c1"]


def test_nothing_is_replaced_unless_asked_and_only_a_conversion(tmp_path):
    store = make(tmp_path / "s")
    for layout in LAYOUTS:
        export_store(store, tmp_path / layout, layout)
        with pytest.raises(DataError, match="exists already"):
            export_store(store, tmp_path / layout, layout)
        export_store(store, tmp_path / layout, "zarr", overwrite=True)
    (tmp_path / "mine").mkdir()
    for other in ("mine", "s"):
        with pytest.raises(DataError, match="no converted store"):
            export_store(store, tmp_path / other, "zarr", overwrite=True)
    assert left_behind(tmp_path) == sorted([*LAYOUTS, "mine", "s"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_left_of_one_that_fails(tmp_path, layout, monkeypatch):
    store = make(tmp_path / "s")

    def fail(done, total):
        if done == 5:
            raise OSError(28, "No space left on device")

    with pytest.raises(DiskError, match="No space left"):
        export_store(store, tmp_path / "x", layout, progress=fail)
    assert left_behind(tmp_path) == ["s"]


@pytest.mark.parametrize("layout", ["webdataset", "zarr"])
def test_a_package_that_is_not_installed_is_named_with_its_extra(tmp_path, layout, monkeypatch):
    store = make(tmp_path / "s")
    monkeypatch.setitem(__import__("sys").modules, layout, None)
    with pytest.raises(
        InstallationError, match=rf"{layout} is not installed: it comes with raysat\[convert\]"
    ) as caught:
        export_store(store, tmp_path / "x", layout)
    assert f"pip install {layout}" in caught.value.hint
    assert left_behind(tmp_path) == ["s"]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"format": 2}, "has format 2"),
        ({"bands": ["a", "a"]}, "named twice"),
        ({"classes": []}, "0 classes"),
        ({"classes": ["a", "\x1b"]}, "cannot be printed"),
        ({"ordinal": 1}, "bool"),
        ({"layout": "tape"}, "layout"),
        ({"fingerprint": "x"}, "fingerprint"),
        ({"pixel_size": -1.0}, "pixel_size"),
        ({"scenes": [{"name": "a\n", "crs": "EPSG:1"}]}, "cannot be printed"),
    ],
)
def test_a_description_that_is_wrong(tmp_path, change, cause):
    export_store(make(tmp_path / "s"), tmp_path / "x", "torchgeo")
    file = tmp_path / "x/raysat.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(DataError, match=cause):
        read_image_folder(tmp_path / "x")


def test_progress_goes_to_its_end(tmp_path):
    store, seen = make(tmp_path / "s"), []
    export = partial(export_store, progress=lambda done, total: seen.append((done, total)))
    for layout in LAYOUTS:
        seen.clear()
        export(store, tmp_path / layout, layout)
        assert seen == [(done, 18) for done in range(1, 19)]
        seen.clear()
        read = import_patches(
            READ[layout](tmp_path / layout),
            tmp_path / f"{layout}2",
            progress=lambda done, total: seen.append((done, total)),
        )
        assert len(seen) == len(read.store) == 18
        assert seen == sorted(seen)
        assert seen[-1][0] <= seen[-1][1]

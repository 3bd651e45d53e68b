"""A store that is converted and imported again is the same store to the last bit, whatever it holds."""

import json
import shutil
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from raysat.data.exporters.write import export_store
from raysat.data.groups import Grouping, Groups
from raysat.data.layouts import LAYOUTS
from raysat.data.places import Place, SceneRef
from raysat.data.splits import SPLITS
from raysat.errors import DataError
from tests.helpers.converting import back, make
from tests.helpers.data import left_behind, patches, write_store

pytestmark = pytest.mark.slow

SAME = ("fingerprint", "bands", "classes", "sensor", "ordinal", "generated", "stats", "nodata", "pixel_size")


def check_same(again, store):
    """Whether two stores are one to the last bit, but for what they were made of."""
    for name in SAME:
        assert getattr(again, name) == getattr(store, name), name
    np.testing.assert_array_equal(again.images, store.images)
    np.testing.assert_array_equal(again.labels, store.labels)
    np.testing.assert_array_equal(again.splits, store.splits)
    rows = np.arange(len(store))
    for band in range(len(store.bands)):
        np.testing.assert_array_equal(again.missing(rows, band), store.missing(rows, band))
    assert (again.places is None) == (store.places is None)
    if store.places is not None:
        assert again.places.scenes == store.places.scenes
        assert again.places.table().tobytes() == store.places.table().tobytes()
    told = [json.loads((each.path / "store.json").read_text()) for each in (again, store)]
    for name in ("places", "grouping", "groups"):
        assert told[0].get(name) == told[1].get(name), name
    assert (again.groups is None) == (store.groups is None)
    if store.groups is not None:
        assert again.groups.grouping == store.groups.grouping
        np.testing.assert_array_equal(again.groups.codes, store.groups.codes)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("dtype", "bands", "missing", "placed"),
    [
        (np.uint8, 3, False, False),
        (np.uint8, 3, True, True),
        (np.uint8, 4, False, True),
        (np.uint16, 2, True, False),
        (np.float32, 1, True, True),
    ],
)
def test_a_store_comes_back_as_it_was(tmp_path, layout, dtype, bands, missing, placed):
    store = make(tmp_path / "s", dtype, bands, missing, placed=placed)
    export_store(store, tmp_path / "x", layout)
    check_same(back(layout, tmp_path / "x", tmp_path / "s2").store, store)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
REFS = st.builds(SceneRef, name=st.none() | NAMES, crs=st.sampled_from(["EPSG:32633", "EPSG:4326"]) | TEXTS)


def name_key(name):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def unlike(names, most):
    """Lists of names of which no two look alike."""
    return st.lists(names, min_size=1, max_size=most, unique_by=name_key)


@st.composite
def stores(draw):
    """Arguments of ``write_store``: a few patches of any kind, that may have nodata, places and groups."""
    classes = draw(unlike(NAMES, 4))
    bands = draw(unlike(NAMES.filter(lambda name: "," not in name), 4))
    dtype, count = draw(st.sampled_from([np.uint8, np.uint16, np.float32])), draw(st.integers(1, 5))
    images = patches(count, len(bands), draw(st.integers(1, 4)), dtype, seed=draw(st.integers(0, 99)))
    missing = None
    if draw(st.booleans()):
        missing = np.random.default_rng(count).random(images.shape) < 0.2
        missing[0] = False  # each band has a pixel to train on
        missing[missing.all(axis=(1, 2, 3))] = False  # a patch of nodata alone is dropped
    places = None
    if draw(st.booleans()):
        refs, size = draw(st.lists(REFS, min_size=1, max_size=3)), draw(st.none() | st.floats(0.01, 9e6))
        places = [
            Place(scene=refs[draw(st.integers(0, len(refs) - 1))], x=draw(FINITE), y=draw(FINITE), pixel_size=size)
            for _ in range(count)
        ]
    groups = None
    if draw(st.booleans()):
        codes = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
        metres = draw(st.none() | st.floats(1, 5e6))
        by = draw(st.sampled_from(["column", "scene"])) if metres is None else "block"
        groups = Groups(codes=np.array(codes), grouping=Grouping(by=by, metres=metres))
    return {
        "groups": groups,
        "images": images,
        "labels": draw(st.lists(st.integers(0, len(classes) - 1), min_size=count, max_size=count)),
        "splits": ["train", *draw(st.lists(st.sampled_from(SPLITS), min_size=count - 1, max_size=count - 1))],
        "missing": missing,
        "places": places,
        "bands": bands,
        "classes": classes,
        "sensor": draw(st.none() | NAMES),
        "ordinal": draw(st.booleans()),
        "generated": draw(st.booleans()),
    }


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=15)
@given(drawn=stores())
def test_any_store_comes_back_as_it_was(layout, drawn):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = write_store(folder / "s", **drawn)
        export_store(store, folder / "x", layout)
        check_same(back(layout, folder / "x", folder / "s2").store, store)


@pytest.mark.parametrize("layout", ["imagefolder", "torchgeo"])
def test_places_go_with_the_names_of_images(tmp_path, layout):
    store = make(tmp_path / "s", placed=True)
    export_store(store, tmp_path / "x", layout)
    for row in (4, 9):
        next((tmp_path / "x").rglob(f"{row:07d}.tif")).unlink()
    for file in (tmp_path / "x").glob("*.txt"):
        file.write_text(
            "".join(f"{line}\n" for line in file.read_text().split() if line[:7] not in ("0000004", "0000009"))
        )
    kept = [row for row in range(18) if row not in (4, 9)]
    again = back(layout, tmp_path / "x", tmp_path / "s2").store
    np.testing.assert_array_equal(again.images, store.images[kept])
    np.testing.assert_array_equal(again.places.table(), store.places.table()[kept])
    added = next((tmp_path / "x").rglob("0000000.tif"))
    added.rename(added.with_name("mine.tif"))
    if layout == "imagefolder":
        done = back(layout, tmp_path / "x", tmp_path / "s3")
        assert done.store.places is None
        assert "15 of 16 patches have a place on the map: the store keeps none, as it would need all" in done.notes


def rows_less(table):
    return table[:-1]


def no_such_scene(table):
    return np.where([True, False, False], 2.0, table)


def nowhere(table):
    return np.where([False, False, True], np.nan, table)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (rows_less, r"places \(17, 3\) float64 for 18 patches"),
        (no_such_scene, "scenes up to 2 for 2 scenes"),
        (nowhere, "a patch has no place"),
        (None, "places"),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_places_that_are_damaged_are_refused(tmp_path, layout, change, cause):
    store = make(tmp_path / "s", placed=True)
    export_store(store, tmp_path / "x", layout)
    if layout == "zarr":
        shutil.rmtree(tmp_path / "x/places")
        if change:
            zarr.open_group(str(tmp_path / "x")).create_array("places", data=change(store.places.table()))
    else:
        (tmp_path / "x/places.npy").unlink()
        if change:
            np.save(tmp_path / "x/places.npy", change(store.places.table()))
    with pytest.raises(DataError, match=cause):
        back(layout, tmp_path / "x", tmp_path / "s2")
    assert left_behind(tmp_path) == ["s", "x"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_patches_that_are_taken_away_take_their_groups_along(tmp_path, layout):
    store = make(tmp_path / "s", grouped=True)
    export_store(store, tmp_path / "x", layout)
    assert back(layout, tmp_path / "x", tmp_path / "s2").store.groups.codes.tolist() == [n % 7 for n in range(18)]
    if layout == "imagefolder":
        next((tmp_path / "x").rglob("0000003.tif")).unlink()
        again = back(layout, tmp_path / "x", tmp_path / "s3").store
        assert again.groups.codes.tolist() == [n % 7 for n in range(18) if n != 3]
        added = next((tmp_path / "x").rglob("0000000.tif"))
        added.rename(added.with_name("mine.tif"))
        done = back(layout, tmp_path / "x", tmp_path / "s4")
        assert done.store.groups is None
        assert "16 of 17 patches have a group: the store keeps none" in done.notes


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_store_without_groups_is_converted_as_before_there_were_any(tmp_path, layout):
    export_store(make(tmp_path / "s", placed=True), tmp_path / "x", layout)
    files = {file.name: file for file in (tmp_path / "x").rglob("*") if file.is_file()}
    assert "groups.npy" not in files
    assert not (tmp_path / "x/groups").exists()
    told = (tmp_path / "x" / ("zarr.json" if layout == "zarr" else "raysat.json")).read_text()
    assert "grouping" not in told


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda codes: codes[:-1], r"groups.*17.* for 18 patches"),
        (lambda codes: codes + 1, "not numbered from 0"),
        (lambda codes: codes - 1, "not numbered from 0|values from -1"),
        (None, "groups"),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_groups_that_are_damaged_are_refused(tmp_path, layout, change, cause):
    store = make(tmp_path / "s", grouped=True)
    export_store(store, tmp_path / "x", layout)
    if layout == "zarr":
        shutil.rmtree(tmp_path / "x/groups")
        if change:
            zarr.open_group(str(tmp_path / "x")).create_array("groups", data=change(store.groups.codes))
    else:
        (tmp_path / "x/groups.npy").unlink()
        if change:
            np.save(tmp_path / "x/groups.npy", change(store.groups.codes))
    with pytest.raises(DataError, match=cause):
        back(layout, tmp_path / "x", tmp_path / "s2")
    assert left_behind(tmp_path) == ["s", "x"]

import hashlib
import json

import numpy as np
import pytest
import rasterio

from raysat.data.patch_store import PatchStore
from raysat.data.places import Place, SceneRef
from raysat.data.remote.copy import fetch_store
from raysat.data.remote.files import RangedFiles
from raysat.data.verify import verify_store
from raysat.errors import StoreError
from tests.helpers.data import OPTIONS, patches, splits_of, write_manifest, write_store, write_tiff
from tests.helpers.importing import import_geotiff
from tests.helpers.remote import FolderSource

SCENES = (SceneRef(name="north", crs="EPSG:32633"), SceneRef(name="south", crs="EPSG:32733"))


def places_of(count, pixel_size=30.0):
    return [
        Place(scene=SCENES[index % 2], x=1000.5 * index, y=-7.25 * index, pixel_size=pixel_size)
        for index in range(count)
    ]


def write_placed(path, places):
    return write_store(path, patches(), np.arange(12) % 2, splits_of(12), places=places, **OPTIONS)


def test_places_come_back(tmp_path):
    store = write_placed(tmp_path / "s", places_of(12))
    for opened in (store, PatchStore.open(tmp_path / "s")):
        assert opened.places.scenes == SCENES
        assert opened.places.scene.tolist() == [0, 1] * 6
        assert opened.places.x.tolist() == [1000.5 * index for index in range(12)]
        assert opened.places.y.tolist() == [-7.25 * index for index in range(12)]
        assert opened.pixel_size == 30
    assert verify_store(store)


@pytest.mark.parametrize(
    "places",
    [[None] * 12, [*places_of(11), None], [None, *places_of(11)]],
    ids=["none", "not last", "not first"],
)
def test_a_store_without_all_places_is_as_it_was_before_there_were_any(tmp_path, places):
    plain = write_placed(tmp_path / "plain", [None] * 12)
    store = write_placed(tmp_path / "s", places)
    assert store.places is store.pixel_size is None
    assert sorted(file.name for file in store.path.iterdir()) == ["images.npy", "labels.npy", "store.json"]
    assert (store.path / "store.json").read_bytes() == (plain.path / "store.json").read_bytes()
    seen = [["a", "b"], ["x", "y"], None, [12, 2, 5, 5], "uint8"]  # what the fingerprint has always covered
    parts = (patches().tobytes(), store.labels.tobytes(), store.splits.tobytes(), json.dumps(seen).encode())
    assert store.fingerprint == hashlib.sha256(b"".join(parts)).hexdigest()[:32]


def test_places_change_what_a_copy_is_known_by_and_not_what_training_sees(tmp_path):
    moved = places_of(12)
    moved[3] = Place(scene=moved[3].scene, x=moved[3].x + 1e-9, y=moved[3].y, pixel_size=30.0)
    stores = [
        write_placed(tmp_path / f"s{number}", places)
        for number, places in enumerate(([None] * 12, places_of(12), moved, places_of(12, 10.0)))
    ]
    assert len({store.digest for store in stores}) == 4
    assert len({store.fingerprint for store in stores}) == 1


@pytest.mark.parametrize(("sizes", "size"), [((10.0057, 9.994), 10.0), ((10.0, 20.0), None), ((30.0, None), None)])
def test_pixel_sizes_that_differ_are_none(tmp_path, sizes, size):
    places = [
        Place(scene=place.scene, x=place.x, y=place.y, pixel_size=sizes[index % 2])
        for index, place in enumerate(places_of(12))
    ]
    assert write_placed(tmp_path / "s", places).pixel_size == size


def damage(change):
    def apply(folder):
        table = np.load(folder / "places.npy")
        np.save(folder / "places.npy", change(table))

    return apply


def describe(**facts):
    def apply(folder):
        meta = json.loads((folder / "store.json").read_text())
        (folder / "store.json").write_text(json.dumps(meta | facts))

    return apply


def nan(table):
    table[5, 1] = np.nan
    return table


def beyond(table):
    table[5, 0] = 2
    return table


def between(table):
    table[5, 0] = 0.5
    return table


def moved(table):
    table[5, 2] += 1
    return table


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (damage(nan), "a patch has no place"),
        (damage(beyond), "scenes up to 2 for 2 scenes"),
        (damage(between), "scenes up to 1 for 2 scenes"),
        (damage(moved), "its places were changed"),
        (damage(lambda table: table[:11]), r"places \(11, 3\) float64 for 12 patches"),
        (damage(lambda table: table.astype(np.float32)), r"places \(12, 3\) float32"),
        (damage(lambda table: table.ravel()), r"places \(36,\) float64"),
        (lambda folder: (folder / "places.npy").unlink(), "places.npy cannot be read"),
        (lambda folder: (folder / "places.npy").write_bytes(b"PK\3\4"), "not an .npy file"),
        (describe(pixel_size=60.0), "its places were changed"),
        (describe(scenes=[]), "its places were changed"),
        (describe(scenes=[{"name": "x", "crs": "EPSG:1"}, {"name": "south", "crs": "EPSG:32733"}]), "were changed"),
        (describe(scenes=[{"name": "x\n", "crs": "EPSG:1"}]), "cannot be printed"),
        (describe(scenes=[{"name": "x" * 201, "crs": "EPSG:1"}]), "at most 200 characters"),
        (describe(scenes=[{"name": 1, "crs": "EPSG:1"}]), "valid string"),
        (describe(pixel_size=-1), "greater than 0"),
        (describe(pixel_size=1e9), "less than or equal to"),
        (describe(places="0"), "match pattern"),
    ],
)
def test_places_that_are_not_what_was_written_are_refused(tmp_path, change, words):
    folder = write_placed(tmp_path / "s", places_of(12)).path
    change(folder)
    with pytest.raises(StoreError, match=words):
        PatchStore.open(folder)


def test_a_file_of_places_that_nothing_speaks_of_is_found(tmp_path):
    images = patches()
    store = write_store(tmp_path / "s", images, np.arange(12) % 2, splits_of(12))
    np.save(store.path / "places.npy", np.zeros((12, 3)))
    assert PatchStore.open(store.path).places is None
    assert "places.npy" in verify_store(store).faults[0]


def test_geotiffs_bring_their_places(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        write_tiff(tmp_path / f"{number}.tif", rng.integers(0, 99, (2, 4, 6)).astype(np.uint16))
    manifest = write_manifest(tmp_path / "m.csv", [f"{n}.tif,{'ab'[n % 2]},train" for n in range(6)])
    store = import_geotiff(manifest, tmp_path / "s", bands=("B1", "B2"), sensor=None).store
    assert store.places.scenes == (SceneRef(name=None, crs="EPSG:32635"),)
    assert set(store.places.x) == {600_030.0}  # 3 columns of 10 m from the corner, and 2 rows
    assert set(store.places.y) == {4_799_980.0}
    assert store.pixel_size == 10


@pytest.mark.slow
def test_real_patches_bring_their_places(real_data, tmp_path):
    manifest = real_data / "eurosat" / "manifest.csv"
    store = import_geotiff(manifest, tmp_path / "s", bands=[f"b{n}" for n in range(13)], sensor=None).store
    assert store.pixel_size == 10
    first = manifest.read_text().splitlines()[1].split(",")[0]
    with rasterio.open(manifest.parent / first) as file:
        middle, crs = file.xy(31.5, 31.5), f"EPSG:{file.crs.to_epsg()}"
    assert (store.places.x[0], store.places.y[0]) == pytest.approx(middle, abs=1e-6)
    assert store.places.scenes[store.places.scene[0]].crs == crs
    assert verify_store(store)


def test_an_import_says_that_some_patches_have_no_place(tmp_path):
    rng = np.random.default_rng(0)
    files = [
        write_tiff(tmp_path / f"{number}.tif", rng.integers(0, 99, (2, 4, 6)).astype(np.uint16)) for number in range(3)
    ]
    with rasterio.open(files[1], "r+") as file:
        file.crs = rasterio.CRS()
    manifest = write_manifest(tmp_path / "m.csv", [f"{n}.tif,{'ab'[n % 2]},train" for n in range(3)])
    done = import_geotiff(manifest, tmp_path / "s", bands=("B1", "B2"), sensor=None)
    assert done.store.places is None
    assert "2 of 3 patches have a place on the map: the store keeps none, as it would need all" in done.notes


def test_a_copy_and_a_store_read_by_range_have_the_places(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    store = write_placed(tmp_path / "s", places_of(12))
    source = FolderSource(store.path)
    for opened in (
        fetch_store(source, store.digest, store.path),
        PatchStore.read(RangedFiles(source), store.path),
    ):
        assert opened == store
        assert np.array_equal(opened.places.table(), store.places.table())
        assert opened.places.scenes == SCENES

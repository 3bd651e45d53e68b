"""Synthetic patches: plausible, deterministic, and neither too easy nor too hard; the demo store."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from raysat.data.importers import synthetic
from raysat.data.importers.source import open_data
from raysat.data.importers.synthetic import demo_store, synthesize
from raysat.data.importers.synthetic_scenes import SHARES, draw_labels
from raysat.data.store import PatchStore
from raysat.errors import DiskError, StoreError
from tests.helpers.data import left_behind
from tests.helpers.importing import import_droughtwatch

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return synthesize(tmp_path_factory.mktemp("synthetic") / "s", size=1600).store


def ndvi_near_centre(store):
    near = store.images[:, :, 22:43, 22:43].astype(float).mean(axis=(2, 3))
    red, nir = near[:, store.bands.index("B4")], near[:, store.bands.index("B5")]
    return (nir - red) / (nir + red)


def test_what_it_is(store):
    assert store.images.shape == (1600, 11, 65, 65)
    assert store.images.dtype == np.uint8
    assert (store.sensor, store.ordinal, len(store.classes)) == ("landsat8", True, 4)
    assert store.synthetic
    assert np.bincount(store.labels).tolist() == [960, 256, 240, 144]
    assert [len(store.indices(split)) for split in ("train", "val", "test")] == [1120, 160, 320]
    for split in ("train", "val", "test"):
        np.testing.assert_allclose(store.counts(split) / store.counts(split).sum(), SHARES, atol=0.005)


@pytest.mark.parametrize("count", [40, 41, 100, 640, 86317])
def test_labels_have_the_shares_of_their_classes(count):
    counts = np.bincount(draw_labels(count, np.random.default_rng(0)))
    assert counts.sum() == count
    np.testing.assert_allclose(counts, np.array(SHARES) * count, atol=1)


def test_the_same_seed_gives_the_same_store_and_another_another(tmp_path):
    prints = [synthesize(tmp_path / name, size=100, seed=seed).store for name, seed in (("a", 5), ("b", 5), ("c", 6))]
    np.testing.assert_array_equal(prints[0].images, prints[1].images)
    assert prints[0].fingerprint == prints[1].fingerprint
    assert not np.array_equal(prints[0].images, prints[2].images)
    assert not np.array_equal(prints[0].labels, prints[2].labels)


def test_no_patch_comes_twice(store):
    assert len({image.tobytes() for image in store.images}) == len(store)


def test_more_forage_means_a_higher_class_with_overlap(store):
    greenness = ndvi_near_centre(store)
    means = [greenness[store.labels == label].mean() for label in range(4)]
    assert means == sorted(means)
    extremes = store.labels % 3 == 0
    assert roc_auc_score(store.labels[extremes] == 3, greenness[extremes]) > 0.9
    for low in range(3):  # neighbours overlap: an index alone tells them apart no better than this
        pair = (store.labels == low) | (store.labels == low + 1)
        assert 0.6 < roc_auc_score(store.labels[pair] == low + 1, greenness[pair]) < 0.93


def test_the_label_is_about_the_centre(store):
    def separation(rows, columns):
        near = store.images[:, :, rows, columns].astype(float).mean(axis=(2, 3))
        return abs(np.corrcoef((near[:, 4] - near[:, 3]) / (near[:, 4] + near[:, 3]), store.labels)[0, 1])

    corner, centre = slice(0, 16), slice(24, 40)
    assert separation(centre, centre) > separation(corner, corner) + 0.03


def test_a_linear_model_is_neither_lost_nor_done(store):
    pixels = store.images.reshape(len(store), 11, -1).astype(np.float32)
    features = np.concatenate([pixels.mean(axis=2), pixels.std(axis=2)], axis=1)
    train, held = store.indices("train"), np.concatenate([store.indices("val"), store.indices("test")])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features[train], store.labels[train])
    guess, truth = model.predict(features[held]), store.labels[held]
    recall = recall_score(truth, guess, average=None)
    assert 0.67 < accuracy_score(truth, guess) < 0.82
    assert 0.45 < recall.mean() < 0.70
    assert recall[0] > 0.85
    assert recall[1:].max() < 0.85


def test_patches_have_the_texture_of_land(store):
    near_infrared = store.images[:200, 4].astype(float)
    field = near_infrared - near_infrared.mean(axis=(1, 2), keepdims=True)
    variance = (field**2).mean()
    step = [(field[:, :, lag:] * field[:, :, :-lag]).mean() / variance for lag in (1, 8, 32)]
    assert step[0] > 0.6  # neighbours are alike, and less so with distance: no white noise
    assert step[0] > step[1] > step[2]


def test_vegetation_has_its_red_edge_and_ground_its_temperature(store):
    bands = {name: index for index, name in enumerate(store.bands)}
    means = store.images.astype(np.float32).mean(axis=(0, 2, 3))
    assert means[bands["B5"]] > 1.3 * means[bands["B4"]]
    assert means[bands["B9"]] < 8  # the cirrus band hardly sees the ground
    kelvin = 120 + 240 * means[[bands["B10"], bands["B11"]]] / 255
    assert np.all((kelvin > 290) & (kelvin < 320))


def test_values_are_near_those_of_real_patches(store, real_part, tmp_path):
    real = import_droughtwatch(real_part, tmp_path / "real").store
    gaps = np.abs([s.mean - r.mean for s, r in zip(store.stats, real.stats, strict=True)])
    assert gaps.max() < 15  # of 255


def test_the_demo_store_is_made_once(monkeypatch, tmp_path):
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(synthetic, "DEMO_SIZE", 64)
    path = demo_store()
    assert path.parent == tmp_path / "cache"
    made = (path / "store.json").stat().st_mtime_ns
    assert demo_store() == path
    assert (path / "store.json").stat().st_mtime_ns == made
    assert open_data("demo").path == path
    (path / "images.npy").write_bytes(b"damaged")
    assert len(open_data("demo")) == 64  # made again
    assert left_behind(path.parent) == [path.name]


def test_a_cache_that_cannot_be_written_says_how_to_name_another(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DiskError, match=r"file/cache cannot be written") as found:
        demo_store()
    assert found.value.hint == "name a folder that you may write in with RAYSAT_CACHE"


def test_the_demo_has_448_64_and_512_patches():
    labels = draw_labels(synthetic.DEMO_SIZE, np.random.default_rng([0, 0]))
    splits = synthetic.stratified(labels, val=synthetic.DEMO_VAL, test=synthetic.DEMO_TEST)
    assert [splits.count(split) for split in ("train", "val", "test")] == [448, 64, 512]


def test_processes_that_make_the_demo_at_once_share_it(tmp_path):
    code = "from raysat.data.importers import synthetic as s; s.DEMO_SIZE = 64; print(s.demo_store())"
    environment = os.environ | {"RAYSAT_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(paths) == 1
    assert len(PatchStore.open(paths.pop())) == 64
    assert len(left_behind(tmp_path)) == 1


def test_a_store_that_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match=r"there is no patch store .*/none") as caught:
        open_data(str(tmp_path / "none"))
    assert "'demo'" in caught.value.hint
    assert "raysat.import_geotiff" in caught.value.hint


def test_data_by_path(store):
    assert open_data(str(store.path)).fingerprint == store.fingerprint

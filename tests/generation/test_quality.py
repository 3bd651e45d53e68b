"""The quality of generated patches, against formulas written down independently."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from raysat.data.store import StoreWriter
from raysat.generation import classifier as quality_classifier
from raysat.generation import quality
from raysat.metrics.synthetic import Quality


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    """Few steps of the classifier; one thread, as two lose time on networks this small."""
    monkeypatch.setattr(quality_classifier, "_STEPS", 40)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def store(tmp_path):
    """Two classes (a bright one, a dark one) of 16 x 16 Sentinel-2 patches: 12 train, 6 val, 6 test of each."""
    rng = np.random.default_rng(0)
    options = {"bands": ("B11", "B08", "B04"), "classes": ("dark", "bright"), "sensor": "sentinel2", "source": {}}
    with StoreWriter(tmp_path / "store", **options) as writer:
        for index in range(48):
            writer.add(patches(rng, index % 2, 1)[0], index % 2, ("train", "val", "train", "test")[index // 2 % 4])
        return writer.close()


def patches(rng, label, count):
    """Patches of a class of the store, each with its own level."""
    level = 1000 + 1000 * label + rng.normal(0, 200, (count, 3, 1, 1))
    return np.clip(level + rng.normal(0, 100, (count, 3, 16, 16)), 0, None).astype(np.uint16)


def test_good_patches_are_near_the_yardsticks(store):
    good = quality.measure(patches(np.random.default_rng(1), 1, 24), store, label=1, bands=store.bands)
    assert (good.real, good.held_out, good.generated) == (12, 12, 24)
    assert good.diversity.generated == pytest.approx(1, abs=0.2)
    assert good.nearest_real.generated == pytest.approx(1, abs=0.2)
    assert max(band.generated for band in good.wasserstein) < 0.6
    again = quality.measure(patches(np.random.default_rng(1), 1, 24), store, label=1, bands=store.bands)
    assert again == good


@pytest.mark.slow
def test_bad_patches_are_told(store):
    rows = np.flatnonzero((store.labels == 1) & (store.splits == 0))
    bands = store.bands

    def measured(images):
        return quality.measure(images, store, label=1, bands=bands)

    good = measured(patches(np.random.default_rng(1), 1, 24))
    dark = measured(patches(np.random.default_rng(1), 0, 24))
    assert dark.kid.generated > 10 * abs(good.kid.generated)
    assert min(band.generated for band in dark.wasserstein) > 2
    copied = measured(store.images[rows][:, :, ::-1])
    assert copied.nearest_real.generated == 0
    assert [band.generated for band in copied.wasserstein] == [0, 0, 0]
    assert copied.nearest_real.held_out == pytest.approx(1, abs=0.2)
    same = measured(np.repeat(store.images[rows[:1]], 5, axis=0))
    assert same.diversity.generated == 0


def test_wasserstein_is_in_deviations_of_the_class(store):
    real = store.images[(store.labels == 1) & (store.splits == 0)].astype(np.float64)
    found = quality.measure((real + 300).astype(np.uint16), store, label=1, bands=store.bands)
    np.testing.assert_allclose(
        [band.generated for band in found.wasserstein], 300 / real.std(axis=(0, 2, 3)), rtol=1e-6
    )


@pytest.mark.slow
def test_index_is_the_best_that_the_bands_allow(store):
    images = patches(np.random.default_rng(1), 1, 4)
    found = quality.measure(images, store, label=1, bands=store.bands)
    assert found.index == "NDVI"
    real = store.images[(store.labels == 1) & (store.splits == 0)].astype(np.float64)
    ndvi = [((x[:, 1] - x[:, 2]) / (x[:, 1] + x[:, 2])).ravel() for x in (real, images.astype(np.float64))]
    assert found.index_distance.generated == pytest.approx(wasserstein_distance(*ndvi))
    moisture = quality.measure(images[:, :2], store, label=1, bands=("B11", "B08"))
    assert moisture.index == "NDMI"
    ndmi = [((x[:, 1] - x[:, 0]) / (x[:, 1] + x[:, 0])).ravel() for x in (real, images.astype(np.float64))]
    assert moisture.index_distance.generated == pytest.approx(wasserstein_distance(*ndmi))
    assert quality.measure(images[:, :1], store, label=1, bands=("B11",)).index is None


def test_too_few_patches_leave_figures_out_and_all_of_it_is_json(store):
    one = quality.measure(patches(np.random.default_rng(1), 1, 1), store, label=1, bands=store.bands)
    assert one.kid.generated is None
    assert one.diversity.generated is None
    assert one.nearest_real.generated is not None
    assert Quality.model_validate_json(one.model_dump_json()) == one


def test_without_held_out_patches_there_is_no_yardstick(store):
    splits = np.where(store.labels == 1, 0, store.splits).astype(np.uint8)
    found = quality.measure(
        patches(np.random.default_rng(1), 1, 6), replace(store, splits=splits), label=1, bands=store.bands
    )
    assert (found.real, found.held_out) == (24, 0)
    assert found.kid.generated is not None
    assert [band.held_out for band in found.wasserstein] == [None, None, None]
    assert [measure.held_out for measure in found.measures().values()] == [None] * 5
    nothing = replace(store, splits=np.zeros_like(store.splits))
    assert quality.train_on_synthetic({}, nothing, store.bands) is None


@pytest.mark.slow
def test_training_on_good_patches_is_as_good_as_on_real_ones(store):
    rng = np.random.default_rng(1)
    good = quality.train_on_synthetic({1: patches(rng, 1, 12)}, store, bands=store.bands)
    assert good.from_real == ("dark",)
    assert good.held_out == 24
    assert good.real > 0.9
    assert good.synthetic > 0.9
    swapped = quality.train_on_synthetic({k: patches(rng, 1 - k, 12) for k in (0, 1)}, store, bands=store.bands)
    assert swapped.real == good.real
    assert swapped.from_real == ()
    assert swapped.synthetic < 0.1

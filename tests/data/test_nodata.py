"""Nodata pixels are not data: no statistic knows them, and they are stored as their band's mean."""

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data import npy_appender
from raysat.data.store import StoreWriter
from raysat.data.summary import summarize_bands
from raysat.errors import DataError
from tests.helpers.data import OPTIONS, left_behind, patches, quick, scale_of, splits_of, write_store


def holes(shape, share=0.3, seed=1):
    """A random mask."""
    return np.random.default_rng(seed).random(shape) < share


@quick
@given(
    count=st.integers(1, 30),
    bands=st.integers(1, 3),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    dtype=st.sampled_from((np.uint8, np.uint16, np.float32)),
    shares=st.tuples(*[st.sampled_from((0, 0.1, 0.9, 1))] * 3),
    touched=st.sampled_from((0, 0.2, 1)),
    block=st.sampled_from((64, 1 << 20)),
    seed=st.integers(0, 999),
)
def test_statistics_and_images_of_any_patches_and_masks(
    tmp_path_factory, count, bands, height, width, dtype, shares, touched, block, seed
):
    rng = np.random.default_rng(seed)
    shape = (count, bands, height, width)
    images = (rng.lognormal(3, 1, shape) % 250).astype(dtype)
    missing = rng.random(shape) < np.array(shares)[:bands, None, None]
    missing[rng.random(count) >= touched] = False
    given_images = np.where(missing, rng.choice([0, 255, 7], shape).astype(dtype), images)
    if dtype is np.float32:
        given_images[missing] = rng.choice([np.nan, np.inf, -9999], int(missing.sum()))
    splits = ["train", *rng.choice(["train", "val", "test"], count - 1)]
    in_train = np.array(splits) == "train"
    folder = tmp_path_factory.mktemp("nodata")
    lost = [f"'b{band}'" for band in range(bands) if missing[in_train, band].all()]

    def write():
        with mock.patch.object(npy_appender, "_BLOCK", block):
            return write_store(folder / "s", given_images, np.zeros(count), splits, missing)

    if lost:
        with pytest.raises(DataError, match=rf"band {', '.join(lost)} has no valid pixel in the train split") as caught:
            write()
        assert caught.value.hint
        assert left_behind(folder) == []
        return
    store = write()
    assert store.nodata == tuple(missing.sum(axis=(0, 2, 3)))
    assert (folder / "s" / "nodata.npy").exists() == missing.any()
    for band, stats in enumerate(store.stats):
        valid = images[:, band][in_train][~missing[in_train, band]].astype(np.float64)
        assert stats.mean == pytest.approx(valid.mean(), rel=1e-9)
        assert stats.std == pytest.approx(valid.std(), rel=1e-9, abs=1e-9)
        expected = (0, 255) if dtype is np.uint8 else scale_of(valid)
        assert (stats.low, stats.high) == expected if expected else stats.low == valid[0] < stats.high
        filled, held = store.images[:, band][missing[:, band]], store.images[:, band][~missing[:, band]]
        np.testing.assert_array_equal(held, images[:, band][~missing[:, band]])
        if dtype is np.float32:
            np.testing.assert_array_equal(filled, np.float32(stats.mean))
        else:
            assert np.all(np.abs(filled - stats.mean) <= 0.5 + 1e-9)
            assert len(np.unique(filled)) <= 1
        np.testing.assert_array_equal(store.missing(np.arange(count), band), missing[:, band])
        some = rng.permutation(count)[: 1 + count // 2]
        np.testing.assert_array_equal(store.missing(some, band), missing[some, band])


def test_a_quarter_of_nodata_leaves_mean_and_deviation_alone(tmp_path):
    rng = np.random.default_rng(0)
    valid = rng.normal(290.3, 4.9, (20, 1, 40, 40)).round().astype(np.uint16)
    missing = np.zeros(valid.shape, bool)
    missing[..., :10] = True
    store = write_store(tmp_path / "s", np.where(missing, 0, valid), np.zeros(20), ["train"] * 20, missing)
    assert store.stats[0].mean == pytest.approx(valid[~missing].mean(), rel=1e-12)
    assert store.stats[0].std == pytest.approx(valid[~missing].std(), rel=1e-9)
    assert store.stats[0].mean == pytest.approx(290.3, abs=0.1)  # 217.7 with the zeros
    assert store.stats[0].std == pytest.approx(4.9, abs=0.1)  # 125.8 with them
    assert store.stats[0].low > 270
    assert store.nodata == (8000,)


# Computed by the code as it was before stores knew nodata.
FINGERPRINTS = {
    "uint8": "67f94adb2a855293a14c66994373865e",
    "uint16": "487dda793c92b1d6c7a9bf5801bcf108",
    "float32": "d8a2dd3db917468f65dd276d09e433b0",
}


@pytest.mark.parametrize("dtype", FINGERPRINTS)
def test_a_store_without_nodata_keeps_its_fingerprint(tmp_path, dtype):
    images = (np.arange(6 * 2 * 3 * 5).reshape(6, 2, 3, 5) * 7 % 251).astype(dtype)
    options = {"classes": ("x", "y"), "sensor": "naip", "bands": ("R", "N")}
    for name, missing in (("none", None), ("nothing", np.zeros(images.shape, bool))):
        store = write_store(
            tmp_path / name, images, [0, 1, 0, 1, 1, 0], ["train", "val", "test"] * 2, missing, **options
        )
        assert store.fingerprint == FINGERPRINTS[dtype]
        assert store.nodata == (0, 0)
        assert left_behind(tmp_path / name) == ["images.npy", "labels.npy", "store.json"]


def test_the_fingerprint_is_of_the_mask_and_not_of_what_lies_below(tmp_path):
    black, missing = np.zeros((12, 2, 5, 5), np.uint8), holes((12, 2, 5, 5))  # where masks alone can differ
    missing[3:] = False
    missing[1] = False
    more, moved = missing.copy(), missing.copy()
    more[3, 1, 2, 2] = True
    moved[[2, 3]] = missing[[3, 2]]  # the same mask, of the next patch

    def write(name, pixels, mask):
        return write_store(tmp_path / name, pixels, np.zeros(12), splits_of(12), mask)

    stores = [write(name, black, mask) for name, mask in zip("abcd", (missing, more, moved, None), strict=True)]
    assert len({store.fingerprint for store in stores}) == 4
    again = write("e", np.where(missing, np.uint8(77), black), missing)
    assert again.fingerprint == stores[0].fingerprint
    np.testing.assert_array_equal(again.images, stores[0].images)


def test_memory_stays_flat_with_nodata(tmp_path):
    image, missing = patches(1, 11, 65)[0], holes((11, 65, 65))

    def peak(count):
        tracemalloc.start()
        with StoreWriter(tmp_path / f"s{count}", **OPTIONS | {"bands": [f"b{band}" for band in range(11)]}) as writer:
            for index in range(count):
                writer.add(image, index % 2, missing=missing)
            writer.close()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(600) < peak(100) + 1e6  # 500 patches more are 23 MB, and their masks 3 MB


def test_a_mask_of_another_shape_is_refused(tmp_path):
    with StoreWriter(tmp_path / "s", **OPTIONS) as writer, pytest.raises(DataError, match="its nodata mask 5 x 5"):
        writer.add(patches()[0], 0, "train", np.zeros((5, 5), bool))


def test_what_is_valid_must_be_finite(tmp_path):
    image = patches(dtype=np.float32)[0]
    image[0, 1, 1] = image[1, 2, 2] = np.nan
    missing = np.zeros(image.shape, bool)
    missing[0, 1, 1] = True
    with StoreWriter(tmp_path / "s", **OPTIONS) as writer, pytest.raises(DataError, match="NaN"):
        writer.add(image, 0, "train", missing)


def test_value_ranges_are_of_valid_pixels(tmp_path):
    images = patches(12, 2, 9, np.uint16)
    missing = holes(images.shape, 0.8)
    store = write_store(tmp_path / "s", images, np.zeros(12), splits_of(12), missing)
    for band in range(2):
        valid = images[:, band][~missing[:, band]]
        np.testing.assert_allclose(summarize_bands(store)[band].ranges, np.percentile(valid, (0, 2, 50, 98, 100)))

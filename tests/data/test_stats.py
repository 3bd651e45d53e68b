"""Statistics of bands: of the train split alone, exact, and a full scale that a few pixels cannot move."""

import csv
import tracemalloc

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from raysat.data import stats as stats_of_bands
from raysat.data.stats import band_stats
from tests.helpers.data import patches, quick, scale_of, splits_of, write_store


@pytest.mark.parametrize(
    "images",
    [
        patches(600, 3, 40),  # several blocks
        patches(300, 2, 40, np.uint16),
        patches(200, 4, 40, np.float32),
        (patches(300, 2, 30, np.float32) + 30_000).astype(np.float32),  # a sum of squares would cancel
        np.exp(6 * patches(200, 2, 40, np.float32)) - 3,  # skewed, of both signs
    ],
    ids=["uint8", "uint16", "float32", "offset", "skewed"],
)
def test_statistics_are_those_of_the_train_split(tmp_path, images):
    splits = splits_of(len(images))
    store = write_store(tmp_path / "s", images, np.zeros(len(images)), splits)
    train = images[[split == "train" for split in splits]].astype(np.float64)
    for band, stats in enumerate(store.stats):
        assert stats.mean == pytest.approx(train[:, band].mean(), rel=1e-12)
        assert stats.std == pytest.approx(train[:, band].std(), rel=1e-9)
        assert (stats.low, stats.high) == ((0, 255) if images.dtype == np.uint8 else scale_of(train[:, band]))


@quick
@given(
    images=st.sampled_from((np.uint16, np.float32)).flatmap(
        lambda dtype: arrays.arrays(
            dtype,
            st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 30), st.integers(1, 30)),
            elements=arrays.from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False),
        )
    ),
    repeats=st.integers(1, 4),
    step=st.integers(1, 7),
)
def test_the_full_scale_is_the_exact_percentiles_of_any_values(images, repeats, step):
    images = np.concatenate([images] * repeats)
    blocks = [images[start : start + step] for start in range(0, len(images), step)]
    with np.errstate(over="ignore", invalid="ignore"):  # squares of the largest floats
        found = band_stats(lambda: [(block, None) for block in blocks])
    for band, stats in enumerate(found):
        assert stats.low < stats.high
        expected = scale_of(images[:, band].astype(np.float64))
        assert (stats.low, stats.high) == expected if expected else stats.low == images[0, band, 0, 0]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_the_full_scale_is_what_numpy_calls_percentiles(dtype):
    images = np.random.default_rng(0).normal(3000, 700, (6667, 1, 1, 3)).astype(dtype)
    (stats,) = band_stats(lambda: [(images[:100], None), (images[100:], None)])
    assert images.size == 20_001
    assert (stats.low, stats.high) == tuple(np.percentile(images, (0.1, 99.9), method="nearest"))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_bright_and_a_dark_pixel_do_not_move_the_full_scale(dtype):
    images = np.random.default_rng(0).normal(1000, 100, (4, 1, 64, 64)).astype(dtype)
    before = band_stats(lambda: [(images, None)])[0]
    images[1, 0, 3, 3], images[2, 0, 5, 5] = 60_000, 0
    after = band_stats(lambda: [(images, None)])[0]
    assert after.high - after.low == pytest.approx(before.high - before.low, rel=0.02)
    assert 600 < after.low < 800
    assert 1200 < after.high < 1400


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7] * 5000, (7, 8)),
        ([0] * 4999 + [9], (0, 9)),  # the percentiles agree: the extremes are left
        ([3] + [8] * 4999, (3, 8)),
        ([4], (4, 5)),
        ([4, 6], (4, 6)),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_band_with_few_values_has_a_full_scale(values, expected, dtype):
    block = np.array(values, dtype).reshape(-1, 1, 1, 1)
    (stats,) = band_stats(lambda: [(block, None)])
    assert (stats.low, stats.high) == expected


def test_a_constant_band_too_large_to_count_by_one_has_a_full_scale():
    (stats,) = band_stats(lambda: [(np.full((2, 1, 3, 3), 3e38, np.float32), None)])
    assert stats.low < stats.high


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_memory_stays_flat(dtype, monkeypatch):
    monkeypatch.setattr(stats_of_bands, "_SAMPLE", 100_003)
    block = patches(8, 3, 64, dtype)

    def peak(times):
        tracemalloc.start()
        band_stats(lambda: ((block, None) for _ in range(times)))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(40) < peak(4) + 1e5


@quick
@given(st.integers(1, 5000), st.integers(1, 400), st.sampled_from((7, 1009)))
def test_a_sample_is_evenly_spaced_whatever_the_blocks(size, step, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats_of_bands, "_SAMPLE", most)
        sample = [
            first + position
            for first in range(0, size, step)
            for position in stats_of_bands._evenly_spaced(first, min(step, size - first), size).tolist()
        ]
    assert len(sample) == min(size, most)
    gaps = np.diff([*sample, size])  # the first is value 0
    assert sample[0] == 0
    assert gaps.min() >= size // len(sample)
    assert gaps.max() <= -(-size // len(sample))


def test_the_full_scale_of_a_large_float_band_is_that_of_a_sample(monkeypatch):
    images = np.random.default_rng(0).normal(0, 1, (40, 1, 64, 64)).astype(np.float32)
    (exact,) = band_stats(lambda: [(images, None)])
    assert (exact.low, exact.high) == scale_of(images)
    monkeypatch.setattr(stats_of_bands, "_SAMPLE", 40_009)  # of 163,840
    (sampled,) = band_stats(lambda: [(images[:7], None), (images[7:], None)])
    assert (sampled.mean, sampled.std) == pytest.approx((exact.mean, exact.std), rel=1e-9)
    assert (sampled.low, sampled.high) != (exact.low, exact.high)
    for value, share in ((sampled.low, 0.001), (sampled.high, 0.999)):
        assert np.mean(images <= value) == pytest.approx(share, abs=5e-4)


def test_nothing_to_describe_is_refused():
    with pytest.raises(ValueError, match="no block"):
        band_stats(list)
    missing = np.array([[True, False], [True, False]])[..., None, None]  # all of the first band
    with pytest.raises(ValueError, match="a band without a valid pixel"):
        band_stats(lambda: [(np.ones((2, 2, 1, 1), np.uint16), missing)])


@pytest.mark.slow
def test_real_patches_use_many_of_the_256_levels(real_data):
    folder = real_data / "eurosat"
    rows = list(csv.DictReader((folder / "manifest.csv").open()))
    images = []
    for row in rows:
        if row["split"] == "train":
            with rasterio.open(folder / row["path"]) as file:
                images.append(file.read((2, 4, 8)))
    images = np.stack(images)
    for band, stats in enumerate(band_stats(lambda: [(images, None)])):
        unit = np.clip((images[:, band] - stats.low) / (stats.high - stats.low), 0, 1)
        levels = np.median([len(np.unique(np.round(patch * 255))) for patch in unit])
        assert levels > 70  # 14, 22 and 35 between the extremes

"""The picture of a store: right numbers behind it, every class in a row, the same bytes each time."""

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

import raysat
from raysat.data.summary import QUANTILES, class_spectra
from raysat.data.summary_plot import MOST_CLASSES, draw_summary, summary_plot
from raysat.errors import BandError, DiskError, UsageError
from tests.helpers.data import left_behind, patches, splits_of, write_store

pytestmark = pytest.mark.slow

NAIP = {"sensor": "naip", "bands": ("R", "G", "B", "N")}


@pytest.fixture
def store(tmp_path):
    images = patches(18, bands=4, dtype=np.uint16)
    missing = np.random.default_rng(2).random(images.shape) < 0.3
    labels = [0] * 12 + [1] * 6
    return write_store(
        tmp_path / "in" / "fields", images, labels, splits_of(18), missing, classes=("a", "$b$", "none"), **NAIP
    )


def test_spectra_are_quantiles_of_the_valid_pixels_of_each_class(store):
    spectra = class_spectra(store)
    assert spectra.shape == (3, 4, 5)
    for label in (0, 1):
        rows = np.flatnonzero(store.labels == label)
        for band in range(4):
            pixels = np.sort(np.asarray(store.images[rows, band])[~store.missing(rows, band)].astype(float))
            at = np.array(QUANTILES) * (len(pixels) - 1)  # Hyndman & Fan 1996, definition 7
            low, part = np.floor(at).astype(int), at % 1
            high = np.minimum(low + 1, len(pixels) - 1)
            expected = pixels[low] * (1 - part) + pixels[high] * part
            np.testing.assert_allclose(spectra[label, band], expected)
    assert np.isnan(spectra[2]).all()


def test_some_patches_of_a_large_class_are_read(store):
    few = class_spectra(store, per_class=1)
    first = np.asarray(store.images[0, 0])[~store.missing(np.array([0]), 0)[0]]
    assert few[0, 0, 2] == np.median(first)


def drawn(store, **options):
    figure = draw_summary(store, **{"composite": None, "per_class": 3} | options)
    return figure, [text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text"))]


def test_bars_and_examples_are_those_of_the_store(store):
    figure, texts = drawn(store)
    assert {"a", "$b$", "none", "12 (67 %)", "6 (33 %)", "0 (0 %)", "fields"} <= set(texts)
    assert "18 patches of 5 x 5 px, 4 bands, uint16; NAIP four-band aerial imagery" in texts
    assert "examples, natural: R, G, B" in texts
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes if axes.patches]
    assert widths == [[4, 4, 4], [2, 2, 2]]
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(images) == 6  # three of each class that has any
    low, high = (np.percentile(store.images[[0, 6, 11, 12, 14, 17], 0], percent) for percent in (2, 98))
    expected = np.clip((store.images[0, 0].astype(float) - low) / (high - low), 0, 1) ** 0.75
    np.testing.assert_allclose(images[0][..., 0], expected, atol=0.05)


def test_medians_are_drawn_at_their_wavelengths(store):
    figure, _ = drawn(store)
    spectra = class_spectra(store)
    axes = next(axes for axes in figure.axes if axes.collections)
    line = axes.lines[-1]
    np.testing.assert_allclose(line.get_xdata(), [0.48, 0.56, 0.66, 0.83])  # B, G, R, N
    np.testing.assert_allclose(line.get_ydata(), spectra[0, [2, 1, 0, 3], 2])


def test_thermal_bands_make_the_axis_logarithmic_and_unknown_bands_stand_in_order(tmp_path):
    images = patches(6, bands=3)
    landsat = write_store(
        tmp_path / "l", images, [0, 1] * 3, splits_of(6), sensor="landsat8", bands=("B4", "B10", "B2")
    )
    axes = next(axes for axes in drawn(landsat)[0].axes if axes.collections)
    assert axes.get_xscale() == "log"
    plain = write_store(tmp_path / "p", images, [0, 1] * 3, splits_of(6))
    figure, texts = drawn(plain)
    axes = next(axes for axes in figure.axes if axes.collections)
    assert list(axes.lines[-1].get_xdata()) == [0, 1, 2]
    assert {"b0", "b1", "b2", "band"} <= set(texts)


@pytest.mark.slow
def test_many_classes_are_the_largest_ones(tmp_path):
    count = MOST_CLASSES + 6
    labels = [*range(count), *range(6, count)]
    store = write_store(tmp_path / "s", patches(len(labels)), labels, ["train"] * len(labels))
    _, texts = drawn(store)
    assert "c6" in texts
    assert "c0" not in texts
    assert any(f"(the {MOST_CLASSES} largest of {count} classes)" in text for text in texts)


def test_one_flat_band_and_one_patch(tmp_path):
    store = write_store(tmp_path / "s", np.full((2, 1, 4, 4), 7, np.uint8), [0, 0], ["train", "test"])
    summary_plot(store, tmp_path / "a.png")
    assert matplotlib.image.imread(tmp_path / "a.png").shape[1] == 1281  # fits a screen of 1,280


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_bytes_each_time_and_a_light_page(store, tmp_path, suffix):
    for name in ("a", "b"):
        summary_plot(store, tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    if suffix == "png":
        assert matplotlib.image.imread(tmp_path / "a.png")[0, 0, :3].tolist() == [1, 1, 1]


def test_what_cannot_be_drawn_is_refused(store, tmp_path, monkeypatch):
    opened = raysat.open_store(store.path)
    with pytest.raises(BandError, match="1 or 3 bands, not 4"):
        opened.plot_summary(tmp_path / "a.png", composite="all")
    with pytest.raises(UsageError, match=r"cannot draw to .*a\.txt"):
        opened.plot_summary(tmp_path / "a.txt")
    with pytest.raises(DiskError, match=r"none/a\.png cannot be written"):
        opened.plot_summary(tmp_path / "none" / "a.png")
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        opened.plot_summary(tmp_path / "a.png")
    assert left_behind(tmp_path) == ["in"]

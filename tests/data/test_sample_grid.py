"""The contact sheet: every class in its row, one stretch, nothing half-written."""

import matplotlib.image
import numpy as np
import pytest

from raysat.data.sample_grid import contact_sheet
from raysat.errors import BandError, DiskError, UsageError
from tests.helpers.data import left_behind, write_store


@pytest.fixture
def store(tmp_path):
    """Class 0 is red (4 patches), class 1 blue (2 patches), seen in bands of NAIP."""
    images = np.zeros((6, 4, 8, 8), np.uint16)
    images[:4, 0] = 3000
    images[4:, 2] = 3000
    return write_store(
        tmp_path / "in" / "fields",
        images,
        [0, 0, 0, 0, 1, 1],
        ["train", "val", "test"] * 2,
        sensor="naip",
        bands=("R", "G", "B", "N"),
        classes=("plain", "50 % [x] $wet$"),
    )


def areas(file):
    """Share of red, blue and black pixels."""
    picture = matplotlib.image.imread(file)[..., :3]
    colours = ((1, 0, 0), (0, 0, 1))
    return [float(np.mean(np.abs(picture - colour).max(axis=2) < 0.02)) for colour in colours], picture


def test_each_class_has_its_row_in_the_colours_of_the_composite(store, tmp_path):
    contact_sheet(store, tmp_path / "a.png")
    (red, blue), picture = areas(tmp_path / "a.png")
    assert red == pytest.approx(2 * blue, rel=0.02)  # 4 patches and 2
    assert red > 0.2
    height = len(picture)
    rows = np.flatnonzero((np.abs(picture - (0, 0, 1)).max(axis=2) < 0.02).any(axis=1))
    assert rows.min() > height / 2  # the second class lies below the first
    assert left_behind(tmp_path) == ["a.png", "in"]


def test_fewer_patches_and_other_composites(store, tmp_path):
    contact_sheet(store, tmp_path / "a.png", composite=["B", "G", "R"], per_class=1)
    (red, blue), _ = areas(tmp_path / "a.png")
    assert red == pytest.approx(blue, rel=0.02)
    contact_sheet(store, tmp_path / "b.png", composite="color_infrared")
    (red, blue), _ = areas(tmp_path / "b.png")
    assert red == blue == 0  # N, R, G: red fields are green there


def test_one_band_is_grey_and_unknown_sensors_show_their_first_bands(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (3, 2, 8, 8), dtype=np.uint8)
    store = write_store(tmp_path / "s", images, [0, 0, 0], ["train", "val", "test"])
    contact_sheet(store, tmp_path / "a.png")
    _, picture = areas(tmp_path / "a.png")
    np.testing.assert_array_equal(picture[..., 0], picture[..., 2])


def test_a_class_without_patches_and_flat_patches_are_drawn(tmp_path):
    flat = np.full((2, 1, 4, 4), 7, np.uint8)
    store = write_store(tmp_path / "s", flat, [0, 0], ["train", "test"], classes=("here", "nowhere"))
    contact_sheet(store, tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_what_cannot_be_drawn_is_refused(store, tmp_path):
    with pytest.raises(BandError, match="1 or 3 bands, not 4"):
        contact_sheet(store, tmp_path / "a.png", composite="all")
    with pytest.raises(BandError, match="swir1"):
        contact_sheet(store, tmp_path / "a.png", composite="agriculture")
    with pytest.raises(UsageError, match=r"cannot draw to .*a\.txt") as caught:
        contact_sheet(store, tmp_path / "a.txt")
    assert ".png" in caught.value.hint
    with pytest.raises(DiskError, match=r"none/a\.png cannot be written"):
        contact_sheet(store, tmp_path / "none" / "a.png")
    assert left_behind(tmp_path) == ["in"]

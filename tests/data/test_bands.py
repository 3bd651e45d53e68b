"""Bands by name: numbers, names, composites and all of them, on several sensors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.bands import COMPOSITES, resolve
from raysat.data.sensors import SENSORS, get_sensor
from raysat.errors import BandError


def on(sensor, bands, drop=()):
    return resolve(bands, available=SENSORS[sensor].band_names, sensor=sensor, drop=drop)


@pytest.mark.parametrize(
    ("sensor", "bands", "expected"),
    [
        ("landsat8", "agriculture", ("B6", "B5", "B2")),
        ("sentinel2", "agriculture", ("B11", "B08", "B02")),
        ("landsat8", "natural", ("B4", "B3", "B2")),
        ("sentinel2", "natural", ("B04", "B03", "B02")),
        ("landsat8", "color_infrared", ("B5", "B4", "B3")),
        ("sentinel2", "vegetation", ("B11", "B08", "B04")),
        ("sentinel2", "swir", ("B12", "B08", "B04")),
        ("landsat7", "agriculture", ("B5", "B4", "B1")),
        ("naip", "color_infrared", ("N", "R", "G")),
        ("landsat8", [6, 5, 2], ("B6", "B5", "B2")),
        ("sentinel2", [6, 5, 2], ("B06", "B05", "B02")),
        ("sentinel2", [12, "B8A", 1], ("B12", "B8A", "B01")),
        ("landsat8", ["B10", 1], ("B10", "B1")),
    ],
)
def test_bands_resolve_in_the_order_of_the_study(sensor, bands, expected):
    assert on(sensor, bands) == expected


@pytest.mark.parametrize("sensor", SENSORS)
def test_all_is_every_band_of_the_store_in_its_order(sensor):
    assert on(sensor, "all") == SENSORS[sensor].band_names
    assert resolve("all", available=("x", "y"), sensor=None) == ("x", "y")


@pytest.mark.parametrize(
    ("name", "numbers"),
    [  # USGS, "common Landsat band combinations", Landsat 8
        ("natural", (4, 3, 2)),
        ("color_infrared", (5, 4, 3)),
        ("agriculture", (6, 5, 2)),
        ("vegetation", (6, 5, 4)),
        ("swir", (7, 5, 4)),
        ("urban", (7, 6, 4)),
        ("geology", (7, 6, 2)),
        ("land_water", (5, 6, 4)),
        ("bathymetric", (4, 3, 1)),
    ],
)
def test_composites_are_those_of_the_usgs(name, numbers):
    assert on("landsat8", name) == tuple(f"B{number}" for number in numbers)


def test_every_composite_is_covered_above():
    assert len(COMPOSITES) == 9


def test_an_unknown_band_says_what_was_meant():
    with pytest.raises(BandError, match="'B08' is not in the store") as caught:
        on("landsat8", ["B08"])
    assert "did you mean 'B8'" in caught.value.hint


def test_an_unknown_composite_says_what_was_meant():
    with pytest.raises(BandError, match="agricultre") as caught:
        on("landsat8", "agricultre")
    assert "did you mean 'agriculture'" in caught.value.hint


def test_an_unknown_sensor_says_what_was_meant():
    with pytest.raises(BandError, match="landsat9") as caught:
        get_sensor("landsat9")
    assert "did you mean 'landsat" in caught.value.hint


@pytest.mark.parametrize("bands", [["B2", "B2"], [2, "B2"], [2, 5, 2]])
def test_a_band_named_twice_is_refused(bands):
    with pytest.raises(BandError, match="twice"):
        on("landsat8", bands)


def test_a_composite_needs_a_sensor_and_its_bands():
    with pytest.raises(BandError, match="needs a known sensor"):
        resolve("natural", available=("B4", "B3", "B2"), sensor=None)
    with pytest.raises(BandError, match="needs a swir1 band"):
        on("naip", "agriculture")
    with pytest.raises(BandError, match="'B6' is not in the store"):
        resolve("agriculture", available=("B5", "B2"), sensor="landsat8")


def test_no_band_is_refused():
    with pytest.raises(BandError, match="no band"):
        on("landsat8", [])


def test_a_wrong_request_ends_with_exit_code_2():
    assert BandError.exit_code == 2


@given(
    st.permutations(SENSORS["sentinel2"].band_names).flatmap(lambda names: st.integers(1, 13).map(lambda n: names[:n]))
)
def test_any_selection_of_names_is_kept_as_it_is(names):
    assert on("sentinel2", names) == tuple(names)


@given(st.permutations(range(1, 12)))
def test_numbers_mean_the_names_of_landsat_bands(numbers):
    assert on("landsat8", numbers) == tuple(f"B{number}" for number in numbers)


@pytest.mark.parametrize(
    ("sensor", "bands", "drop", "expected"),
    [
        ("landsat8", [1, 2, 9], [9], ("B1", "B2")),
        ("sentinel2", "agriculture", [8], ("B11", "B02")),
        ("sentinel2", "agriculture", ["B02", 11], ("B08",)),
        ("naip", "all", ["N"], ("R", "G", "B")),
        ("landsat8", ["B10", 1], (), ("B10", "B1")),
        ("landsat8", [6, 5, 2], [5, "B5"], ("B6", "B2")),
    ],
)
def test_dropped_bands_leave_the_others_in_their_order(sensor, bands, drop, expected):
    assert on(sensor, bands, drop) == expected


@given(st.sampled_from(sorted(SENSORS)), st.data())
def test_all_but_some_is_every_other_band(sensor, data):
    names = SENSORS[sensor].band_names
    drop = data.draw(st.lists(st.sampled_from(names), max_size=len(names) - 1, unique=True))
    assert on(sensor, "all", drop) == tuple(name for name in names if name not in drop)


def test_dropping_what_is_not_selected_is_refused():
    with pytest.raises(BandError, match="dropped band 'B9' is not among the selected bands B6, B5, B2") as caught:
        on("landsat8", "agriculture", [9])
    assert caught.value.hint
    with pytest.raises(BandError, match="dropped band 'B8a'") as caught:
        on("sentinel2", "all", ["B8a"])
    assert "did you mean 'B8" in caught.value.hint


def test_dropping_every_band_is_refused():
    with pytest.raises(BandError, match="every selected band is dropped: B4, B3, B2"):
        on("landsat8", "natural", [2, 3, 4])

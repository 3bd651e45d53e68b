"""Bands of weights mapped to a store's by wavelength, and their units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.weights.about import About, of_torchgeo
from raysat.data.weights.fit import check_units, map_bands, units
from raysat.errors import BandError, PlanError
from tests.helpers.satellite import S2, band_names


def mapped(about: About, sensor: str | None, bands: tuple[str, ...] | None = None) -> dict[str, str | None]:
    names = bands or band_names(str(sensor))
    found = map_bands(about, bands=names, sensor=sensor)
    assert found.factor == len(about.bands) / len(names)
    return {
        band: None if source is None else about.bands[source] for band, source in zip(names, found.sources, strict=True)
    }


def test_sentinel_2_takes_its_own_bands_in_any_order() -> None:
    found = mapped(S2, "sentinel2")
    assert found == {f"B0{k}": f"B{k}" for k in range(1, 10)} | {"B10": "B10", "B11": "B11", "B12": "B12", "B8A": "B8a"}
    assert mapped(S2, "sentinel2_l2a") == {band: theirs for band, theirs in found.items() if band != "B10"}


def test_landsat_takes_the_nearest_and_its_thermal_and_panchromatic_bands_none() -> None:
    assert mapped(S2, "landsat8") == {
        "B1": "B1", "B2": "B2", "B3": "B3", "B4": "B4", "B5": "B8a", "B6": "B11", "B7": "B12", "B8": None, "B9": "B10",
        "B10": None, "B11": None,
    }  # fmt: skip
    assert mapped(of_torchgeo("ResNet18_Weights.LANDSAT_OLI_TIRS_TOA_MOCO"), "landsat8") == {
        band: band for band in band_names("landsat8")
    }


def test_aerial_bands_in_their_own_order() -> None:
    assert mapped(S2, "naip") == {"R": "B4", "G": "B3", "B": "B2", "N": "B8"}


def test_a_store_without_a_known_sensor_is_refused_where_wavelengths_matter() -> None:
    for sensor in (None, "mine"):
        with pytest.raises(BandError, match="names no sensor that is known") as found:
            map_bands(S2, bands=["B2", "B3"], sensor=sensor)
        assert "sensor" in (found.value.hint or "")


@pytest.mark.parametrize("sensor", [None, "sentinel2"])
def test_weights_without_wavelengths_go_by_name(sensor: str | None) -> None:
    own = About(bands=("B2", "b03", "x"))
    assert mapped(own, sensor, ("B03", "B02", "B04")) == {"B03": "b03", "B02": "B2", "B04": None}
    with pytest.raises(BandError, match="no band of the weights"):
        map_bands(own, bands=["B11"], sensor=sensor)


def test_inputs_are_what_the_weights_transform_would_make_of_them() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(100, 4000, size=(50, 3))
    about = About(bands=("a", "b", "c"), mean=(1000.0, 50.0, 7.0), std=(500.0, 2000.0, 3.0))
    mean, std = values.mean(axis=0), values.std(axis=0)
    gain, shift = units(about, (2, 0, 1), mean=mean, std=std, scale=2.0)
    seen = (values - mean) / std * gain + shift
    theirs = (2 * values - np.array([7, 1000, 50])) / np.array([3, 500, 2000])
    np.testing.assert_allclose(seen, theirs, rtol=1e-12)


def test_a_band_without_counterpart_is_as_the_others_are() -> None:
    about = About(bands=("a", "b"), std=(10.0,))
    gain, shift = units(about, (0, None, 1), mean=[10, 290, 30], std=[1, 5, 3], scale=1.0)
    np.testing.assert_allclose(gain, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(shift, [1, 2, 3])
    gain, shift = units(about, (0, None, 1), mean=[10, 290, 30], std=[1, 5, 3], scale="standardised")
    assert [*gain, *shift] == [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(("scale", "fits"), [(1.0, True), (1e-4, False), (1000.0, False)])
def test_values_of_other_units_are_refused(scale: float, fits: bool) -> None:
    found = units(S2, range(13), mean=[1500.0] * 13, std=[500.0] * 13, scale=scale)
    if fits:
        check_units(*found)
    else:
        with pytest.raises(PlanError, match="other units than the store's") as error:
            check_units(*found)
        assert "standardised" in (error.value.hint or "")


@given(order=st.permutations(range(13)), count=st.integers(1, 13))
def test_any_of_the_weights_own_bands_in_any_order_are_themselves(order: list[int], count: int) -> None:
    bands = [S2.bands[position].upper() for position in order[:count]]
    names = [f"B{band[1:].zfill(2)}" for band in bands]
    found = map_bands(S2, bands=names, sensor="sentinel2")
    assert found.sources == tuple(order[:count])
    assert found.factor == 13 / count

"""Metres between places, against Vincenty's formula and PROJ's geodesics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from raysat.data.geodesy import blocks, in_space, longitude_latitude, nearest
from raysat.data.places import Places, SceneRef
from raysat.errors import DataError
from tests.helpers.data import quick
from tests.helpers.geodesy import vincenty


def places_in(*crs, x, y):
    scenes = tuple(SceneRef(name=None, crs=text) for text in crs)
    numbers = np.arange(len(x)) % len(scenes)
    return Places(scene=numbers, x=np.array(x, float), y=np.array(y, float), scenes=scenes)


def test_the_same_place_in_several_crs():
    # The tower of Pisa: UTM zones 32 and 33, Web Mercator, European equal area, degrees (gdaltransform of GDAL 3).
    lon, lat = 10.396597, 43.722952
    proj = pytest.importorskip("pyproj")
    systems = ("EPSG:4326", "EPSG:32632", "EPSG:32633", "EPSG:3857", "EPSG:3035", "EPSG:4258")
    there = [proj.Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat) for crs in systems]
    longitude, latitude = longitude_latitude(places_in(*systems, x=[x for x, _ in there], y=[y for _, y in there]))
    np.testing.assert_allclose(longitude, lon, atol=1e-7)
    np.testing.assert_allclose(latitude, lat, atol=1e-7)


def test_central_meridians_and_false_eastings():
    places = places_in("EPSG:32633", "EPSG:32733", x=[500_000, 500_000], y=[0, 10_000_000])
    longitude, latitude = longitude_latitude(places)
    np.testing.assert_allclose(longitude, 15, atol=1e-9)
    np.testing.assert_allclose(latitude, 0, atol=1e-9)


def test_longitudes_beyond_the_date_line_are_one_place():
    longitude, _ = longitude_latitude(places_in("EPSG:4326", x=[190, -170], y=[0, 0]))
    np.testing.assert_allclose(longitude, -170)


LONGITUDES, LATITUDES = st.floats(-180, 180), st.floats(-89.9, 89.9)


@quick
@given(lon=LONGITUDES, lat=LATITUDES, east=st.floats(-0.5, 0.5), north=st.floats(-0.5, 0.5))
def test_straight_lines_are_as_long_as_the_ground_and_never_longer(lon, lat, east, north):
    other = (lon + east, max(-89.95, min(89.95, lat + north)))
    ground = vincenty(lon, lat, *other)
    one, two = in_space(np.array([lon, other[0]]), np.array([lat, other[1]]))
    straight = float(np.linalg.norm(one - two))
    assert straight <= ground + 1e-4
    radius = 6_335_000  # the least radius of curvature: a chord of angle t is shorter than its arc by t^2 / 24 of it
    assert straight >= ground * (1 - (ground / radius) ** 2 / 24) - 1e-4


def test_vincenty_is_what_geodesics_of_proj_are():
    geod = pytest.importorskip("pyproj").Geod(ellps="WGS84")
    rng = np.random.default_rng(0)
    for lon, lat, east, north in rng.uniform((-180, -89, -40, -40), (180, 49, 40, 40), (50, 4)):
        there = (lon + east, np.clip(lat + north, -89.9, 89.9))
        assert vincenty(lon, lat, *there) == pytest.approx(geod.inv(lon, lat, *there)[2], abs=1e-3)


@pytest.mark.parametrize("side", [100.0, 10_000.0, 250_000.0])
@pytest.mark.parametrize("latitude", [-60.0, -0.01, 35.0, 70.0])
def test_blocks_are_squares_of_about_that_side(side, latitude):
    """A dense grid of places around one: each block spans as much from west to east as from south to north."""
    steps = np.linspace(0, 4 * side, 161)
    lat = latitude + steps / 111_320
    lon = 20 + steps / 111_320 / np.cos(np.radians(latitude))
    codes = blocks(*(axis.ravel() for axis in np.meshgrid(lon, lat)), side).reshape(161, 161)
    height = np.diff(np.flatnonzero(np.diff(codes[:, 80]))) * (steps[1] - steps[0])
    middle = (steps[1] - steps[0]) * np.cos(np.radians(lat[80])) / np.cos(np.radians(latitude))
    width = np.diff(np.flatnonzero(np.diff(codes[80]))) * middle
    np.testing.assert_allclose(height, side, rtol=0.06)
    np.testing.assert_allclose(width, side, rtol=0.15 if side > 1e5 else 0.06)  # a large one is a trapezium


@quick
@given(lon=LONGITUDES, lat=st.floats(-85, 85), side=st.floats(10, 1e6), seed=st.integers(0, 99))
def test_patches_of_a_block_lie_near_each_other(lon, lat, side, seed):
    rng = np.random.default_rng(seed)
    span = side / 111_000
    lons = lon + rng.uniform(-1, 1, 200) * span / np.cos(np.radians(lat))
    lats = np.clip(lat + rng.uniform(-1, 1, 200) * span, -89.9, 89.9)
    codes, points = blocks(lons, lats, side), in_space(lons, lats)
    for code in np.unique(codes):
        members = points[codes == code]
        assert np.linalg.norm(members[:, None] - members[None], axis=-1).max() <= side * 1.7  # of a diagonal


def test_a_block_at_the_date_line_and_at_a_pole_is_whole():
    codes = blocks(np.array([180.0, -180.0, 179.9999, -179.9999]), np.full(4, 10.0), 1000.0)
    assert codes[0] == codes[1] == codes[3]
    assert codes[2] != codes[0]
    poles = blocks(np.linspace(-179, 179, 50), np.full(50, 90.0), 10_000.0)
    assert len(set(poles)) <= 4
    assert blocks(np.array([0.0]), np.array([-90.0]), 10_000.0)[0] != poles[0]


def test_what_is_nearest():
    rng = np.random.default_rng(0)
    points, others = rng.normal(0, 1000, (40, 3)), rng.normal(0, 1000, (30, 3))
    apart = np.linalg.norm(points[:, None] - others[None], axis=-1).min(axis=1)
    np.testing.assert_allclose(nearest(points, others), apart)
    assert np.isinf(nearest(points, others[:0])).all()
    assert nearest(points[:0], others).shape == (0,)


@pytest.mark.parametrize(
    ("crs", "x", "y", "message"),
    [
        ("EPSG:4326", 10, 95, "patch 1 has no place on the Earth: 10, 95 in 'EPSG:4326'"),
        ("EPSG:32633", 1e30, 0, "patch 1 has no place on the Earth"),
        ("EPSG:999999", 0, 0, "patch 1 has a CRS that is not known, 'EPSG:999999'"),
        ("anything", 0, 0, "patch 1 has a CRS that is not known"),
        ('LOCAL_CS["a plan",UNIT["metre",1]]', 0, 0, "patch 1 has no place on the Earth|a CRS that is not known"),
    ],
)
def test_what_has_no_place_is_one_line(crs, x, y, message):
    with pytest.raises(DataError, match=message) as caught:
        longitude_latitude(places_in("EPSG:4326", crs, x=[0, x], y=[0, y]))
    assert caught.value.hint


def test_a_crs_is_no_name_of_a_file(tmp_path, capfd):
    """GDAL would read it there, or ask a server: what a store says of places must not make anybody do so."""
    (tmp_path / "crs.wkt").write_text(CRS.from_epsg(32633).to_wkt())
    for text in (str(tmp_path / "crs.wkt"), "http://127.0.0.1:9/crs", "+proj=utm +zone=33", "EPSG:4326+5773"):
        with pytest.raises(DataError, match="a CRS that is not known"):
            longitude_latitude(places_in(text, x=[0], y=[0]))
    assert capfd.readouterr() == ("", "")


def test_a_crs_as_wkt():
    places = places_in(" ".join(CRS.from_epsg(32633).to_wkt().split()), x=[500_000], y=[0])
    assert longitude_latitude(places)[0] == pytest.approx(15)

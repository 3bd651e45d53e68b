import pytest

from raysat.data.bands import COMPOSITES, bands_of_files, resolve
from raysat.data.sensors import SENSORS, get_sensor
from raysat.errors import BandError

# Nanometres, from the agencies' tables: ESA's Sentinel-2 A spectral responses, USGS's band designations (the middle of
# the designated range), Planet's PSB.SD table.
PUBLISHED = {
    "sentinel2_l2a": [442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1613.7, 2202.4],
    "landsat8_l2": [443, 482, 561.5, 654.5, 865, 1608.5, 2200.5, 10895],
    "planetscope": [443, 490, 531, 565, 610, 665, 705, 865],
    "planetscope4": [490, 565, 665, 865],
}


@pytest.mark.parametrize("sensor", PUBLISHED)
def test_centres_are_the_published_ones(sensor):
    bands = get_sensor(sensor).bands
    assert [band.wavelength_um * 1000 for band in bands] == pytest.approx(PUBLISHED[sensor], abs=1)


@pytest.mark.parametrize("sensor", SENSORS.values(), ids=lambda sensor: sensor.name)
def test_names_and_roles_are_each_of_one_band(sensor):
    assert len(set(sensor.band_names)) == len({band.role for band in sensor.bands}) == len(sensor.bands)


def test_level_2a_is_level_1c_without_its_cirrus_band():
    first, second = ({band.name: band for band in get_sensor(name).bands} for name in ("sentinel2", "sentinel2_l2a"))
    assert first.keys() - second.keys() == {"B10"}
    assert all(band == first[name] for name, band in second.items())


@pytest.mark.parametrize("sensor", ["landsat8", "landsat8_l2", "sentinel2", "sentinel2_l2a"])
def test_every_composite_is_had_of_what_has_its_bands(sensor):
    names = get_sensor(sensor).band_names
    for composite in COMPOSITES:
        assert len(resolve(composite, available=names, sensor=sensor)) == 3


def test_a_subset_of_a_sensors_bands_keeps_its_composites():
    some = bands_of_files("sentinel2", ["B02", "B03", "B04", "B08"])
    assert resolve("color_infrared", available=some, sensor="sentinel2") == ("B08", "B04", "B03")
    with pytest.raises(BandError, match="'B11' is not in the store"):
        resolve("agriculture", available=some, sensor="sentinel2")


def test_numbers_mean_bands_of_level_2():
    assert resolve([4, 10], available=get_sensor("landsat8_l2").band_names, sensor="landsat8_l2") == ("SR_B4", "ST_B10")

"""Scenes of STAC items: which asset is which band, and which places an item may lead to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.windows import Window

from raysat.data.scenes.stac import instruments, open_item, read_item
from raysat.errors import BandError, DataError, UsageError
from raysat.inference.maps.source import SceneOptions, open_for
from tests.helpers.maps import BANDS, random_arm, random_pixels, write_scene


def write_item(path: Path, assets: dict[str, Any], **properties: Any) -> Path:
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "S2A_T32", "bbox": [0, 0, 1, 1], "links": []}
    item |= {"geometry": {"type": "Point", "coordinates": [0, 0]}, "assets": assets}
    item |= {"properties": {"datetime": "2020-01-01T00:00:00Z", **properties}}
    path.write_text(json.dumps(item))
    return path


@pytest.fixture
def pixels(tmp_path) -> np.ndarray:
    found = random_pixels(32, 32, bands=4)
    for number, band in enumerate(found):
        write_scene(tmp_path / f"{number}.tif", band[None], bands=None)
    write_scene(tmp_path / "all.tif", found, bands=None)
    return found


def read(place: Path, **options) -> np.ndarray:
    with open_item(read_item(place), place, bands=BANDS, sensor="sentinel2", **options) as scene:
        assert (scene.name, scene.bands) == ("S2A_T32", BANDS)
        return scene.read(Window(0, 0, 32, 32))[0]


def test_assets_are_bands_by_key_by_name_and_by_role(tmp_path, pixels) -> None:
    assets = {
        "B3": {"href": "2.tif"},
        "red": {"href": "./0.tif"},
        "x": {"href": "1.tif", "eo:bands": [{"name": "B02", "common_name": "blue"}]},
        "B02_preview": {"href": "3.tif", "roles": ["overview"], "eo:bands": [{"name": "B02"}]},
        "B02_other": {"href": "3.tif", "roles": 3, "eo:bands": [{"name": "B02"}]},
    }
    np.testing.assert_array_equal(read(write_item(tmp_path / "item.json", assets)), pixels[[1, 2, 0]])


def test_an_asset_of_several_bands(tmp_path, pixels) -> None:
    listed = [{"name": "B04"}, {"name": "B08"}, {"name": "x", "eo:common_name": "blue"}, {"name": "B03"}]
    item = write_item(tmp_path / "item.json", {"image": {"href": "all.tif", "bands": listed}})
    np.testing.assert_array_equal(read(item), pixels[[2, 3, 0]])
    more = write_item(tmp_path / "more.json", {"image": {"href": "all.tif", "bands": [*listed[1:], {}, listed[0]]}})
    with pytest.raises(DataError, match=r"has 4 bands; the item says that B04 is number 5"):
        read(more)


def test_a_map_takes_an_item_and_says_where_it_is_of_another_sensor(tmp_path, pixels) -> None:
    assets = {name: {"href": f"{number}.tif"} for number, name in enumerate(BANDS)}
    inputs = random_arm(models=1).inputs
    item = write_item(tmp_path / "item.json", assets, constellation="sentinel-2", platform="sentinel-2a")
    assert instruments(read_item(item)) == ("sentinel-2", "sentinel-2a")
    with open_for(inputs, item, SceneOptions()) as scene:
        np.testing.assert_array_equal(scene.read(Window(0, 0, 32, 32))[0], pixels[:3])
    for said in ({"platform": "landsat-8"}, {"constellation": "Landsat", "platform": "LANDSAT_8"}):
        other = write_item(tmp_path / "other.json", assets, **said)
        with pytest.raises(UsageError, match="is of landsat8, the model was trained on sentinel2"):
            open_for(inputs, other, SceneOptions())


def test_missing_bands_are_named(tmp_path, pixels) -> None:
    item = write_item(tmp_path / "item.json", {"B02": {"href": "0.tif"}, "thumb": {"href": "1.tif"}})
    with pytest.raises(BandError, match="has no asset of band B03, B04; it has B02, thumb"):
        read(item)


def test_assets_behind_urls_are_read_where_that_is_allowed(tmp_path) -> None:
    item = write_item(tmp_path / "item.json", {name: {"href": f"https://127.0.0.1:9/{name}.tif"} for name in BANDS})
    with pytest.raises(UsageError, match=r"an asset lies at https://127.0.0.1:9/B02.tif"):
        read(item)
    with pytest.raises(DataError, match="cannot be read as a raster"):
        read(item, allow_remote=True)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"type": "Feature"}', '{"type": "Feature", "assets": 3}', "[" * 5000, "no"]
)
def test_what_is_no_item_is_refused(tmp_path, text: str) -> None:
    (tmp_path / "item.json").write_text(text)
    with pytest.raises(DataError, match="is no STAC item"):
        read(tmp_path / "item.json")

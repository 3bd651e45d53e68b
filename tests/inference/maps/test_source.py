"""Which scenes a model takes, and what is said of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import Affine, from_origin
from rasterio.windows import Window

from raysat.data.model_inputs import ModelInputs
from raysat.data.scenes.remote import RemoteFile
from raysat.errors import BandError, DataError, RaysatError, UsageError
from raysat.inference.maps.source import SceneOptions, is_item, open_for, scene_name
from tests.helpers.maps import random_arm, random_pixels, write_scene

pytestmark = pytest.mark.slow

S2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
ROTATED = Affine.translation(500_000, 5_000_000) @ Affine.rotation(20) @ Affine.scale(10, -10)


@pytest.fixture(scope="module")
def inputs() -> ModelInputs:
    return random_arm(models=1).inputs


def pixels_of(inputs: ModelInputs, path: Path, **options) -> np.ndarray:
    with open_for(inputs, path, SceneOptions(**options)) as scene:
        assert scene.bands == inputs.bands
        return scene.read(Window(0, 0, scene.width, scene.height))[0]


def test_bands_are_found_by_name_whatever_their_order(tmp_path, inputs) -> None:
    pixels = random_pixels(32, 32, bands=4)
    scene = write_scene(tmp_path / "a.tif", pixels, bands=("B04, central wavelength 665 nm", "B08", "b2", "B03"))
    np.testing.assert_array_equal(pixels_of(inputs, scene), pixels[[2, 3, 0]])


def test_a_file_that_names_no_bands_needs_a_sensor_or_their_names(tmp_path, inputs) -> None:
    pixels = random_pixels(32, 32, bands=13)
    scene = write_scene(tmp_path / "a.tif", pixels, bands=None)
    with pytest.raises(BandError, match="its bands are not named; the model takes B02, B03, B04"):
        open_for(inputs, scene, SceneOptions())
    np.testing.assert_array_equal(pixels_of(inputs, scene, sensor="sentinel2"), pixels[1:4])
    np.testing.assert_array_equal(pixels_of(inputs, scene, bands=S2[::-1]), pixels[[11, 10, 9]])
    with pytest.raises(BandError, match="has no band B04, which the model takes; it has B02, B03"):
        open_for(inputs, write_scene(tmp_path / "b.tif", pixels[:2], bands=None), SceneOptions(bands=S2[1:3]))


def test_a_folder_of_one_file_a_band(tmp_path, inputs) -> None:
    pixels = random_pixels(32, 32, bands=4)
    for band, name in zip(pixels, ("B02", "B03", "B04", "B08"), strict=True):
        write_scene(tmp_path / f"T32TQM_{name}.tif", band[None], bands=None)
    np.testing.assert_array_equal(pixels_of(inputs, tmp_path), pixels[:3])


REFUSED = {
    "bands": ({"bands": ("B02", "B03", "B08")}, {}, "it has no band B04; it has 'B02', 'B03', 'B08'"),
    "sensor": ({}, {"sensor": "landsat8"}, "is of landsat8, the model was trained on sentinel2"),
    "dtype": ({"dtype": np.float32}, {}, "is float32, the model was trained on uint16"),
    "units": ({"factor": 100}, {}, "is in other units than the model's training data: band B02 .* not 100 to 3000"),
    "pixel size": (
        {"transform": from_origin(0, 0, 30, 30)},
        {},
        "its pixel size is 30 m, the model was trained on 10 m",
    ),
    "degrees": ({"crs": "EPSG:4326", "transform": from_origin(9, 45, 1e-4, 1e-4)}, {}, "is not known in metres, the"),
    "no crs": ({"crs": None}, {}, "is not known in metres, the model was trained on 10 m"),
    "rotated": ({"transform": ROTATED}, {}, "rotated or mirrored"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_another_scene_is_refused_with_both_said(tmp_path, what) -> None:
    written, options, said = REFUSED[what]
    written = dict(written)
    pixels = (random_pixels(48, 48) // written.pop("factor", 1)).astype(written.pop("dtype", np.uint16))
    scene = write_scene(tmp_path / "scene.tif", pixels, **written)
    with pytest.raises(RaysatError, match=said) as caught:
        open_for(random_arm(models=1, pixel_size=10.0).inputs, scene, SceneOptions(**options))
    assert caught.value.exit_code == 2


def test_resampling_brings_another_pixel_size_to_the_models(tmp_path) -> None:
    inputs = random_arm(models=1, pixel_size=10.0).inputs
    flat = np.full((3, 20, 30), 1500, np.uint16)
    coarse = write_scene(tmp_path / "coarse.tif", flat, transform=from_origin(500_000, 5_000_000, 20, 20))
    with open_for(inputs, coarse, SceneOptions(resample=True)) as scene:
        assert (scene.pixel_size, scene.height, scene.width) == (10, 40, 60)
        assert (scene.read(Window(10, 10, 8, 8))[0] == 1500).all()


@pytest.mark.parametrize(
    ("name", "sensor"),
    [("LC08_L1TP_016037.tif", "landsat8"), ("LE07_L1TP.tif", "landsat7")],
)
def test_products_of_another_sensor_are_known_by_their_name(tmp_path, inputs, name, sensor) -> None:
    with pytest.raises(UsageError, match=f"is of {sensor}, the model was trained on sentinel2"):
        open_for(inputs, write_scene(tmp_path / name, random_pixels(32, 32)), SceneOptions())
    pixels_of(inputs, write_scene(tmp_path / "S2A_MSIL1C_x.tif", random_pixels(32, 32)))
    pixels_of(random_arm(models=1, sensor=None).inputs, tmp_path / name)


def test_uint8_has_one_scale(tmp_path) -> None:
    dark = np.ones((3, 32, 32), np.uint8)
    pixels_of(random_arm(models=1, dtype="uint8").inputs, write_scene(tmp_path / "a.tif", dark))


def test_what_cannot_be_read_is_named(tmp_path, inputs) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(DataError, match=r"text\.tif is no raster"):
        open_for(inputs, tmp_path / "text.tif", SceneOptions())
    with pytest.raises(DataError, match=r"gone\.tif cannot be read"):
        open_for(inputs, tmp_path / "gone.tif", SceneOptions())
    for url in ("https://example.com/a.tif", "s3://bucket/a.tif"):
        with pytest.raises(UsageError, match="is not on this machine") as caught:
            open_for(inputs, RemoteFile(url), SceneOptions())
        assert "allow_remote" in str(caught.value.hint)


def test_a_map_is_called_after_its_scene(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert scene_name(Path("a/b.tif")) == "b"
    assert scene_name(RemoteFile("https://host/x/T32_B02.tif?sig=abc")) == "T32_B02"
    assert scene_name(Path()) == tmp_path.name
    (tmp_path / "2024.06.01").mkdir()
    assert scene_name(tmp_path / "2024.06.01") == "2024.06.01"
    assert [scene_name(Path(name)) for name in ("...tif", "..tif")] == ["scene", "scene"]  # never the folder above


def test_a_signature_is_neither_said_nor_kept(inputs) -> None:
    with pytest.raises(UsageError) as caught:
        open_for(inputs, RemoteFile("https://host/a.tif?sig=secret"), SceneOptions())
    assert "secret" not in str(caught.value)


def test_what_is_an_item() -> None:
    assert is_item(Path("a/item.JSON"))
    assert is_item(RemoteFile("https://host/v1/collections/sentinel-2-l2a/items/S2B_32TQM_20240601_0_L2A"))
    assert not any(is_item(RemoteFile(f"https://host/a{suffix}")) for suffix in (".tif", ".TIF?sig=x", ".jp2", ".j2k"))
    assert not any(is_item(place) for place in (Path("a/folder"), RemoteFile("s3://bucket/scene")))

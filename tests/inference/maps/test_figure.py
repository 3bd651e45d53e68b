"""The picture of a map: its scale bar is as long as it says, whatever the shape of map and cells; classes are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from raysat.inference.maps.cells import NODATA
from raysat.inference.maps.figure import draw_map
from raysat.inference.maps.record import MapRecord
from tests.helpers.maps import write_scene


def record_of(cells: tuple[int, int], stride: tuple[int, int], classes: int = 3, crs: str | None = None) -> MapRecord:
    return MapRecord(
        raysat="1",
        run="run",
        arm="arm",
        seeds=(0,),
        trials=("0" * 16,),
        classes=tuple(f"class {label}" for label in range(classes)),
        bands=("B02",),
        source="/a/scene.tif",
        resampled=False,
        region=(0, 0, cells[1] * stride[1], cells[0] * stride[0]),
        patch=stride,
        stride=stride,
        cells=cells,
        crs=crs,
        transform=(10.0 * stride[1], 0, 500_000, 0, -10.0 * stride[0], 5_000_000),
        counts=tuple(range(classes)),
        nodata=1,
        layers=("class.tif",),
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    kept: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *words, **more: kept.append(figure) or save(figure, *words, **more)
    )
    return kept


def draw(tmp_path: Path, record: MapRecord) -> None:
    cells = (np.arange(np.prod(record.cells)).reshape(1, *record.cells) % len(record.classes)).astype(np.uint8)
    cells[0, 0, 0] = NODATA
    write_scene(tmp_path / "class.tif", cells, bands=None)
    draw_map(tmp_path / "class.tif", record, tmp_path / "map.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "stride"),
    [((20, 30), (16, 16)), ((300, 4), (16, 16)), ((2, 200), (16, 16)), ((20, 20), (16, 32)), ((1, 1), (64, 64))],
)
@pytest.mark.parametrize("crs", ["EPSG:32632", None])
def test_the_scale_bar_is_as_long_as_it_says(tmp_path, drawn, cells, stride, crs) -> None:
    draw(tmp_path, record_of(cells, stride, crs=crs and rasterio.CRS.from_string(crs).to_wkt()))
    (figure,) = drawn
    axes, foot = figure.axes
    image = axes.images[0]
    left, top = axes.transData.transform((0, 0))
    right, bottom = axes.transData.transform((cells[1] * stride[1], cells[0] * stride[0]))
    across, down = right - left, top - bottom
    assert across / down == pytest.approx(cells[1] * stride[1] / (cells[0] * stride[0]), rel=1e-6)  # square pixels
    assert tuple(image.get_extent()) == (0, cells[1] * stride[1], cells[0] * stride[0], 0)
    bars = [patch for patch in foot.patches if isinstance(patch, Rectangle)]
    begin = foot.transData.transform((bars[0].get_x(), 0))[0]
    end = foot.transData.transform((bars[-1].get_x() + bars[-1].get_width(), 0))[0]
    number, unit = foot.texts[0].get_text().split()
    pixels = float(number) * {"m": 0.1, "km": 100, "pixels": 1}[unit]
    assert (end - begin) / across == pytest.approx(pixels / (cells[1] * stride[1]), rel=1e-6)


def test_of_many_classes_the_most_frequent_are_named(tmp_path, drawn) -> None:
    draw(tmp_path, record_of((20, 20), (16, 16), classes=3))
    draw(tmp_path, record_of((20, 20), (16, 16), classes=40))
    few, many = ([text.get_text() for text in figure.legends[0].get_texts()] for figure in drawn)
    assert few == ["class 0  0.0 %", "class 1  33.3 %", "class 2  66.7 %", "no data"]
    assert many[0] == "class 39  5.0 %"
    assert many[-2:] == ["10 more", "no data"]
    assert len(many) == 32

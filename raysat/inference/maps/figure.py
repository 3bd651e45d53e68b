"""A picture of a map: its classes with a legend, a scale bar and an arrow to the north."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle
from rasterio.enums import Resampling

from raysat.data.scenes.gdal import quiet_gdal
from raysat.files import write_unsynced, writing
from raysat.formatting import elide
from raysat.inference.maps.cells import NODATA
from raysat.inference.maps.layers import class_colours
from raysat.inference.maps.record import MapRecord

_LONGEST: Final = 1600  # cells along the longer side that are drawn
_SIDE: Final = 7.0  # inches of the longer side of the map
_LEGEND: Final = 2.6  # inches right of it
_FOOT: Final = 0.65  # inches below it, for the scale bar
_HEAD: Final = 0.6
_MARGIN: Final = 0.15
_LEAST: Final = 1.2  # of either side of the axes: a narrower map has room beside it
_DPI: Final = 150
_NODATA_COLOUR: Final = (0.93, 0.93, 0.93)
_DEGREE: Final = 111_320.0  # metres of one of latitude, and of longitude at the equator
_MOST_CLASSES: Final = 30  # in the legend


def draw_map(layer: Path, record: MapRecord, file: Path) -> None:
    """Draw a map as PNG. Raises DiskError where it cannot be written.

    Args:
        layer: its classes, a GeoTIFF.
        record: what it was made of.
        file: where to write.
    """
    rows, columns = record.cells
    step = max(1.0, max(rows, columns) / _LONGEST)
    shape = max(1, round(rows / step)), max(1, round(columns / step))
    with quiet_gdal(), rasterio.open(layer) as source:
        cells = source.read(1, out_shape=shape, resampling=Resampling.nearest)
    inch = _SIDE / max(rows * record.stride[0], columns * record.stride[1])  # of a pixel of the scene
    width, height = max(_LEAST, columns * record.stride[1] * inch), max(_LEAST, rows * record.stride[0] * inch)
    total = width + _LEGEND + 2 * _MARGIN, height + _HEAD + _FOOT
    with rc_context({"font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans"], "svg.hashsalt": "raysat"}):
        figure = Figure(figsize=total, facecolor="white")
        place = (_MARGIN / total[0], _FOOT / total[1], width / total[0], height / total[1])
        axes = figure.add_axes(place)
        palette = ListedColormap([*_colours(record), _NODATA_COLOUR])
        shown = np.where(cells == NODATA, len(record.classes), cells)
        axes.imshow(
            shown,
            cmap=palette,
            vmin=-0.5,
            vmax=len(record.classes) + 0.5,
            interpolation="nearest",
            extent=(0, columns * record.stride[1], rows * record.stride[0], 0),  # pixels are square, cells need not be
        )
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color="0.4", linewidth=0.8)
        head = 1 - 0.1 / total[1]
        left = _MARGIN / total[0]
        figure.text(left, head, elide(Path(record.source).name, 60), va="top", size=11, weight="bold", parse_math=False)
        seeds = f"{len(record.seeds)} seeds" if len(record.seeds) > 1 else f"seed {record.seeds[0]}"
        detail = f"{elide(record.arm, 60)}, {seeds}; a cell is {record.stride[1]} x {record.stride[0]} px"
        figure.text(left, head - 0.22 / total[1], detail, va="top", size=8.5, color="0.35", parse_math=False)
        _draw_legend(figure, record, left=(_MARGIN + width + 0.2) / total[0], top=place[1] + place[3])
        foot = figure.add_axes((place[0], 0.0, place[2], _FOOT / total[1]))
        foot.set_axis_off()
        across = width / inch / record.stride[1]  # cells that the axes have room for: a narrow map fills them in part
        foot.set_xlim(0, across)
        foot.set_ylim(0, 1)
        _draw_scale(foot, record, across)
        if record.crs is not None:
            _draw_north(figure, x=(_MARGIN + width + 0.45) / total[0], inches=total)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=_DPI, metadata={"Software": None})
    with writing(file):
        write_unsynced(file, picture.getvalue())


def _draw_legend(figure: Figure, record: MapRecord, *, left: float, top: float) -> None:
    """The classes with their share of the cells that are mapped; of many the most frequent ones."""
    mapped = sum(record.counts) or 1
    colours, labels = _colours(record), range(len(record.classes))
    listed = labels if len(labels) <= _MOST_CLASSES else sorted(labels, key=lambda label: -record.counts[label])
    handles = [
        Patch(
            facecolor=colours[label],
            edgecolor="0.4",
            linewidth=0.5,
            label=f"{elide(record.classes[label], 18)}  {100 * record.counts[label] / mapped:.1f} %",
        )
        for label in listed[:_MOST_CLASSES]
    ]
    if more := len(listed[_MOST_CLASSES:]):
        handles.append(Patch(facecolor="none", label=f"{more} more"))
    if record.nodata:
        handles.append(Patch(facecolor=_NODATA_COLOUR, edgecolor="0.4", linewidth=0.5, label="no data"))
    legend = figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left, top),
        frameon=False,
        fontsize=9,
        borderpad=0,
        borderaxespad=0,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _colours(record: MapRecord) -> list[tuple[float, float, float]]:
    return [(red / 255, green / 255, blue / 255) for red, green, blue in class_colours(len(record.classes))]


def cell_width(record: MapRecord) -> float | None:
    """Metres that a cell is wide in the middle of a map; None without a CRS."""
    if record.crs is None:
        return None
    with quiet_gdal():
        crs = rasterio.CRS.from_wkt(record.crs)
    a, _, _, d, e, f = record.transform
    if crs.is_projected:
        return float(math.hypot(a, d) * crs.linear_units_factor[1])
    if not crs.is_geographic:
        return None
    latitude = f + d * record.cells[1] / 2 + e * record.cells[0] / 2
    return math.hypot(a * math.cos(math.radians(latitude)), d) * _DEGREE


def _draw_scale(axes: Axes, record: MapRecord, across: float) -> None:
    """A bar of a round length, a quarter of the axes' width or less; in pixels where metres are not known."""
    metres = cell_width(record)
    length = _round_down(across * (metres or record.stride[1]) / 4)
    bar = length / (metres or record.stride[1])
    label = f"{length:g} m" if length < 1000 else f"{length / 1000:g} km"
    if metres is None:
        label = f"{length:g} pixels"
    for part, colour in enumerate(("0.15", "white")):
        axes.add_patch(
            Rectangle((part * bar / 2, 0.62), bar / 2, 0.14, facecolor=colour, edgecolor="0.15", linewidth=0.8)
        )
    axes.text(bar / 2, 0.48, label, ha="center", va="top", size=9)


def _round_down(length: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above a length."""
    power = 10.0 ** math.floor(math.log10(length))
    return float(max(factor for factor in (1, 2, 5) if factor * power <= length * (1 + 1e-9)) * power)


def _draw_north(figure: Figure, *, x: float, inches: tuple[float, float]) -> None:
    """An arrow up: maps are north up, by their grid."""
    bottom, top = (_FOOT + 0.02) / inches[1], (_FOOT + 0.6) / inches[1]
    figure.add_artist(
        FancyArrowPatch((x, bottom), (x, top), arrowstyle="-|>", color="0.15", linewidth=1.5, mutation_scale=16)
    )
    figure.text(x, top + 0.02 / inches[1], "N", ha="center", va="bottom", size=11, weight="bold", color="0.15")

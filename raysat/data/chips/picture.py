"""A map of chips: a quicklook of each scene, and a square for each chip in the colour of its class."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from raysat.data.bands import resolve
from raysat.data.chips.read import ChipSource
from raysat.data.sample_grid import DPI, FORMATS
from raysat.data.scenes.grid import short_crs, to_map
from raysat.data.scenes.scene import Scene
from raysat.data.store import PatchStore
from raysat.errors import BandError, UsageError
from raysat.files import write_unsynced, writing
from raysat.formatting import elide, plural

_PANELS: Final = 6  # scenes that are drawn: those with the most chips
_PIXELS: Final = 900  # of a quicklook, along its longer side
_SIDE: Final = 5.5  # inches of a panel
_LEGEND: Final = 2.2  # inches right of them
_OUTLINES: Final = 600  # chips of a scene that are drawn as squares; more are dots in their centres
_STRETCH: Final = (2, 98)  # percentiles shown as black and white
# Of Okabe and Ito (2008), told apart with any colour vision; then matplotlib's twenty.
_COLOURS: Final = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#D55E00", "#CC79A7", "#0072B2", "#FFFFFF")
_NAMED: Final = 24  # classes in the legend


def check_picture(file: Path) -> None:
    """Raise UsageError for a picture of a format that is not drawn."""
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw to {file}", hint=f"name a file that ends in {', '.join(FORMATS)}")


def draw_chips(store: PatchStore, chips: ChipSource, file: Path) -> None:
    """Draw a store of chips on the scenes that they were cut from.

    Args:
        store: of the chips.
        chips: what it was made of.
        file: where to write; its suffix names the format.

    Raises:
        DataError: a scene cannot be read, or the file cannot be written.
    """
    places = store.places
    if places is None:
        raise UsageError("chips without places have no map")
    names = [scene.name for scene in places.scenes]
    counts = np.bincount(places.scene, minlength=len(names))
    shown = np.argsort(-counts, kind="stable")[:_PANELS].tolist()
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    colours = _colours(len(store.classes))
    figure = Figure(figsize=(columns * _SIDE + _LEGEND, rows * _SIDE + 0.4), facecolor="white", layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    heads = [scene.name[:200] for scene in chips.scenes]
    for axes, number in zip(grid.flat, shown, strict=False):
        with chips.opened(heads.index(names[number] or "")) as scene:
            mine = np.flatnonzero(places.scene == number)
            inverse = ~scene.transform
            centres = np.column_stack(to_map(inverse, places.x[mine], places.y[mine]))
            _draw_scene(axes, scene, centres, colours[store.labels[mine]], chips.options.size)
    title = plural(len(store), "chip") + (f", {len(shown)} of {len(names)} scenes" if len(names) > len(shown) else "")
    figure.suptitle(title, size=11, weight="bold", x=0.01, ha="left")
    figure.legend(handles=_legend(store, colours), loc="outside right upper", frameon=False, fontsize=9)
    picture = io.BytesIO()
    figure.savefig(picture, format=file.suffix[1:].lower(), dpi=DPI)
    with writing(file):
        write_unsynced(file, picture.getvalue())


def quicklook(scene: Scene, bands: Sequence[str]) -> npt.NDArray[np.float32]:
    """Read a scene at few pixels, stretched to 0..1, nodata grey.

    Args:
        scene: an open scene.
        bands: one, or three as red, green and blue.

    Returns:
        A picture (h, w, 3), at most 900 pixels high and wide.
    """
    pixels, missing = scene.overview(_PIXELS)
    chosen = [scene.bands.index(band) for band in bands]
    picture = np.empty((*pixels.shape[1:], 3), np.float32)
    for channel in range(3):
        band = chosen[channel % len(chosen)]
        values, lost = pixels[band].astype(np.float32), missing[band]
        valid = values[~lost]
        low, high = np.percentile(valid, _STRETCH) if valid.size else (0.0, 1.0)
        stretched = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
        picture[..., channel] = np.where(lost, 0.5, stretched)
    return picture


def _draw_scene(axes: Any, scene: Scene, centres: npt.NDArray[np.float64], colours: Any, size: int) -> None:
    axes.imshow(
        quicklook(scene, _shown_bands(scene)), extent=(0, scene.width, scene.height, 0), interpolation="nearest"
    )
    if len(centres) <= _OUTLINES:
        squares = [Rectangle((x - size / 2, y - size / 2), size, size) for x, y in centres.tolist()]
        axes.add_collection(PatchCollection(squares, facecolor="none", edgecolor="black", linewidth=1.6))
        axes.add_collection(PatchCollection(squares, facecolor="none", edgecolor=colours, linewidth=1.0))
    across = np.clip(0.45 * 72 * _SIDE / np.sqrt(len(centres)), 2, 6)  # points of type: half of the way to the next one
    axes.scatter(*centres.T, s=across**2, c=colours, edgecolors="black", linewidths=0.3, zorder=3)
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    crs = short_crs(scene.crs) if scene.crs else "no CRS"
    axes.set_title(f"{elide(scene.name, 40)}: {len(centres):,} ({crs})", size=9, parse_math=False)


def _shown_bands(scene: Scene) -> tuple[str, ...]:
    for composite in ("natural", "color_infrared"):
        try:
            return resolve(composite, available=scene.bands, sensor=scene.sensor)
        except BandError:
            continue
    return scene.bands[:3] if len(scene.bands) >= 3 else scene.bands[:1]


def _colours(classes: int) -> npt.NDArray[np.float64]:
    """A colour for each class, (K, 4)."""
    more = [colormaps["tab20"].colors[index % 20] for index in range(max(0, classes - len(_COLOURS)))]  # type: ignore[attr-defined]
    return np.array([to_rgba(colour) for colour in (*_COLOURS, *more)][:classes], np.float64)


def _legend(store: PatchStore, colours: npt.NDArray[np.float64]) -> list[Line2D]:
    counts = np.bincount(store.labels, minlength=len(store.classes))
    style = {"marker": "s", "linestyle": "", "markeredgecolor": "black", "markersize": 8}
    rows = [
        Line2D([], [], color=tuple(colour), label=f"{_plain(elide(name, 24))} ({count:,})", **style)  # type: ignore[arg-type]
        for name, colour, count in zip(store.classes[:_NAMED], colours, counts, strict=False)
    ]
    if len(store.classes) > _NAMED:
        rows.append(Line2D([], [], linestyle="", label=f"and {len(store.classes) - _NAMED} more"))
    return rows


def _plain(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")

"""One picture of what a store holds: a row a class with its patches by split, its spectrum, and some of its patches."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from raysat.data.bands import Bands, picture_bands
from raysat.data.sample_grid import check_format
from raysat.data.sensors import SENSORS
from raysat.data.splits import SPLITS
from raysat.data.store import PatchStore
from raysat.data.summary import class_spectra, rows_of_class
from raysat.files import write_unsynced, writing
from raysat.formatting import elide, tail

MOST_CLASSES: Final = 24  # the largest ones, where there are more
DPI: Final = 150
_WIDTH: Final = 8.54  # inches: 1,281 pixels
_ROW: Final = 1.16  # inches of a class
_HEAD: Final = 0.92  # inches above the rows
_FOOT: Final = 0.75  # and below
_NAMES: Final = (0.12, 2.18)  # left end and width of each column, inches
_SPECTRA: Final = (2.75, 2.35)
_PATCHES: Final = 5.3  # left end
_PATCH: Final = 0.58  # inches
_GAP: Final = 0.04
_STRETCH: Final = (2, 98)  # percentiles shown as black and white
_GAMMA: Final = 0.75
_INK, _MUTED, _FAINT = "#1c2229", "#59636e", "#c9d0d7"
_SPLIT_COLOURS: Final = ("#0b62a8", "#6aa9dc", "#c2410c")
_FAR: Final = 3.0  # micrometres: thermal bands lie beyond, and the axis becomes logarithmic
_TICKS: Final = (0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)
_RC: Final[Any] = {
    "font.size": 8,
    "text.parse_math": False,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "svg.hashsalt": "raysat",
}


def summary_plot(store: PatchStore, file: Path, *, composite: Bands | None = None, per_class: int = 5) -> None:
    """Draw what a store holds: for each class its patches by split, its spectrum with quantiles, and examples.

    Args:
        store: the store.
        file: where to write; its suffix names the format.
        composite: bands of the examples, as ``contact_sheet``.
        per_class: examples of a class at most.

    Raises:
        BandError: the composite is not in the store, or not of one or three bands.
        UsageError: the format is not known.
        StoreError: the store's files are damaged.
        DataError: the file cannot be written.
    """
    check_format(file)
    with rc_context(_RC):
        figure = draw_summary(store, composite=composite, per_class=per_class)
        picture = io.BytesIO()
        kind = file.suffix[1:].lower()
        nothing = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
        figure.savefig(picture, format=kind, dpi=DPI, metadata=nothing.get(kind))
    with writing(file):
        write_unsynced(file, picture.getvalue())


def draw_summary(store: PatchStore, *, composite: Bands | None, per_class: int) -> Figure:
    """Return the picture; it is to be saved at ``DPI``. Raises as ``summary_plot``.

    Args:
        store: the store.
        composite: bands of the examples.
        per_class: examples of a class at most.
    """
    name, bands = picture_bands(composite, available=store.bands, sensor=store.sensor)
    counts = np.stack([store.counts(split) for split in SPLITS])
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    shown = np.sort(order[:MOST_CLASSES])
    width = max(_WIDTH, _PATCHES + per_class * (_PATCH + _GAP) + 0.1)
    height = _HEAD + len(shown) * _ROW + _FOOT
    figure = Figure(figsize=(width, height), facecolor="white")
    page = _Page(figure, width, height)
    _write_heads(page, store, f"examples, {name}: {', '.join(bands)}", len(shown))
    spectra, examples = class_spectra(store)[shown], _examples(store, shown, bands, per_class)
    places, log = _wavelengths(store)
    first: Axes | None = None
    for row, label in enumerate(shown):
        top = _HEAD + row * _ROW
        total = int(counts[:, label].sum())
        share = f"{total:,} ({100 * total / len(store):.0f} %)"
        room = 29 - len(share)  # letters
        page.text(_NAMES[0], top + 0.1, elide(store.classes[label], room), weight="bold", size=8.5)
        page.text(sum(_NAMES), top + 0.1, share, ha="right", size=7.5, color=_MUTED)
        _draw_counts(page.axes(_NAMES[0] + 0.3, top + 0.3, _NAMES[1] - 0.88, 0.6), counts[:, label], counts.max())
        axes = page.axes(_SPECTRA[0], top + 0.12, _SPECTRA[1], _ROW - 0.2, sharey=first)
        first = first or axes
        _draw_spectrum(axes, spectra, row, places)
        _set_band_axis(axes, store, places, log=log, labelled=row == len(shown) - 1)
        for column, image in enumerate(examples[row]):
            picture = page.axes(_PATCHES + column * (_PATCH + _GAP), top + 0.2, _PATCH, _PATCH)
            picture.imshow(image, interpolation="nearest", cmap="gray", vmin=0, vmax=1)
            picture.set_axis_off()
    if first is not None:
        low, high = np.nanmin(spectra), np.nanmax(spectra)
        first.set_ylim(low - 0.05 * (high - low or 1), high + 0.05 * (high - low or 1))
    return figure


class _Page:
    """A figure whose places are given in inches from its left upper corner."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        self.figure, self._width, self._height = figure, width, height

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        """Write a line whose upper left corner is there."""
        self.figure.text(left / self._width, 1 - top / self._height, text, va="top", **style)

    def axes(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Add axes."""
        bottom = self._height - top - height
        place = (left / self._width, bottom / self._height, width / self._width, height / self._height)
        return self.figure.add_axes(place, **options)


def _write_heads(page: _Page, store: PatchStore, examples: str, shown: int) -> None:
    path = store.path.resolve() if isinstance(store.path, Path) else store.path
    count, bands, height, width = store.images.shape
    sensor = SENSORS[store.sensor].title if store.sensor in SENSORS else store.sensor or "sensor not known"
    of = f" (the {shown} largest of {len(store.classes)} classes)" if shown < len(store.classes) else ""
    facts = f"{count:,} patches of {height} x {width} px, {bands} bands, {store.images.dtype.name}; {sensor}{of}"
    page.text(_NAMES[0], 0.12, elide(path.name, 60), weight="bold", size=12)
    page.text(_NAMES[0], 0.36, facts, size=9, color=_MUTED)
    top = _HEAD - 0.2
    page.text(_NAMES[0], top, "patches by split", color=_MUTED)
    page.text(_SPECTRA[0], top, "pixel values: median, 25–75 %, 5–95 %", color=_MUTED)
    page.text(_PATCHES, top, elide(examples, 46), color=_MUTED)


def _draw_counts(axes: Axes, counts: npt.NDArray[np.int64], most: int) -> None:
    """Bars of a class: its patches in each split, all classes to one scale."""
    present = [(split, count) for split, count in zip(SPLITS, counts, strict=True) if count]
    for place, (split, count) in enumerate(present):
        colour = _SPLIT_COLOURS[SPLITS.index(split)]
        axes.barh(place, count, height=0.78, color=colour)
        axes.text(count + most * 0.03, place, f"{count:,}", va="center", size=7.5)
    axes.set_yticks(range(len(present)), [split for split, _ in present])
    axes.set_ylim(2.5, -0.5)
    axes.set_xlim(0, most)
    axes.tick_params(length=0, labelcolor=_INK)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _draw_spectrum(axes: Axes, spectra: npt.NDArray[np.float64], row: int, places: npt.NDArray[np.float64]) -> None:
    """The quantiles of one class over the bands, before the medians of the others."""
    along = np.argsort(places, kind="stable")
    x = places[along]
    for other, quantiles in enumerate(spectra):
        if other != row:
            axes.plot(x, quantiles[along, 2], color=_FAINT, linewidth=0.8, zorder=1)
    lowest, low, median, high, highest = spectra[row][along].T
    colour = _SPLIT_COLOURS[0]
    axes.fill_between(x, lowest, highest, color=colour, alpha=0.13, linewidth=0, zorder=2)
    axes.fill_between(x, low, high, color=colour, alpha=0.30, linewidth=0, zorder=3)
    axes.plot(x, median, color=colour, linewidth=1.4, marker="o", markersize=2.4, zorder=4)


def _set_band_axis(
    axes: Axes, store: PatchStore, places: npt.NDArray[np.float64], *, log: bool, labelled: bool
) -> None:
    """Wavelengths where they are known, else the bands' names in order; numbers below the last row alone."""
    known = not np.array_equal(places, np.arange(len(places)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    if known:
        axes.set_xscale("log" if log else "linear")
        axes.set_xlim(places.min() / 1.06, places.max() * 1.06)
        axes.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if places.min() <= tick <= places.max()]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_xlim(-0.4, len(places) - 0.6)
        every = -(-len(places) // 16)
        axes.set_xticks(places[::every], _short(store.bands[::every]), rotation=90)
    axes.tick_params(length=2, labelbottom=labelled)
    if labelled:
        axes.set_xlabel("wavelength, µm" if known else "band", size=7.5, color=_MUTED, labelpad=2)


def _short(names: Sequence[str]) -> list[str]:
    return [name if len(name) <= 6 else tail(name, 6) for name in names]


def _wavelengths(store: PatchStore) -> tuple[npt.NDArray[np.float64], bool]:
    """Where each band stands on the axis (C,), and whether that is logarithmic."""
    bands = {band.name: band.wavelength_um for band in SENSORS[store.sensor].bands} if store.sensor in SENSORS else {}
    if not bands.keys() >= set(store.bands) or len(store.bands) < 2:
        return np.arange(len(store.bands), dtype=np.float64), False
    places = np.array([bands[name] for name in store.bands])
    return places, bool(places.max() > _FAR)


def _examples(
    store: PatchStore, labels: npt.NDArray[np.int64], bands: Sequence[str], per_class: int
) -> list[npt.NDArray[np.float32]]:
    """Some patches of each class as pictures (n, H, W, 1 or 3), all in one stretch."""
    channels = [store.bands.index(band) for band in bands]
    rows = [rows_of_class(store, int(label), per_class) for label in labels]
    images = [np.stack([store.images[of, channel] for channel in channels], axis=-1).astype(np.float32) for of in rows]
    low, high = np.percentile(np.concatenate(images), _STRETCH, axis=(0, 1, 2))
    return [np.clip((image - low) / np.maximum(high - low, 1e-9), 0, 1) ** _GAMMA for image in images]

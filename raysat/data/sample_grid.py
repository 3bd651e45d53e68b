"""A contact sheet: patches of each class side by side, in a band composite."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from raysat.data.bands import Bands, resolve
from raysat.data.disk import disk_errors
from raysat.data.store import PatchStore
from raysat.errors import BandError, UsageError

FORMATS: Final = (".png", ".pdf", ".svg", ".jpg")
_CELL: Final = 1.1  # inches
_MARGIN: Final = 1.5  # inches left of the patches, for the class
_HEAD: Final = 0.55  # inches above them, for the title
_STRETCH: Final = (2, 98)  # percentiles shown as black and white
_GAMMA: Final = 0.75  # lifts the ground, which clouds would leave dark


def contact_sheet(store: PatchStore, file: Path, *, composite: Bands | None = None, per_class: int = 8) -> None:
    """Draw some patches of every class, evenly spaced in the store, all with one stretch so that classes compare.

    Args:
        store: the store.
        file: where to write; its suffix names the format.
        composite: one band, or three as red, green and blue; by default natural colours where the sensor has them,
            else the store's first bands.
        per_class: patches of a class at most.

    Raises:
        BandError: the composite is not in the store, or not of one or three bands.
        UsageError: the format is not known.
        DataError: the file cannot be written.
    """
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw to {file}", hint=f"name a file that ends in {', '.join(FORMATS)}")
    name, bands = _bands(store, composite)
    chosen = [_some(np.flatnonzero(store.labels == label), per_class) for label in range(len(store.classes))]
    pixels = _stretch(store, np.concatenate(chosen), [store.bands.index(band) for band in bands])
    counts = np.bincount(store.labels, minlength=len(store.classes))

    rows, columns = len(chosen), max(len(some) for some in chosen)
    width, height = _MARGIN + columns * _CELL + 0.1, _HEAD + rows * _CELL + 0.1
    figure = Figure(figsize=(width, height), facecolor="white")
    title = f"{name}: {', '.join(bands)}"
    figure.text(0.1 / width, 1 - 0.18 / height, store.path.resolve().name, va="top", weight="bold", size=11)
    figure.text(1 - 0.1 / width, 1 - 0.2 / height, title, va="top", ha="right", size=9, color="0.35")
    position = 0
    for row, (class_name, some) in enumerate(zip(store.classes, chosen, strict=True)):
        bottom = height - _HEAD - (row + 1) * _CELL
        middle = (bottom + _CELL / 2) / height
        label = class_name if len(class_name) <= 18 else f"{class_name[:17]}…"
        figure.text(0.1 / width, middle + 0.02 / height, label, va="bottom", size=10, parse_math=False)
        share = f"{counts[row]:,} ({100 * counts[row] / len(store):.1f} %)"
        figure.text(0.1 / width, middle - 0.04 / height, share, va="top", size=8, color="0.35")
        for column in range(len(some)):
            left = _MARGIN + column * _CELL
            axes = figure.add_axes((left / width, bottom / height, (_CELL - 0.06) / width, (_CELL - 0.06) / height))
            axes.imshow(pixels[position], interpolation="nearest", cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
            position += 1
    work = file.with_name(f".{file.stem}.partial{file.suffix}")
    with disk_errors(file):
        try:
            figure.savefig(work, dpi=150)
            work.replace(file)
        finally:
            work.unlink(missing_ok=True)


def _bands(store: PatchStore, composite: Bands | None) -> tuple[str, tuple[str, ...]]:
    """Return what the picture's colours are called, and their bands."""
    if composite is None:
        with contextlib.suppress(BandError):
            return "natural", resolve("natural", available=store.bands, sensor=store.sensor)
        bands = store.bands[:3] if len(store.bands) >= 3 else store.bands[:1]
    else:
        bands = resolve(composite, available=store.bands, sensor=store.sensor)
    if len(bands) not in (1, 3):
        raise BandError(f"a picture shows 1 or 3 bands, not {len(bands)}", hint="such as natural, or 6,5,2")
    name = composite if isinstance(composite, str) and composite != "all" else None
    return name or ("red, green, blue" if len(bands) == 3 else "grey"), bands


def _some(indices: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Pick up to ``count`` of some positions, evenly spaced."""
    if len(indices) <= count:
        return indices
    return indices[np.linspace(0, len(indices) - 1, count).round().astype(np.int64)]


def _stretch(store: PatchStore, chosen: npt.NDArray[np.int64], bands: list[int]) -> npt.NDArray[Any]:
    """Return the chosen patches as (n, H, W, bands) in 0..1, each band cut at its percentiles over all of them."""
    pixels = np.stack([store.images[chosen, band] for band in bands], axis=-1).astype(np.float32)
    low, high = np.percentile(pixels, _STRETCH, axis=(0, 1, 2))
    stretched: npt.NDArray[Any] = np.clip((pixels - low) / np.maximum(high - low, 1e-9), 0, 1) ** _GAMMA
    return stretched

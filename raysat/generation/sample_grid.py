"""Drawings of a generator: its patches below real ones, and how its training went; as the bytes of a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_COLUMNS: Final = 8
_CELL: Final = 1.1  # inches
_GAP: Final = 0.06  # inches between patches
_MARGIN: Final = 1.1  # inches left of the patches
_HEAD: Final = 0.55  # inches above them, for the title
_BREAK: Final = 0.18  # inches between the real ones and the others
_STRETCH: Final = (2, 98)  # percentiles of the real patches shown as black and white
_GAMMA: Final = 0.75  # lifts the ground, which clouds would leave dark
_DPI: Final = 150
_GENERATOR, _DISCRIMINATOR, _DIVERSITY = "#c4512d", "#2d6ca8", "#3f7f4c"

Images = npt.NDArray[Any]  # (n, C, H, W)


class Point(Protocol):
    """What a curve needs to know of a moment of training (see ``gan.py``)."""

    @property
    def step(self) -> int:
        """Steps taken."""

    @property
    def generator_loss(self) -> float:
        """Mean over the last steps."""

    @property
    def discriminator_loss(self) -> float:
        """Mean over the last steps."""

    @property
    def diversity(self) -> float | None:
        """Relative to real patches."""


def draw_samples(real: Images, generated: Images, *, bands: Sequence[str], title: str) -> bytes:
    """Draw real patches above generated ones, all with the stretch of the real.

    One band is grey; of more, the first three are red, green and blue (the second of two bands is green and blue).

    Args:
        real: real patches (n, C, H, W); as many as fill whole rows look best.
        generated: generated patches (m, C, H, W) in the same units.
        bands: the bands' names, in order.
        title: what is shown, such as the class.
    """
    shown = _channels(len(bands))
    low, high = np.percentile(real[:, shown].astype(np.float32), _STRETCH, axis=(0, 2, 3))
    groups = [("real", real), ("generated", generated)]
    rows = [-(-len(images) // _COLUMNS) for _, images in groups]
    width, height = _MARGIN + _COLUMNS * _CELL + 0.1, _HEAD + _BREAK + sum(rows) * _CELL + 0.1
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.text(0.1 / width, 1 - 0.18 / height, title, va="top", weight="bold", size=11, parse_math=False)
    named = ", ".join(bands[band] for band in dict.fromkeys(shown))
    figure.text(1 - 0.1 / width, 1 - 0.2 / height, named, va="top", ha="right", size=9, color="0.35", parse_math=False)
    top = height - _HEAD
    for (name, images), count in zip(groups, rows, strict=True):
        figure.text(0.1 / width, (top - _CELL / 2) / height, name, va="center", size=10)
        scaled = (images[:, shown].astype(np.float32) - low[:, None, None]) / np.maximum(high - low, 1e-9)[
            :, None, None
        ]
        pixels = np.moveaxis(np.clip(scaled, 0, 1) ** _GAMMA, 1, -1)
        for index, patch in enumerate(pixels):
            left = _MARGIN + index % _COLUMNS * _CELL
            bottom = top - (index // _COLUMNS + 1) * _CELL
            side = _CELL - _GAP
            axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
            axes.imshow(patch, interpolation="nearest", cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
        top -= count * _CELL + _BREAK
    return _png(figure)


def draw_losses(history: Sequence[Point], *, title: str = "") -> bytes:
    """Draw both losses and, below them, diversity over the steps of training."""
    steps = [point.step for point in history]
    figure = Figure(figsize=(7, 4.6), facecolor="white", layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold", size=11, parse_math=False)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _curve(above, steps, [point.generator_loss for point in history], "generator", _GENERATOR)
    _curve(above, steps, [point.discriminator_loss for point in history], "discriminator", _DISCRIMINATOR)
    above.set_ylabel("loss")
    above.set_ylim(bottom=0)
    above.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    diversity = [np.nan if point.diversity is None else point.diversity for point in history]
    below.axhline(1, color="0.7", linewidth=0.8)
    below.annotate("real", (1, 1), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center")
    _curve(below, steps, diversity, "diversity", _DIVERSITY)
    below.set_ylabel("diversity")
    below.set_ylim(0, max([1.2, *(1.1 * value for value in diversity if np.isfinite(value))]))
    below.set_xlabel("step")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
    return _png(figure)


def _channels(bands: int) -> list[int]:
    return [0] if bands == 1 else [0, 1, min(2, bands - 1)]


def _curve(axes: Axes, steps: Sequence[int], values: Sequence[float], label: str, color: str) -> None:
    axes.plot(steps, values, color=color, linewidth=1.4, label=label, marker="o" if len(steps) < 3 else None, ms=3)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()

"""Drawings of a generator: its patches below real ones, and how its training went; as the bytes of a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from raysat.data.sample_grid import DPI, Images, PatchGroup, draw_grid
from raysat.generation.generate import Report

_COLUMNS: Final = 8
_SPACING: Final = 0.18  # inches between the real ones and the others
_GENERATOR, _DISCRIMINATOR, _DIVERSITY = "#c4512d", "#2d6ca8", "#3f7f4c"


def draw_samples(real: Images, generated: Images, *, bands: Sequence[str], title: str) -> bytes:
    """Draw real patches above generated ones, all with the stretch of the real, and return the PNG.

    One band is grey; of more, the first three are red, green and blue (the second of two bands is green and blue).

    Args:
        real: real patches (n, C, H, W); as many as fill whole rows look best.
        generated: generated patches (m, C, H, W) in the same units.
        bands: the bands' names, in order.
        title: what is shown, such as the class.
    """
    channels = [0] if len(bands) == 1 else [0, 1, min(2, len(bands) - 1)]
    groups = [
        PatchGroup(name="real", images=real[:, channels]),
        PatchGroup(name="generated", images=generated[:, channels]),
    ]
    figure = draw_grid(
        groups,
        reference=groups[0].images,
        columns=_COLUMNS,
        title=title,
        channels=", ".join(bands[channel] for channel in dict.fromkeys(channels)),
        spacing=_SPACING,
    )
    return _png(figure)


def draw_losses(history: Sequence[Report], *, title: str = "") -> bytes:
    """Draw the losses and, below them, diversity over the steps of training."""
    steps = [point.step for point in history]
    figure = Figure(figsize=(7, 4.6), facecolor="white", layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold", size=11, parse_math=False)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _curve(above, steps, [point.generator_loss for point in history], "generator", _GENERATOR)
    discriminator = [point.discriminator_loss for point in history if point.discriminator_loss is not None]
    if discriminator:
        _curve(above, steps, discriminator, "discriminator", _DISCRIMINATOR)
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


def _curve(axes: Axes, steps: Sequence[int], values: Sequence[float], label: str, color: str) -> None:
    axes.plot(steps, values, color=color, linewidth=1.4, label=label, marker="o" if len(steps) < 3 else None, ms=3)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()

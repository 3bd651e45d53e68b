"""Where both arms look: patches in natural colours, and beside each what is lost where they are covered."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from raysat.data.sample_grid import stretched
from raysat.formatting import elide, plural
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.occlusion import ArmMaps
from raysat.reporting.analysis.pixels import Pixels
from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.changed import STRETCH
from raysat.reporting.figures.page import SCREEN, page
from raysat.reporting.figures.style import ACCENT, GRID, SURFACE, WARN, RenderedFigure, new_figure, render
from raysat.reporting.format.explanations import arms_compared

_HEAT: Final = LinearSegmentedColormap.from_list("heat", [ACCENT, SURFACE, WARN])
_LEAST: Final = 0.05  # of a probability: what is less is no deep colour
_ACROSS: Final = 2  # patches beside each other
_MOST_NARROW: Final = 4  # patches in a column of a paper
_LONGEST: Final = 15  # letters of a class


def occlusion(analysis: Analysis) -> RenderedFigure | None:
    """Draw the patches whose maps were made; None where none were, or the store is not there."""
    explained = analysis.explained
    if explained is None or explained.maps is None or not isinstance(explained.pixels, Pixels):
        return None
    maps, pixels = explained.maps, explained.pixels
    images = stretched(pixels.read(maps.rows), pixels.reference())
    most = max(_LEAST, *(float(np.abs(arm.drop).max()) for arm in (maps.before, maps.after)))
    count = min(len(maps.rows), _MOST_NARROW) if page().narrow else len(maps.rows)
    across = 1 if page().narrow else min(_ACROSS, count)
    lines = -(-count // across)
    figure = new_figure(lines * 1.6 + 0.75, 0.1 + across * 3.7)
    grid = figure.subplots(lines, 3 * across, squeeze=False)
    heat: Any = None
    names = analysis.board.classes
    for place in range(lines * across):
        cells = grid[place // across, 3 * (place % across) : 3 * (place % across) + 3]
        for axes in cells:
            axes.set(xticks=[], yticks=[])
            for side in axes.spines.values():
                side.set(visible=True, color=GRID)
        if place >= count:
            for axes in cells:
                axes.set_axis_off()
            continue
        true = int(analysis.predictions.labels[maps.rows[place]])
        patch = images[place]
        cells[0].imshow(patch, interpolation="nearest", cmap="gray", vmin=0, vmax=1)
        _title(cells[0], elide(names[true], _LONGEST), "", bold=True)
        for axes, arm, called in zip(cells[1:], (maps.before, maps.after), ("baseline", "arm"), strict=True):
            heat = axes.imshow(arm.drop[place], cmap=_HEAT, vmin=-most, vmax=most, interpolation="nearest")
            _title(axes, *_said(arm, place, names, called))
    bar = figure.colorbar(heat, ax=grid, orientation="horizontal", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label("loss of the true class's probability")
    name, baseline = arms_compared(analysis, explained.changes)
    subject = maps.subject
    return render(
        figure,
        "occlusion",
        title="Where both arms look",
        caption=Caption(
            shows=f"Patches that {name} (arm) newly gets right and {baseline} (baseline) does not, and what the "
            f"probability of the true class loses where a square of {plural(subject.mask, 'pixel')} is filled with the "
            f"bands' means, every {plural(subject.stride, 'pixel')}; above each the class that most seeds predict for "
            "the whole patch, and the mean probability of the true class",
            look_for="orange: there lies what speaks for the true class, while blue speaks against it. Orange on an "
            "edge or a cloud is a reason not to trust the arm",
            n=f"n = {plural(len(maps.seeds), 'pair')} of seeds",
            interval="Means over seeds, without intervals: these patches were chosen, and stand for no others",
            notes=STRETCH,
        ),
        alt=f"{plural(count, 'row')} of a patch in colours and two maps of where it matters.",
    )


def _said(arm: ArmMaps, place: int, names: tuple[str, ...], called: str) -> tuple[str, str]:
    """What an arm says of a patch, in two lines."""
    return f"{called}: {elide(names[int(arm.predicted[place])], _LONGEST)}", f"true class {arm.probability[place]:.2f}"


def _title(axes: Axes, first: str, second: str, *, bold: bool = False) -> None:
    size = 8 if page() == SCREEN else 9
    axes.set_title(f"{first}\n{second}", fontsize=size, fontweight="bold" if bold else "normal", pad=3)

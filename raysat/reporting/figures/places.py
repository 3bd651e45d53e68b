"""How near test patches lie to training ones, and whether neighbours among them err together."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from raysat.data.lengths import length
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.figures.caption import SUMS_ONLY, Caption
from raysat.reporting.figures.style import ACCENT, INK, MUTED, WARN, RenderedFigure, new_figure, render
from raysat.reporting.format.sentences import arm_label


def near_training(analysis: Analysis) -> RenderedFigure | None:
    """Draw the share of test patches that lie within each distance of a training patch."""
    if analysis.places is None or (near := analysis.places.near) is None:
        return None
    n = len(near.apart)
    metres = np.maximum(np.sort(near.apart), 1.0)
    figure = new_figure(2.8)
    axes = figure.add_subplot()
    least, most = min(metres[0], near.limit) / 1.5, max(metres[-1], near.limit) * 1.5
    axes.axvspan(least, near.limit, color=WARN, alpha=0.12, linewidth=0)
    axes.step([least, *metres, most], [0, *np.arange(1, n + 1) / n, 1], where="post", color=ACCENT, linewidth=1.8)
    axes.axvline(near.limit, color=WARN, linewidth=1.2, linestyle=(0, (4, 2)))
    side = {"ha": "right", "x": near.limit / 1.06} if near.limit > np.sqrt(least * most) else {"x": near.limit * 1.06}
    axes.text(**side, y=0.97, s=f"{length(near.limit)}: {near.within:,} of {n:,}", va="top", color=INK)
    _distances(axes, least, most)
    axes.set_xlabel("distance to the nearest training patch")
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("share of test patches")
    return render(
        figure,
        "near-training",
        title="Test patches near training ones",
        caption=Caption(
            shows="The share of test patches whose centre lies within a distance of a training patch's",
            look_for=f"what lies in the orange part, nearer than {length(near.limit)}: such patches are hardly another "
            "place than one that was trained on",
            n=f"n = {n:,} patches",
            interval="A count of all, without intervals",
        ),
        alt=f"A rising line: {near.within:,} of {n:,} test patches lie within {length(near.limit)} of a training one.",
    )


def error_correlation(analysis: Analysis) -> RenderedFigure | None:
    """Draw how alike the errors of two test patches are, by the distance between them."""
    if analysis.places is None or (found := analysis.places.correlogram) is None:
        return None
    figure = new_figure(2.9)
    axes = figure.add_subplot()
    axes.fill_between(found.metres, found.low, found.high, color=MUTED, alpha=0.22, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.plot(found.metres, found.correlation, color=ACCENT, linewidth=1.6)
    beyond = (found.correlation > found.high) | (found.correlation < found.low)
    for chosen, face in ((beyond, ACCENT), (~beyond, "none")):
        axes.scatter(found.metres[chosen], found.correlation[chosen], s=34, facecolor=face, edgecolor=ACCENT, zorder=3)
    _distances(axes, found.metres[0] / 1.2, found.metres[-1] * 1.2)
    axes.set_xlabel("distance between two test patches")
    axes.set_ylabel("correlation of errors")
    name = arm_label(analysis, found.arm)
    return render(
        figure,
        "error-correlation",
        title="Errors of neighbours",
        caption=Caption(
            shows=f"How alike {name} errs on two test patches, by the distance between them: the mean product of how "
            "much more often each is taken wrong, over seeds, than its class is, over its variance",
            look_for="filled points above the grey band at the left: neighbours err together, so that patches are "
            "fewer samples than they seem; where the line meets the band, groups are large enough",
            n=f"n = {found.patches:,} patches, {int(found.pairs.sum()):,} pairs, {int(found.pairs.min()):,} or more a "
            "point",
            interval="The band holds 95 % of 199 permutations of patches within their class, point by point",
            notes=f"{SUMS_ONLY}.",
        ),
        alt=f"A line from {found.correlation[0]:.2f} at {length(found.metres[0])} to {found.correlation[-1]:.2f} at "
        f"{length(found.metres[-1])}, over a band about 0.",
    )


def _distances(axes: Axes, least: float, most: float) -> None:
    """A logarithmic axis of lengths, in m and km."""
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    powers = 10.0 ** np.arange(np.floor(np.log10(least)), np.ceil(np.log10(most)) + 1)
    few = len(powers) < 4
    ticks = [tick for power in powers for tick in ((power, 2 * power, 5 * power) if few else (power,))]
    ticks = [tick for tick in ticks if least <= tick <= most]
    axes.set_xticks(ticks, [length(tick) for tick in ticks])
    axes.minorticks_off()

"""Draws the panels of the Grafana board with what their own expressions give in a Prometheus, for ``docs/metrics.md``.

    python docs/draw_board.py --prometheus http://127.0.0.1:9090 --out docs/img/grafana-board.png --minutes 10

It is no Grafana: titles, places, units and legends are the board's, the look is not.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

BOARD: Final = Path(__file__).parents[1] / "deploy" / "grafana" / "raysat.json"
_COLUMN, _ROW = 0.62, 0.285  # inches of one step of Grafana's grid
_COLOURS: Final = ("#3274d9", "#e0752d", "#37872d", "#c4162a", "#8f3bb8", "#e0b400", "#0a8f8f", "#6b7280")
_INK, _DIM, _LINE = "#1f2430", "#6b7280", "#d8dce3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What one series gave."""

    name: str
    times: list[float]  # seconds since the first
    values: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--minutes", type=float, default=10.0, help="how far back from now, or from --end")
    parser.add_argument("--end", type=float, default=time.time(), help="seconds since 1970")
    parser.add_argument("--rate-interval", default="15s", help="what Grafana would make of $__rate_interval")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    start = given.end - 60 * given.minutes
    panels = json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
    curves = {
        panel["id"]: [
            curve
            for target in panel.get("targets", ())
            for curve in ask(
                given.prometheus,
                target["expr"].replace("$__rate_interval", given.rate_interval).replace("$study", ".*"),
                target["legendFormat"],
                (start, given.end),
            )
        ]
        for panel in panels
    }
    draw(panels, curves, given.end - start).savefig(given.out, dpi=100, facecolor="#f4f5f7")


def ask(prometheus: str, expression: str, legend: str, span: tuple[float, float]) -> list[Curve]:
    """The series of an expression over a span of time, named as the legend says."""
    words = {"query": expression, "start": span[0], "end": span[1], "step": max(1, round((span[1] - span[0]) / 300))}
    if not prometheus.startswith(("http://", "https://")):
        raise SystemExit(f"--prometheus {prometheus}: no http:// URL")
    url = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(words)}"
    with urllib.request.urlopen(url) as answer:  # noqa: S310  (an http URL)
        found = json.load(answer)["data"]["result"]
    return [
        Curve(
            name=re.sub(r"\{\{(\w+)\}\}", lambda label, of=series["metric"]: of.get(label[1], ""), legend),
            times=[when - span[0] for when, value in series["values"] if value != "NaN"],
            values=[float(value) for _, value in series["values"] if value != "NaN"],
        )
        for series in found
        if any(value != "NaN" for _, value in series["values"])  # a share of nothing
    ]


def draw(panels: list[dict[str, Any]], curves: dict[int, list[Curve]], seconds: float) -> Figure:
    """The whole board on its grid."""
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 8, "text.color": _INK, "axes.edgecolor": _LINE})
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = plt.figure(figsize=(24 * _COLUMN, rows * _ROW))
    for panel in panels:
        at = panel["gridPos"]
        left, width, top = at["x"] / 24, at["w"] / 24, 1 - at["y"] / rows
        if panel["type"] == "row":
            figure.text(left + 0.006, top - 0.7 / rows, panel["title"], size=11, weight="bold", va="center")
            continue
        height = at["h"] / rows
        card = figure.add_axes((left + 0.004, top - height + 0.12 / rows, width - 0.008, height - 0.24 / rows))
        card.set(xticks=[], yticks=[], facecolor="white", xlim=(0, 1), ylim=(0, 1))
        card.text(0.015, 0.95, panel["title"], size=8.5, weight="bold", va="top")
        unit, found = panel["fieldConfig"]["defaults"]["unit"], curves[panel["id"]]
        if not found:
            card.text(0.5, 0.5, "no data: no GPU here", color=_DIM, ha="center", va="center")
        elif panel["type"] == "stat":
            _numbers(card, found, unit)
        else:
            _curves(card, panel, found, seconds)
    return figure


def _numbers(card: Axes, curves: list[Curve], unit: str) -> None:
    """The last value of each curve, side by side."""
    shown, across = curves[:8], min(4, len(curves))
    for index, curve in enumerate(shown):
        x, y = (index % across + 0.5) / across, 0.62 - 0.4 * (index // across) if len(shown) > across else 0.45
        card.text(x, y, said(curve.values[-1], unit), size=15, ha="center", va="center")
        card.text(x, y - 0.15, curve.name, size=7, color=_DIM, ha="center", va="center")


def _curves(card: Axes, panel: dict[str, Any], curves: list[Curve], seconds: float) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    axes = card.inset_axes((0.12, 0.3, 0.86, 0.53))
    axes.set(xlim=(0, seconds))
    for index, curve in enumerate(curves):
        times, values = _gaps(curve, curve.times), _gaps(curve, curve.values)
        axes.plot(times, values, color=_COLOURS[index % len(_COLOURS)], lw=1.1, label=curve.name)
    high = defaults.get("max") or 1.12 * max(max(curve.values) for curve in curves) or 1.0
    axes.set_ylim(0, 1.04 * high if "max" in defaults else high)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=_is_whole(curves)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, defaults["unit"])))
    minute = 1 if seconds < 300 else 60
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 3, 6, 10)))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value / minute:g} {'s' if minute == 1 else 'min'}")
    )
    axes.tick_params(labelsize=6.5, length=0, labelcolor=_DIM)
    axes.grid(color=_LINE, lw=0.5)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    handles, names = axes.get_legend_handles_labels()
    more = [f"... {len(names) - 6} more"] if len(names) > 6 else []
    card.legend(
        handles[:6] + [plt.Line2D([], [], alpha=0)] * len(more),
        names[:6] + more,
        loc="lower left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=2 if len(names) > 1 else 1,
        fontsize=6.5,
        frameon=False,
        handlelength=1.2,
        columnspacing=1.2,
        labelspacing=0.25,
    )


def _gaps(curve: Curve, numbers: list[float]) -> list[float]:
    """Numbers of a curve, one a time; where the series was not there for a while, none, so that no line is drawn."""
    steps = [later - sooner for sooner, later in zip(curve.times, curve.times[1:], strict=False)]
    usual = min(steps, default=0.0)
    found = numbers[:1]
    for step, number in zip(steps, numbers[1:], strict=True):
        if step > 4 * usual:
            found.append(float("nan"))
        found.append(number)
    return found


def _is_whole(curves: list[Curve]) -> bool:
    return all(value.is_integer() for curve in curves for value in curve.values)


def said(value: float, unit: str) -> str:
    """A number as its unit is written."""
    match unit:
        case "percentunit":
            return f"{100 * value:.0f} %"
        case "percent":
            return f"{value:.0f} %"
        case "s":
            return _duration(value)
        case "bytes" | "Bps":
            for prefix in ("", "k", "M", "G"):
                if abs(value) < 1000 or prefix == "G":
                    break
                value /= 1000
            return f"{value:.3g} {prefix}B" + "/s" * (unit == "Bps")
        case _:
            return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    main()

"""Writes ``raysat.json``, the Grafana board of raysat's runs, by Grafana's own typed library; a test keeps it current.

    pip install -c constraints.txt '.[test]'
    python deploy/grafana/write_board.py

Its variables are the Prometheus that it asks, and the studies that it shows.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Final

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have version 2 of the format, which older Grafanas do not read
    from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as models
from panels import ROWS, Panel

FILE: Final = Path(__file__).with_name("raysat.json")
_SOURCE: Final = words.DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH, _HEIGHT = 24, 8  # of the board, of a panel


def board() -> dict[str, Any]:
    """The board as Grafana reads it."""
    built = (
        dashboard.Dashboard("raysat")
        .uid("raysat-runs")
        .description("Runs of raysat on a Ray cluster; docs/metrics.md says what each metric means.")
        .tags(["raysat", "ray"])
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            dashboard.QueryVariable("study")
            .label("Study")
            .datasource(_SOURCE)
            .query("label_values(ray_raysat_trials, study)")
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.ALPHABETICAL_ASC)
            .multi(True)
            .include_all(True)
            .all_value(".*")
            .current(models.VariableOption(text="All", value="$__all", selected=True))
        )
    )
    number, top = 0, 0
    for name, panels in ROWS.items():
        number += 1
        row = dashboard.Row(name).id(number).grid_pos(models.GridPos(h=1, w=_WIDTH, x=0, y=top))
        built.with_row(row)
        left, top = 0, top + 1
        for panel in panels:
            number += 1
            if left + panel.width > _WIDTH:
                left, top = 0, top + _HEIGHT
            at = models.GridPos(h=_HEIGHT, w=panel.width, x=left, y=top)
            built.with_panel((_number(panel) if panel.is_number else _curves(panel)).id(number).grid_pos(at))
            left += panel.width
        top += _HEIGHT
    found: dict[str, Any] = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    return found


def _number(panel: Panel) -> stat.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    plain = stat.Panel().color_mode(words.BigValueColorMode.NONE).graph_mode(words.BigValueGraphMode.NONE)
    return _filled(plain.reduce_options(last), panel)


def _curves(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(words.LegendDisplayMode.LIST)
        .placement(words.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    curves = (
        timeseries.Panel()
        .legend(legend)
        .tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI))
        .show_points(words.VisibilityMode.NEVER)
        .min(0)
    )
    return _filled(curves, panel)


def _filled(built: Any, panel: Panel) -> Any:
    """A panel with its queries, and what is said of it."""
    built.title(panel.title).description(panel.about).unit(panel.unit).datasource(_SOURCE)
    if panel.most is not None:
        built.max(panel.most)
    for letter, (expression, legend) in zip("ABCD", panel.queries.items(), strict=False):
        built.with_target(
            prometheus.Dataquery().ref_id(letter).expr(expression).legend_format(legend).datasource(_SOURCE)
        )
    return built


def text() -> str:
    """The file."""
    return json.dumps(board(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")

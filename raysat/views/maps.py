"""Shows what maps say of scenes, and how good predictions of a store are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from raysat.metrics.catalog import FROM_CONFUSION
from raysat.metrics.confusion import Metrics
from raysat.views.table import plain_table

if TYPE_CHECKING:
    from raysat.inference.maps.scene_map import SceneMap
    from raysat.inference.store_predictions import StorePredictions

_LISTED = 20  # classes of a map


def show_maps(maps: Sequence[SceneMap], console: Console) -> None:
    """Print the cells of each class by scene."""
    table = plain_table("scene", "class", right=("cells", "%"))
    for each in maps:
        mapped = sum(each.record.counts) or 1
        ranked = sorted(zip(each.record.classes, each.record.counts, strict=True), key=lambda pair: -pair[1])
        name = each.folder.name
        for label, count in ranked[:_LISTED]:
            table.add_row(Text(name), Text(label), f"{count:,}", f"{100 * count / mapped:.1f}")
            name = ""
        if len(ranked) > _LISTED:
            table.add_row("", f"{len(ranked) - _LISTED} more", "", "")
        if each.record.nodata:
            table.add_row("", Text("no data", style="dim"), f"{each.record.nodata:,}", "")
    console.print(table)


def show_predictions(found: StorePredictions, console: Console) -> None:
    """Print the metrics of each seed and of all together, where labels are known."""
    seeds = f"seed{'s' * (len(found.seeds) > 1)} {', '.join(map(str, found.seeds))}"
    console.print(f"{len(found.indices):,} patches by {found.arm}, {seeds}")
    if found.metrics is None:
        console.print("no metrics: the store's classes are not the models'", style="yellow")
        return
    table = plain_table("", right=(*(metric.label for metric in FROM_CONFUSION), "n"))
    for seed, metrics in zip(found.seeds, found.by_seed, strict=True):
        table.add_row(f"seed {seed}", *_cells(metrics))
    if len(found.seeds) > 1:
        table.add_row("averaged", *_cells(found.metrics), style="bold")
    console.print(table)


def _cells(metrics: Metrics) -> list[str]:
    return [*(f"{metric.of(metrics):.{metric.digits}f}" for metric in FROM_CONFUSION), f"{metrics.n:,}"]

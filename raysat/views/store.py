"""Shows what a patch store holds, and what an importer did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.data.grouped import store_groups
from raysat.data.importers.base import ImportSummary
from raysat.data.sensors import SENSORS
from raysat.data.store import PatchStore
from raysat.data.summary import SAMPLE, class_counts, summarize_bands
from raysat.errors import DataError
from raysat.formatting import data_size, elide, plural

if TYPE_CHECKING:
    from raysat.data.exporters.write import ExportSummary  # and GDAL: half a second that others do without

_COUNTED = 10  # classes whose counts still fit a line


def show_store(store: PatchStore, console: Console) -> None:
    """Print what a store is, its patches by class and split, and its bands with their values."""
    sensor = SENSORS.get(store.sensor or "")
    facts = {
        "store": str(store.path),
        "patches": size_of(store),
        "sensor": f"{sensor.title} ({sensor.name})" if sensor else store.sensor or "not known",
        "classes": f"{len(store.classes)}{', ordinal' * store.ordinal}",
        "reported": f"results are those of the {store.reported_split} split",
        "nodata": _nodata(store),
        **_places(store),
        "source": _source(store.source),
        "fingerprint": store.fingerprint,
    }
    for name, fact in facts.items():
        console.print(Text.assemble((f"{name:<13}", "dim"), fact))
    console.print()
    console.print(class_table(store))
    console.print()
    console.print(_band_table(store))
    patches = "all" if len(store) <= SAMPLE else f"{SAMPLE} evenly spaced"
    without = ", without nodata pixels" if any(store.nodata or ()) else ""
    console.print(f"mean and sd: train split; min to max: {patches} patches{without}", style="dim")


def show_import(summary: ImportSummary, console: Console) -> None:
    """Print what was read, what was dropped and why, and what the store holds."""
    store, unit = summary.store, summary.unit
    rate = summary.read / max(summary.seconds, 1e-9)
    console.print(
        f"{summary.read:,} {unit} {summary.verb} {summary.origin} in {summary.seconds:.1f} s ({rate:,.0f} {unit}/s)"
    )
    if len(store.classes) <= _COUNTED:
        console.print(f"classes {'/'.join(map(str, summary.read_counts))} ({', '.join(store.classes)})")
    for reason, count in summary.dropped.items():
        console.print(f"{count:,} empty dropped: {reason}")
    for note in summary.notes:
        console.print(note)
    console.print(f"wrote {store.path}: {size_of(store)}")
    console.print()
    console.print(class_table(store, summary.read_counts))


def show_export(summary: ExportSummary, console: Console) -> None:
    """Print what a conversion wrote, and what a reader should know of it."""
    size = f"{plural(summary.files, 'file')}, {data_size(summary.bytes)}"
    console.print(
        f"wrote {summary.path}: {summary.patches:,} patches as {summary.layout}, {size}, in {summary.seconds:.1f} s"
    )
    for note in summary.notes:
        console.print(note)


def class_table(store: PatchStore, read: Sequence[int] = ()) -> Table:
    """Patches per class and split, with each class's share of the split; how many were read, where that is known."""
    splits = class_counts(store)
    table = columns_table("class", *(["read"] if read else []), *(cell for name in splits for cell in (name, "%")))
    for index, name in enumerate(store.classes):
        shares = (
            cell for count in splits.values() for cell in (f"{count[index]:,}", _percent(count[index], count.sum()))
        )
        table.add_row(Text(name), *([f"{read[index]:,}"] if read else []), *shares)
    totals = (cell for count in splits.values() for cell in (f"{count.sum():,}", ""))
    table.add_row("all", *([f"{sum(read):,}"] if read else []), *totals, style="dim")
    return table


def _band_table(store: PatchStore) -> Table:
    """Bands with role and wavelength where the sensor is known, the spread of their values, and nodata if any."""
    whole, nodata = store.images.dtype.kind == "u", ["nodata"] if any(store.nodata or ()) else []
    table = columns_table("band", "role", "nm", "mean", "sd", "min", "2 %", "median", "98 %", "max", *nodata, left=2)
    for band in summarize_bands(store):
        role, centre = (band.band.role, f"{band.band.wavelength_um * 1000:,.0f}") if band.band else ("", "")
        moments = (_number(value, 1, whole=whole) for value in (band.stats.mean, band.stats.std))
        ranges = (_number(value, 0, whole=whole) for value in band.ranges)
        table.add_row(Text(band.name), role, centre, *moments, *ranges, *(f"{band.nodata:,}" for _ in nodata))
    return table


def size_of(store: PatchStore) -> str:
    """How many patches of what: bands, pixels, type, bytes."""
    count, bands, height, width = store.images.shape
    stored = store.files.total()
    return f"{count:,} of {bands} bands, {height} x {width} px, {store.images.dtype.name}, {data_size(stored)} on disk"


def _nodata(store: PatchStore) -> str:
    if store.nodata is None:
        return "not recorded"
    pixels, total = sum(store.nodata), store.images.size
    if not pixels:
        return "none"
    return f"{pixels:,} of {total:,} pixels over all bands ({_percent(pixels, total)} %), stored as their band's mean"


def _places(store: PatchStore) -> dict[str, str]:
    """Where its patches lie, and how large their pixels are, where that is known."""
    facts = {}
    if store.places is not None:
        scenes = store.places.scenes
        named = [name for name in store.places.names if name is not None]
        shown = f"{plural(len(named), 'scene')}: {', '.join(named[:3])}{', ...' * (len(named) > 3)}; " if named else ""
        systems = list(dict.fromkeys(elide(scene.crs, 40) for scene in scenes))
        facts["places"] = f"{shown}{', '.join(systems[:3])}{', ...' * (len(systems) > 3)}"
    if (groups := _groups(store)) is not None:
        facts["groups"] = groups
    if store.pixel_size is not None:
        facts["pixel size"] = f"{store.pixel_size:g} m"
    return facts


def _groups(store: PatchStore) -> str | None:
    """How many groups its patches are in, where that is known, and where it is known from."""
    try:
        groups = store_groups(store)
    except DataError as error:
        return f"not known: {error}"
    if groups is None:
        return None
    if store.groups is None:
        told = "the scenes' names" if groups.grouping.by == "scene" else "as nothing else is said"
    else:
        told = "by a column of the manifest" if groups.grouping.by == "column" else "as it was split"
    return f"{groups.in_words}, {told}"


def _source(source: Mapping[str, Any]) -> str:
    facts = {name: sum(fact.values()) if isinstance(fact, dict) else fact for name, fact in source.items()}
    kind = str(facts.pop("kind", "not known"))
    return ", ".join((kind, *(f"{name.replace('_', ' ')} {fact}" for name, fact in facts.items())))


def columns_table(*columns: str, left: int = 1) -> Table:
    """An empty table; so many of its columns are of words, and the others of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=index >= left, overflow="fold")
    return table


def _number(value: float, decimals: int, *, whole: bool) -> str:
    """Digital numbers with so many decimals; values of floating-point bands with four digits; nothing for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:,.{decimals}f}" if whole else f"{value:.4g}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""
